#!/bin/bash
# A write that fails because the volume is full costs no ioctl if the volume has the whole LUN, and few if
# others use it too. What others free can be written at once.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

readonly NR=1000

# fill FILE: writes until the volume is full, first large pieces, then blocks.
fill() {
	! dd if=/dev/zero of="$1" bs=1M oflag=direct status=none 2>/dev/null || fail "$1 is not limited"
	! dd if=/dev/zero of="$1" bs=4k oflag=direct,append conv=notrunc status=none 2>/dev/null ||
		fail "$1 is not limited"
}

fail_to_write() {
	perl -e 'use Fcntl;
		sysopen($file, "$ARGV[0]/new", O_WRONLY | O_CREAT) or die;
		for (1 .. $ARGV[1]) { die if defined syswrite($file, "x") || !$!{ENOSPC} }' "$MNT" $NR ||
		fail "a write to a full volume"
}

readonly COUNTED='at=(virtual|resize|release) '
count_ioctls() {
	local at
	"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
	for at in virtual resize release; do
		"$CXLFSADM" emul fault "$ADAPTER" add "at=$at n=1000000000 action=eio" >/dev/null
	done
}
# Sets $counted to how many there have been since then.
read_counts() {
	counted=$("$CXLFSADM" emul fault "$ADAPTER" list | grep -E "$COUNTED" |
		sed 's/.* of \([0-9]*\))$/\1/' | paste -sd+ | bc)
}

free_on_lun() { "$CXLFSADM" emul status "$ADAPTER" | grep -q "^lun 0: .*, $1 of 8 chunks free"; }

for options in pack=0 pack=1M; do
	start_volume size=256M,bs=512 $options
	fill "$MNT/large"
	count_ioctls
	fail_to_write
	read_counts
	same "$counted" 0 "ioctls for $NR writes with $options when the LUN is full"

	# Another volume gets half of the LUN.
	rm "$MNT"/*
	mkdir -p "$WORK/other"
	start_daemon "emul:$ADAPTER" "$WORK/other" pack=0
	dd if=/dev/zero of="$WORK/other/file" bs=1M count=128 oflag=direct status=none
	wait_until "nothing is held ahead" free_on_lun 4
	fill "$MNT/large"
	same "$(stat -f -c %a "$MNT")" $((4 * 8192)) "blocks that df counts as free"
	count_ioctls
	fail_to_write
	read_counts
	say "$counted ioctls for $NR writes with $options beside another volume"
	[ "$counted" -gt 0 ] || fail "the driver was not asked"
	[ "$counted" -le $((NR * 3 + 50)) ] || fail "$counted ioctls with $options"
	truncate -s 64M "$WORK/other/file"
	wait_until "the other volume has given chunks back" free_on_lun 2
	echo again >"$MNT/new" || fail "what the other volume has freed cannot be written"
	stop_volume "$WORK/other"
	stop_volume
done
finish

#!/bin/bash
# A volume is saved while programs change it, and saving is interrupted in every way: each file is as
# of one moment, with --freeze all of them are, and nobody waits for ever.
# matrix: transport
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools python3

copy=$WORK/copy
file=$WORK/volume.save
mkdir "$copy"
start_volume size=4G pack=64K

# Writes 1, 2, 3... to the start and then the end of a large file, and then to a second one.
cat >"$WORK/writer.py" <<'END'
import os, sys
files = [os.open(sys.argv[1] + "/" + name, os.O_RDWR | os.O_CREAT) for name in ("a", "b")]
os.truncate(files[0], 64 << 20)
n = 0
while True:
    n += 1
    for fd, offset in ((files[0], 0), (files[0], (64 << 20) - 4096), (files[1], 0)):
        os.pwrite(fd, b"%08d" % n * 512, offset)
    if n == 100:
        open(sys.argv[1] + "/ready", "w").close()
END
fill() { head -c 60M /dev/urandom | dd of="$MNT/a" bs=1M seek=1 conv=notrunc status=none; }
python3 "$WORK/writer.py" "$MNT" &
writer=$!
wait_until "the writer runs" test -e "$MNT/ready"
fill

# Prints the numbers at the start and the end of a, and in b.
numbers() {
	head -c 8 "$1/a" && printf ' '
	tail -c 8 "$1/a" && printf ' '
	head -c 8 "$1/b" && printf '\n'
}
in_order() { # NAME FIRST SECOND: what is written second may be one behind
	case $((10#$2 - 10#$3)) in
	0 | 1) ;;
	*) fail "$1: $2 $3" ;;
	esac
}
load() {
	rm -rf "$STORE/copy"
	start_daemon "emul:$STORE/copy,size=4G" "$copy" "load=$file"
	note_adapter "$STORE/copy"
}

for freeze in "" --freeze "" --freeze; do
	# shellcheck disable=SC2086
	"$CXLFSADM" save $freeze "$MNT" "$file"
	load
	read -r first last second < <(numbers "$copy")
	in_order "within a file" "$first" "$last"
	[ -z "$freeze" ] || in_order "between files" "$last" "$second"
	stop_volume "$copy"
done

# ---- interrupted ----
grows() {
	local before
	before=$(head -c 8 "$MNT/b")
	sleep 0.1
	[ "$(head -c 8 "$MNT/b")" != "$before" ]
}
before=$(md5sum "$file")
for signal in INT TERM KILL; do
	for freeze in "" --freeze; do
		mkfifo "$WORK/fifo"
		# shellcheck disable=SC2086
		"$CXLFSADM" save $freeze "$MNT" "$WORK/fifo" 2>"$WORK/said" &
		saver=$!
		exec 8<"$WORK/fifo"
		head -c 3000000 <&8 >/dev/null
		kill -$signal $saver
		! wait $saver || fail "a save that was interrupted succeeded"
		[ $signal = KILL ] || grep -q "interrupted; nothing was saved" "$WORK/said" || fail "$(cat "$WORK/said")"
		exec 8<&-
		rm "$WORK/fifo"
		wait_until "writes go on" grows
	done
done
mkdir "$WORK/full"
mount -t tmpfs -o size=10M tmpfs "$WORK/full"
printf old >"$WORK/full/file"
must_fail "No space left" "$CXLFSADM" save --freeze "$MNT" "$WORK/full/file"
same "$(ls "$WORK/full") $(cat "$WORK/full/file")" "file old" "what a failed save left"
umount "$WORK/full"
wait_until "writes go on" grows
same "$(md5sum "$file")" "$before" "the file of the last save"

# ---- one at a time, and unmounted meanwhile ----
kill $writer
wait $writer || true
mkfifo "$WORK/fifo"
"$CXLFSADM" save "$MNT" "$WORK/fifo" 2>"$WORK/said" &
saver=$!
exec 8<"$WORK/fifo"
head -c 3000000 <&8 >/dev/null
must_fail "busy with 'save'" "$CXLFSADM" save "$MNT" "$WORK/second"
stop_volume "$MNT"
cat <&8 >/dev/null
! wait $saver || fail "a save of a volume that was unmounted succeeded"
grep -q "was unmounted" "$WORK/said" || fail "$(cat "$WORK/said")"
exec 8<&-
finish

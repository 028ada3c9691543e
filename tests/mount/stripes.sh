#!/bin/bash
# A large file on three LUNs is striped: random I/O across all borders gives the right data, with
# packed blocks and without, and what is punched or cut off comes back.
# sanitize: yes
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools fio
need_cxlfs
need_mounts

# What moves out of a segment takes two places for a moment.
free_chunks_are() { [ "$(stat -f -c '%a' "$MNT")" = $(($1 * 8192)) ]; }
# What the file leaves free in its chunks may count, too.
are_free_at_least() { [ "$(stat -f -c '%a' "$MNT")" -ge $(($1 * 8192)) ]; }
last_8m_are_packed() { [ "$(stat -f -c '%a' "$MNT")" = $((18 * 8192 - 2048)) ]; }

adapter=emul:$STORE/adapter
for options in stripe=64K,pack=0 stripe=1G; do
	start_daemon "$adapter,luns=3,size=256M,bs=512,lun=0,$adapter,lun=1,$adapter,lun=2" "$MNT" "$options"
	note_adapter "$STORE/adapter"
	free_chunks_are 24 || fail "the volume has not 24 chunks"

	head -c 200M /dev/urandom >"$WORK/data"
	dd if="$WORK/data" of="$MNT/file" bs=1M iflag=fullblock oflag=direct status=none
	case $options in
	*pack=0*) wait_until "15 chunks are free: 1 + 2 + 3 + 3 used" free_chunks_are 15 ;;
	*) wait_until "1 + 2 + 3 chunks and the last 8 MiB are used" last_8m_are_packed ;;
	esac
	cmp "$WORK/data" "$MNT/file"
	"$CXLFSADM" emul status "$STORE/adapter" >"$WORK/status"
	same "$(grep -c '^lun .*, virtual' "$WORK/status")" 3 "LUNs in use"

	for file in "$WORK/data" "$MNT/file"; do
		fallocate --punch-hole --offset 33M --length 100000 "$file"
		fallocate --zero-range --offset 95M --length 70M "$file"
		dd if=/dev/zero of="$file" bs=777777 seek=100 count=20 conv=notrunc status=none
		truncate -s 170000000 "$file"
	done
	cmp "$WORK/data" "$MNT/file"
	cp --sparse=never "$MNT/file" "$MNT/copy"
	cmp "$WORK/data" "$MNT/copy"
	rm "$MNT/copy"

	# From here on blocks of the file are holes again.
	fallocate --punch-hole --offset 96M --length 96M "$MNT/file"
	fallocate --punch-hole --offset 96M --length 96M "$WORK/data"
	wait_until "the chunks of a group are free" are_free_at_least 21
	cmp "$WORK/data" "$MNT/file"
	rm "$MNT/file"
	wait_until "all chunks are free" free_chunks_are 24

	timeout 60 fio --name=stripes --directory="$MNT" --size=160m --ioengine=libaio --direct=1 \
		--rw=randwrite --bsrange=4k-1m --iodepth=8 --verify=crc32c --verify_fatal=1 \
		--do_verify=1 --verify_state_save=0 --output="$WORK/fio.log" || {
		cat "$WORK/fio.log" >&2
		fail "fio"
	}
	stop_volume
done
finish

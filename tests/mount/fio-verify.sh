#!/bin/bash
# fio writes, reads back and compares: direct, buffered, mapped, several jobs at once.
# matrix: full
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools fio

# verify NAME OPTIONS...
verify() {
	local name=$1
	shift
	fio --name="$name" --directory="$MNT" --verify=crc32c --verify_fatal=1 --do_verify=1 \
		--verify_state_save=0 --randrepeat=0 --group_reporting \
		--output="$WORK/fio.$name" "$@" || {
		cat "$WORK/fio.$name" >&2
		fail "fio $name"
	}
	rm -f "$MNT"/*
}

start_volume
verify direct-random --direct=1 --rw=randwrite --bs=4k --size=32m --ioengine=libaio --iodepth=16
verify direct-mixed --direct=1 --rw=randrw --bssplit=4k/50:64k/30:1m/20 --size=64m \
	--ioengine=libaio --iodepth=8 --numjobs=2
verify buffered-odd --rw=randwrite --bs=3000-9000 --bs_unaligned=1 --size=32m --ioengine=psync
verify buffered-jobs --rw=write --bs=128k --size=48m --numjobs=4 --ioengine=psync \
	--end_fsync=1 --invalidate=1
verify mapped --rw=randwrite --bs=4k --size=32m --ioengine=mmap
verify synchronous --rw=randwrite --bs=16k --size=8m --ioengine=psync --sync=1
[ -z "${CXLFS_SECONDS:-}" ] || verify long --time_based --runtime="$CXLFS_SECONDS" --rw=randrw \
	--bs=4k-256k --size=256m --ioengine=libaio --iodepth=32 --direct=1 --numjobs=2
finish

#!/bin/bash
# On an adapter with latency, commands complete later, out of order and on other threads. Each request
# is answered, with the right data.
# matrix: diagonal
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools fio
need_cxlfs

readonly CARD=latency=read:48us,write:20us,riops=324000,wiops=185000

# load NAME OPTIONS...
load() {
	local name=$1
	shift
	timeout 60 fio --name="$name" --directory="$MNT" --ioengine=libaio --randrepeat=0 \
		--group_reporting --output="$WORK/fio.$name" "$@" || {
		cat "$WORK/fio.$name" >&2
		fail "fio $name"
	}
}

# Threads sleep until their commands complete with one adapter, and poll with the other.
case $CXLFS_TEST_ADAPTER in
mode=ioarrin*) option=busy_poll=200 ;;
*) option=busy_poll=0 ;;
esac
start_volume "$CARD" "$option"
load checked --direct=1 --rw=randrw --bs=4k --size=12m --iodepth=128 --numjobs=2 \
	--verify=crc32c --verify_fatal=1 --do_verify=1 --verify_state_save=0
load deep --direct=1 --rw=randrw --bs=4k --size=32m --iodepth=128 --time_based \
	--runtime="${CXLFS_SECONDS:-1}"
load alone --direct=1 --rw=randrw --bs=4k --size=8m --iodepth=1 --time_based --runtime=1
load large --direct=1 --rw=randwrite --bs=256k --size=32m --iodepth=8 --verify=crc32c \
	--verify_fatal=1 --do_verify=1 --verify_state_save=0
load cached --rw=randrw --bs=4k --size=8m --ioengine=psync --numjobs=2 --end_fsync=1
# Also operations on names, and one thread that waits for a copy.
load below --direct=1 --rw=randread --bs=4k --size=16m --iodepth=32 --time_based --runtime=1 &
for i in $(seq 4); do
	cp "$MNT/checked.0.0" "$MNT/copy$i" && cmp "$MNT/checked.0.0" "$MNT/copy$i"
	rm "$MNT/copy$i"
done
wait $! || fail "the load below the names"
stop_volume
finish

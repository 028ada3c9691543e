#!/bin/bash
# /dev/fuse with an adapter that takes its time and with one that does not: requests get the right
# answer from whichever thread finds them done, with one worker or several, through resets, and until
# the end, however it comes.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
need_root
need_tools fio
need_cxlfs
expect_log 'adapter was reset'
expect_log '^cxlfs: Terminated: unmounting '
expect_log '^cxlfs: .* is in use: '

readonly CARD=latency=read:48us,write:20us,riops=324000,wiops=185000

serve_through_resets() { # ADAPTER-OPTIONS THREADS
	start_volume "$1" "no_io_uring,threads=$2"
	# Small writes are copied, the buffers of large ones are kept.
	verified_io small --rw=randrw --bs=4k --size=16m --iodepth=64 --numjobs=2
	verified_io large --rw=randwrite --bsrange=4k-1m --size=48m --iodepth=16
	"$CXLFSADM" emul fault "$ADAPTER" add "every=100ms action=reset kind=eeh" >/dev/null
	verified_io resets --rw=randwrite --bsrange=4k-256k --size=32m --iodepth=16 &
	for i in $(seq 30); do
		cp "$WORK/fio-small" "$MNT/name$i"
		cmp "$WORK/fio-small" "$MNT/name$i"
		mv "$MNT/name$i" "$MNT/other"
	done
	wait $! || fail "verified I/O under resets"
	"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
	stop_volume
}

for options in "" "$CARD"; do
	ADAPTER=$STORE/adapter${options:+-of-a-card}
	for threads in 1 3; do
		serve_through_resets "$options" $threads
	done
	end_under_writers 4 64k no_io_uring,threads=3 "$options"
done
finish

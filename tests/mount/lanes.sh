#!/bin/bash
# Lanes: /dev/fuse served for an adapter that takes its time. Requests are answered, with the right
# bytes, by whoever finds them done, with one lane or several, through resets, and until the end,
# however it comes.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_tools fio
need_cxlfs
expect_log 'adapter was reset'
expect_log '^cxlfs: Terminated: unmounting '
expect_log '^cxlfs: .* is in use: '

readonly CARD=latency=read:48us,write:20us,riops=324000,wiops=185000

io() { # NAME OPTIONS...
	local name=$1
	shift
	(cd "$WORK" && timeout 60 fio --name="$name" --directory="$MNT" --ioengine=libaio --direct=1 \
		--randrepeat=0 --group_reporting --verify_state_save=0 "$@" >"$WORK/fio-$name" 2>&1) || {
		cat "$WORK/fio-$name" >&2
		fail "fio $name"
	}
}
verified_io() { io "$@" --verify=crc32c --verify_fatal=1 --do_verify=1; }

# Writers that do not end; as long as they have their files open the volume is in use.
start_writers() {
	local i
	writers=()
	for i in 1 2 3 4; do
		dd if=/dev/zero of="$MNT/endless$i" oflag=direct bs=64k 2>/dev/null &
		writers+=($!)
		wait_until "writer $i runs" test -s "$MNT/endless$i"
	done
}

end_writers() {
	local writer
	for writer in "${writers[@]}"; do
		! wait "$writer" || fail "a writer did not notice"
	done
	! is_mounted "$MNT" || umount -l "$MNT"
}

for threads in 1 3; do
	start_volume "$CARD" "no_io_uring,threads=$threads"
	# Small writes are copied, the buffers of large ones are kept.
	verified_io small --rw=randrw --bs=4k --size=16m --iodepth=64 --numjobs=2
	verified_io large --rw=randwrite --bsrange=4k-1m --size=48m --iodepth=16
	"$CXLFSADM" emul fault "$STORE/adapter" add "every=100ms action=reset kind=eeh" >/dev/null
	verified_io resets --rw=randwrite --bsrange=4k-256k --size=32m --iodepth=16 &
	for i in $(seq 30); do
		cp "$WORK/fio-small" "$MNT/name$i"
		cmp "$WORK/fio-small" "$MNT/name$i"
		mv "$MNT/name$i" "$MNT/other"
	done
	wait $! || fail "verified I/O under resets"
	"$CXLFSADM" emul fault "$STORE/adapter" clear >/dev/null
	stop_volume
done

start_volume "$CARD" no_io_uring,threads=3
start_writers
kill -TERM "${DAEMON[$MNT]}"
wait_for_daemon "$MNT"
end_writers

start_volume "$CARD" no_io_uring,threads=3
start_writers
umount -f "$MNT" 2>/dev/null || true # the kernel ends the connection first
wait_for_daemon "$MNT"
end_writers
finish

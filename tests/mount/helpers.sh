#!/bin/bash
# Helpers: with large requests in a row over io_uring other threads move their bytes, the right ones,
# through resets and until the end, however it comes. With small ones they have nothing to do.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_tools fio
need_cxlfs
has_libfuse 3.18.2 || skip "libfuse has no io_uring"
[ "$(cat /sys/module/fuse/parameters/enable_uring 2>/dev/null)" = Y ] || skip "no FUSE over io_uring"
[ "$(nproc)" -ge 2 ] || skip "one processor"
expect_log 'adapter was reset'
expect_log '^cxlfs: Terminated: unmounting '
expect_log '^cxlfs: .* is in use: '

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

# Processor time of the helpers, ns.
helped_ns() {
	local task sum=0 ns
	for task in /proc/"${DAEMON[$MNT]}"/task/*; do
		[ "$(cat "$task/comm")" = cxlfs-helper ] || continue
		read -r ns _ <"$task/schedstat"
		sum=$((sum + ns))
	done
	echo "$sum"
}

# Of 8 MiB at a time, which is eight requests.
start_writers() {
	local i
	writers=()
	for i in 1 2 3; do
		dd if=/dev/zero of="$MNT/endless$i" oflag=direct bs=8M 2>/dev/null &
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

start_volume "" io_uring
io small --rw=write --bs=4k --size=16m --iodepth=16 # fio makes files by large writes
before=$(helped_ns)
io small --rw=randrw --bs=4k --size=16m --iodepth=16
[ "$(helped_ns)" -lt $((before + 10000000)) ] || fail "helpers had work with small requests"
before=$(helped_ns)
io many --rw=rw --bs=1m --size=64m --iodepth=8 --loops=16
[ "$(helped_ns)" -gt $((before + 10000000)) ] || fail "helpers had nothing to do"
verified_io large --rw=randwrite --bsrange=4k-1m --size=48m --iodepth=16
"$CXLFSADM" emul fault "$STORE/adapter" add "every=100ms action=reset kind=eeh" >/dev/null
verified_io resets --rw=randwrite --bsrange=64k-1m --size=64m --iodepth=16
"$CXLFSADM" emul fault "$STORE/adapter" clear >/dev/null
stop_volume

start_volume "" io_uring
start_writers
kill -TERM "${DAEMON[$MNT]}"
wait_for_daemon "$MNT"
end_writers

start_volume "" io_uring
start_writers
umount -f "$MNT" 2>/dev/null || true # the kernel ends the connection first
wait_for_daemon "$MNT"
end_writers
finish

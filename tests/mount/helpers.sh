#!/bin/bash
# Helpers: with large requests in a row over io_uring other threads move their bytes, the right ones,
# through resets and until the end, however it comes. With small ones they have nothing to do.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
# shellcheck source=../lib/jobs.sh
. "$(dirname "$0")/../lib/jobs.sh"
need_root
need_tools fio
need_cxlfs
need_uring
[ "$(nproc)" -ge 2 ] || skip "one processor"
expect_log 'adapter was reset'
expect_log '^cxlfs: Terminated: unmounting '
expect_log '^cxlfs: .* is in use: '

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

# Others are served meanwhile, wherever their requests come to, and what takes long is answered.
start_volume "" io_uring
timeout 200 fio --name=large --directory="$MNT" --rw=rw --bs=1m --size=64m --iodepth=16 --direct=1 \
	--ioengine=libaio --time_based --runtime=180 >/dev/null 2>&1 &
jobs+=($!)
head -c 3000000 /dev/urandom >"$WORK/bytes"
for _ in $(seq 20); do
	cp "$WORK/bytes" "$MNT/one"
	cp "$MNT/one" "$MNT/two" # by copy_file_range(2)
	cmp "$WORK/bytes" "$MNT/two" || fail "other bytes"
	rm "$MNT/one" "$MNT/two"
done
stop_jobs
stop_volume

end_under_writers 3 8M io_uring # of eight requests each
finish

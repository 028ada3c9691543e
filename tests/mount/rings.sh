#!/bin/bash
# Large and small requests over io_uring carry the right bytes, through resets and until the end,
# however it comes; other programs are served meanwhile. A second thread serves large requests only
# if there are several at a time.
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

# How often the second thread has waited for a request.
nr_waits() {
	local task
	for task in "/proc/${DAEMON[$MNT]}/task"/*; do
		if [ "$(<"$task/comm")" = cxlfs-ring-help ]; then
			awk '/^voluntary/ { print $2 }' "$task/status"
			return
		fi
	done
	fail "there is no second thread"
}

# Small requests beside the large ones may wake it, too.
start_volume "" io_uring
before=$(nr_waits)
verified_io alone --rw=write --bs=1m --size=32m --iodepth=1
[ "$(nr_waits)" -lt $((before + 16)) ] || fail "the second thread serves requests that come one by one"
# On a busy machine it finds the next request without waiting.
for _ in $(seq 10); do
	verified_io several --rw=write --bs=1m --size=64m --iodepth=8
	[ "$(nr_waits)" -lt $((before + 32)) ] || break
done
[ "$(nr_waits)" -ge $((before + 32)) ] || fail "the second thread serves nothing"
verified_io small --rw=randrw --bs=4k --size=16m --iodepth=16
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

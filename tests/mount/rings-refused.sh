#!/bin/bash
# If the daemon cannot set up FUSE over io_uring, though the kernel has it, it serves /dev/fuse and
# logs that.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_uring
expect_log '^cxlfs: warning: FUSE over io_uring cannot be used: Too many open files'

head -c 300000 /dev/urandom >"$WORK/bytes"
try() { cp "$WORK/bytes" "$MNT/bytes" && cmp "$WORK/bytes" "$MNT/bytes"; }

# Descriptors that the daemon needs without io_uring.
start_volume "" no_io_uring
try || fail "other bytes"
nr_open=$(find "/proc/${DAEMON[$MNT]}/fd" -mindepth 1 | wc -l)
stop_volume

limit=$(ulimit -Sn)
ulimit -Sn "$nr_open"
start_volume "" io_uring
ulimit -Sn "$limit"
try || fail "other bytes"
grep -q 'requests come over /dev/fuse' "${DAEMON_LOG[$MNT]}" || fail "it does not say how it is served"
stop_volume
finish

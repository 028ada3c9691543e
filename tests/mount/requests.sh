#!/bin/bash
# Counts the FUSE requests of a few everyday operations.
# matrix: transport
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
has_libfuse 3.17.0 || skip "prints requests differently"

expect_log .
# counts COMMAND...: prints the requests that a command causes, in order. After a close or a new name
# the kernel asks for attributes again.
counts() {
	local from
	from=$(wc -l <"$log")
	"$@"
	tail -n +$((from + 1)) "$log" | sed -n 's/.*opcode: \([A-Z_]*\).*/\1/p' |
		{ grep -Ev '^(FORGET|BATCH_FORGET|RELEASE|SETATTR|WRITE|GETATTR)$' || true; } | xargs
}

need_mounts
"$CXLFS" -d "emul:$STORE/adapter" "$MNT" -o "$(join noatime "$CXLFS_TEST_TRANSPORT")" \
	>"$WORK/daemon-d.log" 2>&1 &
DAEMON[$MNT]=$!
DAEMON_LOG[$MNT]=$WORK/daemon-d.log
log=$WORK/daemon-d.log
wait_for_mount "$MNT"

make_file() { : >"$MNT/$1"; }
read_file() { cat "$MNT/first" >"$WORK/text"; }

echo text >"$MNT/first"
counts read_file >/dev/null # the first open tells the kernel that none is needed
same "$(counts make_file second)" "LOOKUP CREATE" "making a file"
counts read_file >/dev/null
same "$(counts read_file)" "" "reading a file again"
same "$(counts stat "$MNT/first" --format=)" "" "looking at a file again"
same "$(grep -c 'opcode: OPEN ' "$log")" 1 "opens"
finish

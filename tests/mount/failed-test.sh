#!/bin/bash
# A test that fails shows the log of its daemon and leaves no mount, no file and no load behind.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

cat >"$WORK/fails" <<EOF
. "$ROOT/tests/lib/harness.sh"
. "$ROOT/tests/lib/jobs.sh"
start_volume
sleep 1000 &
jobs+=(\$!)
printf '%s\n' "\$WORK" "\$STORE" "/proc/\$!" "/proc/\${DAEMON[\$MNT]}" >"$WORK/left"
fail "on purpose"
EOF
status=0
TMPDIR=$WORK bash "$WORK/fails" >"$WORK/out" 2>&1 || status=$?
same "$status" 1 "status of a test that fails"
grep -q '^FAIL: on purpose$' "$WORK/out" || fail "it does not say why"
grep -q 'daemon-1.log' "$WORK/out" || fail "it does not show the log of the daemon"
same "$(wc -l <"$WORK/left")" 4 "things to look for"
while read -r left; do
	[ ! -e "$left" ] || fail "$left is left"
done <"$WORK/left"
! grep -q " $(head -n 1 "$WORK/left")/" /proc/mounts || fail "a mount is left"
finish

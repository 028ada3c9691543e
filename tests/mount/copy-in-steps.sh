#!/bin/bash
# A large copy within the volume does not block access to its target, and can be killed.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

need_cxlfs
readonly MIB=64

is_written() { [ "$(stat -c %s "$1" 2>/dev/null)" -gt 0 ] 2>/dev/null; }

# Each MiB takes at least 2 * 10 ms: a copy in one request would take seconds and show no progress
# before its end.
start_volume latency=10ms/10ms
head -c ${MIB}M /dev/zero | tr '\0' x | dd of="$MNT/from" bs=1M iflag=fullblock status=none
printf small >"$MNT/small"

cp "$MNT/from" "$MNT/to" &
copier=$!
wait_until "the copy has begun" is_written "$MNT/to"
cp "$MNT/small" "$MNT/small2" # a copy, too: it does not queue behind the other
rm "$MNT/to"
kill -0 $copier || fail "rm of the destination waited until all was copied"
same "$(cat "$MNT/small2")" small "copy beside a long one"
wait $copier

cp "$MNT/from" "$MNT/to" &
copier=$!
wait_until "the copy has begun" is_written "$MNT/to"
kill -KILL $copier
wait $copier 2>/dev/null || true
[ "$(stat -c %s "$MNT/to")" -lt $((MIB << 20)) ] || fail "kill waited until all was copied"

# Unmounting waits for the current step.
cp "$MNT/from" "$MNT/to2" &
copier=$!
wait_until "the copy has begun" is_written "$MNT/to2"
umount -l "$MNT"
wait $copier || true
wait_for_daemon "$MNT"
finish

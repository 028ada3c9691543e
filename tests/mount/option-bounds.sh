#!/bin/bash
# Numeric options work at both bounds of the error message, which are also in the manual.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

# bounds_of OPTION: prints "MIN MAX", from the error message.
bounds_of() {
	{ "$CXLFS" "emul:$ADAPTER" "$MNT" -o "$1=none" 2>&1 || true; } |
		sed -n 's/.*give a number from \([0-9]*\) to \([0-9]*\)$/\1 \2/p'
}

# Prints the text of an option in the manual, on one line.
manual_of() {
	sed -n "/^\.It Cm $1 Ns/,/^\.It Cm [^$1]/p" "$ROOT/man/cxlfs.8" | tr '\n' ' '
}

works_with() {
	start_volume "" "$1"
	[ "$1" = max_inodes=1 ] || {
		echo "$1" >"$MNT/file"
		same "$(cat "$MNT/file")" "$1"
	}
	stop_volume "$MNT"
}

for option in threads ring_depth queue_depth busy_poll max_inodes; do
	read -r min max < <(bounds_of $option) || fail "$option: the message has no bounds"
	[[ "$(manual_of $option)" =~ [Ff]rom\ ${min}[,\ ].*to\ ${max}[^0-9] ]] ||
		fail "$option: the manual does not say $min to $max"
	works_with "$option=$min"
	works_with "$option=$max"
	must_fail "$option=$((max + 1)) is too large" "$CXLFS" "emul:$ADAPTER" "$MNT" -o "$option=$((max + 1))"
done
finish

#!/bin/bash
# cp -a of /usr, or of SOURCE, into a volume with default options, and diff -r.  The adapter needs as
# much disk as /usr: CXLFS_LONG_DIR says where.
# timeout: 7200
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/long.sh
. "$(dirname "$0")/../lib/long.sh"
: "${SOURCE:=/usr}"

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
nothing_used() { [ "$(used)" = 0 ]; }

# timed NAME COMMAND...: run it and print the seconds.
timed() {
	local name=$1 start=$EPOCHREALTIME
	shift
	"$@"
	say "$name-s $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')"
}

# Prints each file with type, permissions, owner, time and target.
list() { (cd "$1" && find . -xdev -printf '%P %y %m %U %G %T@ %l\n' | sort); }
# Prints how many files there are, each counted once.
count() { find "$1" -xdev -type f -printf '%i\n' | sort -u | wc -l; }

start_long_volume ""
before=$(memory_kib)
timed copy cp -a --one-file-system "$SOURCE" "$MNT/copy"
files=$(find "$MNT/copy" -type f | wc -l)
say "files $files"
say "inodes $(df --output=iused "$MNT" | tail -n 1 | tr -d ' ')"
say "larger-than-pack $(find "$MNT/copy" -type f -size +16384k | wc -l)"
say "bytes $(du -s -B1 "$MNT/copy" | cut -f1)"
say "used $(used)"
say "memory-per-file $((($(memory_kib) - before) * 1024 / files))"
timed diff diff -r --no-dereference "$SOURCE" "$MNT/copy"
same "$(count "$MNT/copy")" "$(count "$SOURCE")" "files without their further links"
list "$SOURCE" >"$WORK/source"
list "$MNT/copy" >"$WORK/copy"
diff "$WORK/source" "$WORK/copy" >"$WORK/differences" ||
	fail "attributes differ: $(head -n 5 "$WORK/differences")"
timed delete rm -r "$MNT/copy"
wait_until "everything is free" nothing_used
finish

#!/bin/bash
# For thousands of files of odd sizes, du, df and the sum of the sizes agree to a block a file.
# matrix: adapter
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
used_is() { [ "$(used)" = "$1" ]; }
# Sizes of the files, rounded up to blocks.
blocks_of_sizes() {
	find "$MNT" -type f -printf '%s\n' |
		awk '{ blocks += int(($1 + 4095) / 4096) } END { print blocks * 4096 }'
}
# Blocks of the files, each counted once.
blocks_of_files() {
	find "$MNT" -type f -printf '%i %b\n' | sort -u | awk '{ sum += $2 } END { print sum * 512 }'
}
agree() {
	local sum
	sum=$(blocks_of_sizes)
	same "$(used)" "$sum" "df after $1"
	same "$(blocks_of_files)" "$sum" "st_blocks after $1"
	same "$(du -s -B1 "$MNT" | cut -f1)" "$sum" "du after $1"
}

start_volume size=2G
mkdir "$MNT/d"
# Sizes from 1 byte to 61 KB, many of them near a block's end.
perl -e 'for $i (0 .. 2999) {
	$size = $i % 3 ? 1 + $i * 7919 % 61003 : 4096 * ($i % 13) + $i % 5 - 2;
	$size = 1 if $size < 1;
	open $file, ">", "$ARGV[0]/$i" or die;
	print $file "x" x $size;
	close $file or die;
}' "$MNT/d"
agree "creating"
# Shorter and longer ones; hard links count once.
perl -e 'for $i (0 .. 2999) {
	next if $i % 4;
	$size = -s "$ARGV[0]/$i";
	if ($i % 8) { truncate "$ARGV[0]/$i", int($size / 3) or die }
	else { open $file, ">>", "$ARGV[0]/$i" or die; print $file "y" x 5001; close $file or die }
}' "$MNT/d"
agree "truncating and appending"
for ((i = 0; i < 3000; i += 7)); do
	rm "$MNT/d/$i"
done
agree "deleting"
used=$(used)
ln "$MNT/d/1" "$MNT/link"
same "$(du -s -B1 "$MNT" | cut -f1)" "$used" "du with a hard link"
rm "$MNT/link"
# A reservation counts, a hole does not.
fallocate -n -l 100000 "$MNT/d/1"
truncate -s 1T "$MNT/hole"
same "$(du -s -B1 "$MNT" | cut -f1)" "$(used)" "du with a reservation and a hole"
[ "$(used)" -gt "$used" ] || fail "a reservation uses nothing"
rm -r "$MNT/d" "$MNT/hole"
wait_until "everything is free" used_is 0
finish

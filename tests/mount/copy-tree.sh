#!/bin/bash
# cp -a of a real tree, compared byte by byte and attribute by attribute.
# matrix: diagonal
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

# As many files as the adapter has handles, and some of every other kind.
make_tree() {
	mkdir "$1"
	real_files 3000 /usr/include /usr/share/doc /usr/share/perl >"$WORK/names"
	tar -c --null -T "$WORK/names" 2>/dev/null | tar -x -C "$1"
	mkdir -m 1777 "$1/sticky"
	mkfifo "$1/fifo"
	: >"$1/empty"
	ln "$1/empty" "$1/hard link"
	ln -s /nowhere "$1/dangling"
	truncate -s 10M "$1/sparse"
	touch -d '1970-01-01 00:00:00.123456789 UTC' "$1/empty"
}

listing() { (cd "$1" && find . -printf '%P %y %m %U %G %n %T@ %l\n' | sort); }
sizes() { (cd "$1" && find . -type f -printf '%P %s\n' | sort); }

make_tree "$WORK/tree"
start_volume
cp -a "$WORK/tree" "$MNT/tree"
diff -r --no-dereference -x fifo "$WORK/tree" "$MNT/tree"
diff <(listing "$WORK/tree") <(listing "$MNT/tree")
diff <(sizes "$WORK/tree") <(sizes "$MNT/tree")
cp -a "$MNT/tree" "$WORK/back"
diff -r --no-dereference -x fifo "$WORK/tree" "$WORK/back"
rm -r "$MNT/tree"
same "$(ls -A "$MNT")" "" "what is left"
finish

#!/bin/bash
# noatime, relatime and strictatime.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

# Read the file, not the kernel's cache; tell whether that changed its access time.
marks() {
	local before
	before=$(stat -c %x "$MNT/file")
	dd if="$MNT/file" of=/dev/null bs=4k iflag=direct status=none
	if [ "$(stat -c %x "$MNT/file")" = "$before" ]; then echo no; else echo yes; fi
}

# marks_are OPTION FIRST SECOND: of a file changed since it was read, and of one just read.
marks_are() {
	start_volume "" "$1"
	echo text >"$MNT/file"
	touch -a -d @1000000 "$MNT/file"
	same "$(marks)" "$2" "$1: the first read marks the file"
	same "$(marks)" "$3" "$1: the second read marks the file"
	stop_volume
}

# opens_mark OPTION ANSWER: a read that the kernel answers from its cache.
opens_mark() {
	local before
	start_volume "" "$1"
	echo text >"$MNT/file"
	touch -a -d @1000000 "$MNT/file"
	before=$(stat -c %x "$MNT/file")
	cat "$MNT/file" >/dev/null
	case $2 in
	yes) [ "$(stat -c %x "$MNT/file")" != "$before" ] || fail "$1: an open does not count" ;;
	no) same "$(stat -c %x "$MNT/file")" "$before" "$1: a read from the cache" ;;
	esac
	stop_volume
}

opens_mark relatime no
opens_mark strictatime yes
marks_are noatime no no
marks_are relatime yes no
marks_are strictatime yes yes
finish

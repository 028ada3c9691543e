#!/bin/bash
# noatime, relatime and strictatime, and the time of birth.
# matrix: transport
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

# Reads the file past the kernel's cache; prints whether that changed its access time.
marks() {
	local before
	before=$(stat -c %x "$MNT/file")
	dd if="$MNT/file" of=/dev/null bs=4k iflag=direct status=none
	if [ "$(stat -c %x "$MNT/file")" = "$before" ]; then echo no; else echo yes; fi
}

# marks_are OPTION FIRST SECOND: results for a file changed since it was read, and one just read.
marks_are() {
	start_volume "" "$1"
	echo text >"$MNT/file"
	touch -a -d @1000000 "$MNT/file"
	sleep 0.01 # relatime marks again a file that was read in the tick of its last change
	same "$(marks)" "$2" "$1: the first read marks the file"
	same "$(marks)" "$3" "$1: the second read marks the file"
	stop_volume
}

cat_marks() {
	local before
	before=$(stat -c %x "$MNT/file")
	sleep 0.01
	cat "$MNT/file" >/dev/null
	if [ "$(stat -c %x "$MNT/file")" = "$before" ]; then echo no; else echo yes; fi
}

# opens_mark OPTION FIRST SECOND: a read from the kernel's cache, of a file just written and of a file
# that was last read three days ago.
opens_mark() {
	start_volume "" "$1"
	echo text >"$MNT/file"
	sleep 0.01
	same "$(cat_marks)" "$2" "$1: a read from the cache marks a new file"
	same "$(cat_marks)" "$3" "$1: the second read from the cache marks the file"
	touch -d '3 days ago' "$MNT/file"
	same "$(cat_marks)" "$2" "$1: a read from the cache marks an old file"
	stop_volume
}

# Backup programs open with O_NOATIME: neither the open nor a read marks the file.
unmarked() {
	local before
	before=$(stat -c %x "$MNT/file")
	sleep 0.01
	dd if="$MNT/file" of=/dev/null bs=4k iflag="$1" status=none
	same "$(stat -c %x "$MNT/file")" "$before" "the access time after a read with $1"
}

start_volume "" strictatime
echo text >"$MNT/file"
unmarked noatime
unmarked noatime,direct
stop_volume

for cache in writeback no_writeback; do
	opens_mark "noatime,$cache" no no
	opens_mark "relatime,$cache" yes no
	opens_mark "strictatime,$cache" yes yes
done
opens_mark "" yes no

# The file that no program reads must be the oldest.
start_volume
echo text >"$MNT/read"
echo text >"$MNT/unread"
cat "$MNT/read" "$MNT/unread" >/dev/null
touch -d '3 days ago' "$MNT/read" "$MNT/unread"
cat "$MNT/read" >/dev/null
find "$MNT" -type f -atime +1 -delete
same "$(ls "$MNT")" read "what an age-based cleaner leaves"

tells_birth() { has_libfuse 3.18 && printf '6.6\n%s\n' "$(uname -r)" | sort -CV; }

# Changes keep the time of birth.
if tells_birth; then
	echo text >"$MNT/new"
	born=$(stat -c %W "$MNT/new")
	[ "$born" -gt 0 ] || fail "the time of birth is not told"
	touch -d '3 days ago' "$MNT/new"
	mv "$MNT/new" "$MNT/renamed"
	same "$(stat -c %W "$MNT/renamed")" "$born" "the time of birth"
fi
stop_volume
marks_are noatime no no
marks_are relatime yes no
marks_are strictatime yes yes
finish

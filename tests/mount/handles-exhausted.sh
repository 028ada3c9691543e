#!/bin/bash
# With pack=0 a file needs a resource handle for its first byte. When none is left, writing to an empty file and
# creating a file fail with ENOSPC; everything else works.
# matrix: adapter
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

write_one() { dd if=/dev/zero of="$MNT/$1" bs=4k count=1 oflag=direct status=none; }
can_write() { write_one "$1" 2>/dev/null; }

start_volume handles=16 pack=0
: >"$MNT/17"
: >"$MNT/18"
for i in $(seq 16); do
	write_one "$i"
done
must_errno "No space left" write_one 17
same "$(stat -c %s "$MNT/17")" 0 "size of the file without a handle"
mkdir "$MNT/directory"
must_errno "No space left" touch "$MNT/19"
mkfifo "$MNT/fifo"
ln -s x "$MNT/link"
ln "$MNT/1" "$MNT/hard"
write_one 5
must_errno "No space left" write_one 18
rm "$MNT/3"
wait_until "a handle is free" can_write 17
must_errno "No space left" write_one 18
truncate -s 0 "$MNT/4"
wait_until "truncating gave a handle back" can_write 18
finish

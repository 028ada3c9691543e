#!/bin/bash
# cxlfsadm save writes a volume to a file or a pipe, and load= makes the same volume of it: names,
# attributes, contents, holes and reserved space.
# matrix: transport
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools python3 setfattr getfattr setfacl getfacl rsync zstd

copy=$WORK/copy
file=$WORK/volume.save
mkdir "$copy"

# Everything stat(2) knows but the device, with nanoseconds.
attributes() { (cd "$1" && find . -print0 | sort -z | xargs -0 stat -c '%n %i %f %h %u %g %s %b %t:%T %w %x %y %z'); }
extended() {
	(cd "$1" && find . -print0 | sort -z | xargs -0 getfattr -h -d -m - --absolute-names)
	(cd "$1" && getfacl -R -p .)
}

# mount_copy SOURCE OPTION: the adapter has another size and packs otherwise.
mount_copy() {
	rm -rf "$STORE/copy"
	start_daemon "emul:$STORE/copy,size=5G" "$copy" "load=$1,noatime,$2"
	note_adapter "$STORE/copy"
}

# ---- something of everything ----
start_volume size=4G noatime # a look at a directory changes nothing
mkdir "$WORK/tree"
real_files 400 /usr/include /usr/share/perl >"$WORK/names"
tar -c --null -T "$WORK/names" 2>/dev/null | tar -x -C "$MNT"
(
	cd "$MNT"
	head -c 3000001 /dev/urandom >data
	ln data hard
	ln -s data link
	mkfifo fifo
	mknod device c 259 70000
	mkdir -m 2750 dir
	chown 12:34 dir
	setfacl -m u:99:rwx,d:g:98:rx dir
	setfattr -n user.empty dir
	setfattr -n trusted.binary -v 0s/wABAg== data
	setfattr -h -n trusted.of.link -v x link
	touch -d '1961-02-03 04:05:06.789' data
	touch -h -d '2345-06-07 08:09:10.111213141' link
	truncate -s 900M holes
	printf x | dd of=holes bs=1 seek=500M conv=notrunc status=none
	fallocate -n -o 8M -l 3M holes
	: >reserved
	fallocate -n -l 1M reserved
	python3 -c 'import os; os.mkdir("long"); [open("long/" + "n" * 240 + str(i), "w").close() for i in range(300)]'
)
# Open, but without a name: not saved.
exec 9<>"$MNT/unlinked"
rm "$MNT/unlinked"
attributes "$MNT" >"$WORK/attributes"
extended "$MNT" >"$WORK/extended"

# ---- through a file ----
"$CXLFSADM" save "$MNT" "$file"
[ "$(stat -c %s "$file")" -lt 100000000 ] || fail "holes were written: $(stat -c %s "$file") bytes"
mount_copy "$file" pack=4M
attributes "$copy" | diff "$WORK/attributes" -
extended "$copy" | diff "$WORK/extended" -
same "$(rsync -aHAXn --checksum --delete --itemize-changes "$MNT/" "$copy/")" "" "differences"
printf y >"$copy/new"
mv "$copy/new" "$copy/data"
stop_volume "$copy"

# ---- through pipes, while open files and the first copy go on ----
"$CXLFSADM" save "$MNT" - | zstd -q | zstd -dq >"$WORK/piped"
mount_copy "$WORK/piped" pack=64K
attributes "$copy" | cut -d ' ' -f 1-9 | diff <(cut -d ' ' -f 1-9 "$WORK/attributes") -
diff -r --no-dereference -x fifo -x device "$MNT" "$copy"
stop_volume "$copy"
rm -rf "$STORE/copy"
"$CXLFSADM" save --freeze "$MNT" - | "$CXLFS" -o load=- "emul:$STORE/copy,size=5G" "$copy"
cmp "$MNT/data" "$copy/data"
umount "$copy"
copy_ended() { ! pgrep -f "cxlfs -o load=- .* $copy" >/dev/null; }
wait_until "the daemon ended" copy_ended

# ---- refused ----
must_fail "lies on the volume" "$CXLFSADM" save "$MNT" "$MNT/here"
must_fail "No such file" "$CXLFSADM" save "$MNT" "$WORK/nowhere/file"
must_fail "no cxlfs volume" "$CXLFSADM" save /proc "$WORK/nothing"
[ ! -e "$WORK/nothing" ] || fail "a failed save left a file"
refused() { # MESSAGE SOURCE
	must_fail "$1" "$CXLFS" -o "load=$2" "emul:$STORE/copy" "$copy"
	! is_mounted "$copy" || fail "mounted"
}
head -c -1 "$file" >"$WORK/short"
refused "damaged or incomplete" "$WORK/short"
head -c 100000 "$file" >"$WORK/short"
refused "damaged or incomplete" "$WORK/short"
(cat "$file" && printf x) >"$WORK/long"
refused "damaged or incomplete" "$WORK/long"
cp "$file" "$WORK/flipped"
printf '\xff\xfe' | dd of="$WORK/flipped" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
refused "damaged or incomplete" "$WORK/flipped"
refused "damaged or incomplete" "$0"
refused "No such file" "$WORK/nowhere"
must_fail "lower max_inodes" "$CXLFS" -o "load=$file,max_inodes=100" "emul:$STORE/copy" "$copy"
must_fail "too little space" "$CXLFS" -o "load=$file,pack=0" "emul:$STORE/small,size=256M" "$copy"
must_fail "cannot be combined" "$CXLFS" -o "load=$file,physical" "emul:$STORE/copy" "$copy"
note_adapter "$STORE/small"
exec 9>&-
finish

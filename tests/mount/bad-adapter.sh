#!/bin/bash
# A directory that is not an adapter, or is a damaged, newer or different one, is refused and unchanged.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

good=$STORE/good
fingerprint() { (cd "$1" && find . -type f -size -10M -exec md5sum {} + | sort && ls -la); }

# refused REGEX DIRECTORY[,OPTIONS]
refused() {
	local before
	before=$(fingerprint "${2%%,*}")
	must_fail "$1" "$CXLFS" "emul:$2" "$MNT"
	! is_mounted "$MNT" || fail "mounted $2"
	same "$(fingerprint "${2%%,*}")" "$before" "contents of ${2%%,*}"
}

# damaged NAME: a copy of the good one.
damaged() {
	cp -a --sparse=always "$good" "$STORE/$1"
	printf '%s' "$STORE/$1"
}

overwrite() { printf '%b' "$3" | dd of="$1/adapter" bs=1 seek="$2" conv=notrunc status=none; }

mkdir "$STORE/foreign"
echo mine >"$STORE/foreign/letter"
refused 'not.*adapter' "$STORE/foreign"
mkdir "$STORE/other"
echo "some other file of that name" >"$STORE/other/adapter"
refused 'adapter' "$STORE/other"

"$CXLFSADM" emul create "$good,luns=2,size=4G,handles=32"
d=$(damaged magic)
overwrite "$d" 0 X
refused 'adapter' "$d"
d=$(damaged newer)
overwrite "$d" 8 '\0377'
refused 'version' "$d"
d=$(damaged geometry)
overwrite "$d" 20 '\0377\0377'
refused 'damaged' "$d"
d=$(damaged short)
truncate -s 5000 "$d/adapter"
refused 'damaged' "$d"
d=$(damaged empty)
truncate -s 0 "$d/adapter"
refused 'adapter' "$d"
d=$(damaged medium)
rm "$d/lun1"
refused 'lun1' "$d"

# Options of an existing adapter must match; repeating them is allowed.
refused 'size' "$good,size=8G"
refused 'bs' "$good,bs=512"
refused 'mode' "$good,mode=ioarrin"
refused 'handles' "$good,handles=64"
refused 'luns' "$good,luns=1"
refused 'lun' "$good,lun=2"
start_daemon "emul:$good,luns=2,size=4G,handles=32,bs=4096,mode=sq,lun=1" "$MNT"
echo fine >"$MNT/file"
stop_volume
note_adapter "$good"
finish

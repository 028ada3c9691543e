#!/bin/bash
# Files of some megabytes, each larger than pack=, fill a volume: each costs its blocks, not a chunk.
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
uses() { [ "$(used)" = "$1" ]; }

# blocks FILE...: bytes of the blocks of 4 KiB that the files need.
blocks() { stat -c %s "$@" | awk '{ sum += int(($1 + 4095) / 4096) * 4096 } END { print sum }'; }

head -c 70M /dev/urandom >"$WORK/noise"

# content NUMBER SIZE: the same bytes for the same file, others for another one.
content() {
	dd if="$WORK/noise" bs=1M iflag=skip_bytes,count_bytes skip=$(($1 * 4099)) count="$2" status=none
}

# fill SIZE...: files of these sizes in turn, until one does not fit; sets count.
fill() {
	local sizes=("$@")
	count=0
	while content "$count" "${sizes[count % $#]}" >"$MNT/$count" 2>>"$WORK/errors"; do
		count=$((count + 1))
		[ $count -lt 10000 ] || fail "the volume takes any number of files"
	done
	rm "$MNT/$count"
}

# check_files SIZE...: each file has what was written.
check_files() {
	local sizes=("$@") i
	for ((i = 0; i < count; i++)); do
		content "$i" "${sizes[i % $#]}" | cmp - "$MNT/$i"
	done
}

# run ADAPTER-OPTIONS SIZE...
run() {
	local options=$1 size
	shift
	start_volume "$options" ""
	size=$(df --output=size -B1 "$MNT" | tail -n 1 | tr -d ' ')
	fill "$@"
	say "$options, files of $*: $count fit"
	wait_until "each file uses its blocks" uses "$(blocks "$MNT"/*)"
	[ "$(used)" -gt $((size * 9 / 10)) ] || fail "only $(used) of $size bytes can be used"
	check_files "$@"
	# A file can grow into what another one has left.
	rm "$MNT/0"
	head -c 1M "$WORK/noise" >>"$MNT/1"
	{ content 1 "$2"; head -c 1M "$WORK/noise"; } | cmp - "$MNT/1"
	rm "$MNT"/*
	wait_until "everything is free" uses 0
	stop_volume
}

run size=1G 3000000 3000001 2999999
rm -r "$ADAPTER"
run size=1G,bs=512,handles=16 2M 64M 17M
finish

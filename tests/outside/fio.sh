#!/bin/bash
# fio writes with each engine, and verifies the data from the cache and from the flash.
# matrix: diagonal
# timeout: 900
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_tools fio

# verify NAME OPTIONS...: write and verify, then verify again from the flash.
verify() {
	local name=$1 job
	shift
	job=(--name="$name" --directory="$MNT" --verify=crc32c --verify_fatal=1 --do_verify=1
		--verify_state_save=0 --randseed=7 --group_reporting "$@")
	say "fio $name"
	fio "${job[@]}" --output="$WORK/fio.$name" || fail "fio $name: $(cat "$WORK/fio.$name")"
	# fio itself drops the pages of its files before it reads.
	fio "${job[@]}" --verify_only --output="$WORK/fio.$name" ||
		fail "fio $name, read again: $(cat "$WORK/fio.$name")"
	rm -f "$MNT"/*
}

readonly SMALL=(--rw=randwrite --bs=4k --size=16m) ODD=(--rw=randwrite --bsrange=512-70000
	--bs_unaligned=1 --size=16m --norandommap=0) LARGE=(--rw=write --bs=1m --size=128m)

run_all() {
	local engine
	for engine in psync libaio io_uring posixaio; do
		verify "$engine-buffered" --ioengine=$engine --iodepth=8 "${SMALL[@]}"
		verify "$engine-direct" --ioengine=$engine --iodepth=8 --direct=1 "${SMALL[@]}"
		verify "$engine-large" --ioengine=$engine --iodepth=4 --direct=1 "${LARGE[@]}"
	done
	verify mmap --ioengine=mmap "${SMALL[@]}"
	verify odd --ioengine=psync "${ODD[@]}"
	verify synchronous --ioengine=psync --sync=1 --rw=randwrite --bs=4k-64k --size=16m
	verify fsync --ioengine=psync --fsync=8 "${SMALL[@]}"
	verify many-jobs --ioengine=libaio --iodepth=8 --direct=1 --numjobs=8 --rw=randwrite \
		--bssplit=4k/50:64k/30:1m/20 --size=32m
	verify preallocated --ioengine=psync --fallocate=posix "${SMALL[@]}"
	verify one-file --ioengine=libaio --iodepth=8 --direct=1 --numjobs=4 --filename=shared \
		--rw=randwrite --bs=4k --size=16m --offset_increment=16m
}

in_each_cache_mode run_all
finish

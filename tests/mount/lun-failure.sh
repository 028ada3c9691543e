#!/bin/bash
# One LUN of two fails for good: what lies on the other stays, what lay on it gives EIO, the log says so
# once, new data go to the other, and df counts what is free on the other.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts
expect_log 'failed for good'
expect_log 'adapter was reset'

readonly NR=12 HANDLES=64
adapter=emul:$STORE/adapter

head -c 41000000 /dev/urandom >"$WORK/random"
# make_data NUMBER BYTES: prints data that no other number has.
make_data() {
	dd if="$WORK/random" bs=1M iflag=skip_bytes,count_bytes skip=$(($1 * 4000)) count="$2" status=none
}

# Reads the beginning of all files. Sets $lost to how many give EIO; the others must be as they were
# written.
read_all() { # BYTES
	local i
	lost=0
	for ((i = 0; i < NR; i++)); do
		if dd if="$MNT/file-$i" of="$WORK/out" bs="$1" count=1 iflag=direct,fullblock \
			2>"$WORK/message"; then
			cmp -n "$1" "$WORK/data-$i" "$WORK/out"
		else
			grep -q 'Input/output error' "$WORK/message" || fail "$(cat "$WORK/message")"
			lost=$((lost + 1))
		fi
	done
}

free_inodes() { df --output=iavail "$MNT" | tail -n 1 | tr -d ' '; }

run() { # MOUNT-OPTIONS SIZE NEW-FILES BYTES
	local i
	rm -rf "$STORE/adapter"
	start_daemon "$adapter,luns=2,size=512M,bs=512,handles=$HANDLES,lun=0,$adapter,lun=1" "$MNT" "$1"
	note_adapter "$STORE/adapter"
	for ((i = 0; i < NR; i++)); do
		make_data "$i" "$2" >"$WORK/data-$i"
		cp "$WORK/data-$i" "$MNT/file-$i"
	done
	"$CXLFSADM" emul fault "$STORE/adapter" add "at=recover lun=1 action=enodev" >/dev/null
	"$CXLFSADM" emul fault "$STORE/adapter" add "at=command n=1 action=reset kind=eeh" >/dev/null
	read_all "$4"
	[ "$lost" -lt $NR ] || fail "nothing is left with $1"
	wait_until "the log says that a LUN has failed" grep -q 'failed for good' "${DAEMON_LOG[$MNT]}"
	same "$(grep -c 'failed for good' "${DAEMON_LOG[$MNT]}")" 1 "messages with $1"
	grep -q 'lun=1: failed for good' "${DAEMON_LOG[$MNT]}" || fail "the log does not name the LUN"
	[ "$1" != pack=0 ] || same "$(free_inodes)" $((HANDLES - (NR - lost))) "free inodes with $1"

	for ((i = 0; i < $3; i++)); do
		make_data $((NR + i)) "$2" >"$WORK/new"
		cp "$WORK/new" "$MNT/new-$i" || fail "new data with $1"
		cmp "$WORK/new" "$MNT/new-$i"
	done
	must_errno "No space left" dd if=/dev/zero of="$MNT/filler" bs=1M status=none
	same "$(stat -f -c %a "$MNT")" 0 "free blocks when the other LUN is full"
	rm "$MNT"/*
	stop_volume
}

run pack=0 1000000 8 1000000
run pack=1M 100000 24 100000
# The first chunk is not striped.
run stripe=64K 40000000 2 8000000
finish

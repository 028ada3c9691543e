#!/bin/bash
# What one user does to files of its own does not keep others from working.
# timeout: 300
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/jobs.sh
. "$(dirname "$0")/../lib/jobs.sh"
need_tools setpriv
need_root
need_cxlfs

readonly LIMIT=3000
# Not a function: the job in the background is then the program itself.
readonly AS_HOSTILE=(setpriv --reuid=12001 --regid=12001 --clear-groups)

as() { # UID COMMAND...
	local uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

# hostile KIND COUNT: in a new directory of user 12001; prints what it said.
hostile() {
	local place=$MNT/hostile/$1
	mkdir -p "$place"
	chown 12001:12001 "$place"
	(cd "$place" && as 12001 "$WORK/hostile" "$@")
}

# is_program PID NAME: not the shell that will become it.
is_program() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

# The other user works, in a time that a person would not complain about.
others_work() {
	timeout 30 setpriv --reuid=12002 --regid=12002 --clear-groups sh -c "
		cd '$MNT/other' && echo text >file && mkdir dir && ln file dir/link &&
		flock -n file cat dir/link && ls dir && rm -r file dir" >"$WORK/said" ||
		fail "others cannot work: $1"
	same "$(tr '\n' ' ' <"$WORK/said")" "text link " "$1"
}

clean() {
	timeout 120 rm -rf "$MNT/hostile" || fail "cannot remove: $1"
	mkdir "$MNT/hostile"
}

# The helper must be reachable for both.
chmod 755 "$WORK"
cp "$BUILD/tests/mount/helpers/hostile" "$WORK/hostile"
start_volume "" "max_inodes_per_user=$LIMIT,mode=755"
mkdir "$MNT/hostile" "$MNT/other"
chown 12002:12002 "$MNT/other"

same "$(hostile files 100000)" "$((LIMIT - 1)) Disk quota exceeded" "files"
others_work files
must_errno "Disk quota exceeded" as 12001 ln "$MNT/hostile/files/file1" "$MNT/hostile/files/one-more"
clean files

same "$(hostile links 100000)" "$((LIMIT - 1)) Disk quota exceeded" "links"
others_work links
clean links

# An attribute of 64 KiB counts as 128 files.
read -r number why < <(hostile xattrs 100000)
[ "$why" = "Disk quota exceeded" ] || fail "xattrs: $number $why"
[ "$number" -lt $((LIMIT / 128 + 1)) ] || fail "$number attributes of 64 KiB"
others_work xattrs
clean xattrs

same "$(hostile deep 100000)" "$((LIMIT - 1)) Disk quota exceeded" "directories in directories"
others_work deep
clean deep

mkfifo "$WORK/end"
hostile open 2000 <"$WORK/end" >"$WORK/opened" &
jobs+=($!)
exec 7>"$WORK/end"
wait_until "files are open and locked" [ -s "$WORK/opened" ]
same "$(cat "$WORK/opened")" "2000 all" "open files"
others_work open
rm -rf "$MNT/hostile/open" # names; the files and the directory are in use
same "$(hostile files 100000)" "$((LIMIT - 2000 - 2)) Disk quota exceeded" "files beside open ones"
exec 7>&-
wait "${jobs[-1]}" || fail "open"
clean open

lookups=()
for _ in 1 2 3 4; do
	hostile lookups 5 &
	lookups+=($!)
done
others_work lookups
wait "${lookups[@]}"

# A reader that never takes what it asked for.
head -c 64M /dev/zero >"$MNT/big"
chmod 644 "$MNT/big"
mkfifo "$WORK/pipe"
exec 6<>"$WORK/pipe"
"${AS_HOSTILE[@]}" cat "$MNT/big" >"$WORK/pipe" &
jobs+=($!)
"${AS_HOSTILE[@]}" dd if="$MNT/big" bs=16M iflag=direct status=none >"$WORK/pipe" &
jobs+=($!)
wait_until "the reader runs" is_program "${jobs[-1]}" dd
kill -STOP "${jobs[-1]}"
others_work readers
kill -CONT "${jobs[-1]}"
stop_jobs "${jobs[@]}"

# Everything is given back: the user can make as many files as at first.
clean readers
same "$(hostile files 100000)" "$((LIMIT - 1)) Disk quota exceeded" "files again"
finish

#!/bin/bash
# borg and restic: back up to a repository on the volume, check it, restore and compare.
# matrix: diagonal
# timeout: 400
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_tools borg restic

export HOME=$WORK XDG_CACHE_HOME=$MNT/cache BORG_PASSPHRASE=secret RESTIC_PASSWORD=secret
export BORG_BASE_DIR=$WORK/borg-base

with_borg() {
	borg init -e repokey-blake2 "$MNT/borg" 2>"$WORK/borg.log"
	borg create "$MNT/borg::first" "$WORK/source"
	touch "$WORK/source/new"
	borg create "$MNT/borg::second" "$WORK/source"
	borg delete "$MNT/borg::first"
	borg compact "$MNT/borg"
	forget_cached
	borg check --verify-data "$MNT/borg"
	mkdir "$MNT/restored"
	(cd "$MNT/restored" && borg extract "$MNT/borg::second")
	diff -r --no-dereference "$WORK/source" "$MNT/restored/${WORK#/}/source"
	rm -rf "$MNT/restored" "$MNT/borg" "$WORK/borg-base" "$MNT/cache"
}

with_restic() {
	restic -q init -r "$MNT/restic"
	restic -q -r "$MNT/restic" backup "$WORK/source"
	touch "$WORK/source/newer"
	restic -q -r "$MNT/restic" backup "$WORK/source"
	restic -q -r "$MNT/restic" forget --keep-last 1 --prune
	forget_cached
	restic -q -r "$MNT/restic" check --read-data
	restic -q -r "$MNT/restic" restore latest --target "$MNT/restored"
	diff -r --no-dereference "$WORK/source" "$MNT/restored/$WORK/source"
	rm -rf "$MNT/restored" "$MNT/restic"
}

run_all() {
	with_borg
	with_restic
}

copy_tree_of 700 "$WORK/source" /usr/include /usr/bin
in_each_cache_mode run_all
finish

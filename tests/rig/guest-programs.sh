#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real programs within the limits of the rig: 256 files at a time, tens of megabytes.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio git sqlite3 gcc

CXLFS_MODEL_MSYNC=1 mount_tests model-random-io
mount_tests tar-roundtrip

mount_lun
cd "$MNT" || fail "cd"

say "git"
export HOME=$WORK GIT_CONFIG_NOSYSTEM=1
git config --global user.name t
git config --global user.email t@example.org
git config --global init.templateDir ''
git config --global gc.auto 0
git init -q repo
cp -r "$ROOT/src/tree" repo/
git -C repo add -A
git -C repo commit -q -m first
git clone -q repo clone
git -C clone fsck --full --strict
diff -r -x .git repo clone
rm -rf clone
git -C repo gc -q --prune=now
git -C repo fsck --full --strict

say "cc"
mkdir objects
for source in repo/tree/*.c; do
	gcc -O1 -D_GNU_SOURCE -I"$ROOT/src" -c -o "objects/$(basename "$source" .c).o" "$source"
done
ar rcs objects/tree.a objects/*.o
nm objects/tree.a >"$WORK/symbols"
grep -q tree_rename "$WORK/symbols"
rm -rf repo objects

say "sqlite"
for mode in wal delete; do
	sqlite3 "$mode.db" "pragma journal_mode=$mode; create table t(k integer primary key, v blob);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
		insert into t select i, randomblob(700) from n; delete from t where k % 3 = 0;" \
		>/dev/null
	same "$(sqlite3 "$mode.db" 'pragma integrity_check; select count(*) from t;' | xargs)" \
		"ok 2000"
done

say "fio"
verify() {
	local name=$1
	shift
	fio --name="$name" --directory="$MNT" --verify=crc32c --verify_fatal=1 --do_verify=1 \
		--aux-path="$WORK" --output="$WORK/$name" "$@" || fail "$(cat "$WORK/$name")"
	rm -f "$MNT/$name".*
}
verify direct --direct=1 --rw=randwrite --bs=4k --size=8m --ioengine=libaio --iodepth=16
verify jobs --rw=write --bs=128k --size=8m --numjobs=3 --ioengine=psync --end_fsync=1
verify odd --rw=randwrite --bs=3000-9000 --bs_unaligned=1 --size=4m --ioengine=psync
verify mapped --rw=randwrite --bs=4k --size=4m --ioengine=mmap
cd /
stop_volume
finish_lun

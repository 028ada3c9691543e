#!/bin/bash
# With survive=crash the daemon is killed, upgraded, or its adapter reset, at random, for CXLFS_SECONDS,
# while programs check every byte and every result. Half of the time the kernel caches writes.
# CXLFS_SEED repeats a choice.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_tools fio git sqlite3 jq
need_cxlfs

seed=${CXLFS_SEED:-$RANDOM}
seconds=$(seconds_or 3600)
say "CXLFS_SEED=$seed repeats this"
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
expect_log 'adapter was reset'
IO_TIMEOUT=600
export HOME=$WORK GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org \
	GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org

# ---- programs, each until $WORK/stop exists ---------------------------------------

goes_on() { [ ! -e "$WORK/stop" ]; }

verify() { # NAME OPTIONS...
	while goes_on; do
		verified_io "$@"
		rm -f "$MNT/$1".*
	done
}

models() {
	local nr=0
	while goes_on; do
		"$HELPERS/model" "$MNT/model" 10 $((seed + (nr += 1))) $((1 << 28)) || fail "the model disagrees"
		rm "$MNT/model"
	done
}

repositories() {
	while goes_on; do
		(
			git init -q "$MNT/repo"
			cd "$MNT/repo"
			real_files 300 /usr/include | tar -c --null -T - 2>/dev/null | tar -x
			git add -A
			git -c gc.auto=0 commit -q -m all
			git clone -q "$MNT/repo" "$MNT/clone"
			git -C "$MNT/clone" fsck --full --strict
			git gc -q --prune=now
			diff -r usr "$MNT/clone/usr"
		) || fail "git"
		rm -rf "$MNT/repo" "$MNT/clone"
	done
}

databases() {
	local i
	while goes_on; do
		{
			echo "PRAGMA journal_mode=WAL; CREATE TABLE t(n INTEGER, text TEXT);"
			for i in $(seq 500); do
				echo "INSERT INTO t VALUES ($i, hex(randomblob(300)));"
			done
		} | sqlite3 -batch "$MNT/db" >/dev/null || fail "sqlite3"
		same "$(sqlite3 "$MNT/db" 'PRAGMA integrity_check; SELECT count(*), sum(n) FROM t;')" \
			"$(printf 'ok\n500|125250')" "the database"
		rm -f "$MNT"/db*
	done
}

trees() {
	while goes_on; do
		cp -a /usr/share/doc/git "$MNT/tree" 2>/dev/null || cp -a /usr/share/doc/bash "$MNT/tree"
		find "$MNT/tree" -type f -exec dd of={} oflag=nocache conv=notrunc,fdatasync count=0 status=none \;
		cp -a "$MNT/tree" "$MNT/tree2"
		diff -r --no-dereference "$MNT/tree" "$MNT/tree2" || fail "a tree"
		rm -rf "$MNT/tree" "$MNT/tree2"
	done
}

# ---- what happens to the daemon -----------------------------------------------------

nr_kills=0 nr_upgrades=0 nr_resets=0

disturb() {
	case $((RANDOM % 20)) in
	[0-9]) kill_daemon && nr_kills=$((nr_kills + 1)) ;;
	1[0-6]) "$CXLFSADM" upgrade "$MNT" >/dev/null && nr_upgrades=$((nr_upgrades + 1)) ;;
	*) "$CXLFSADM" emul fault "$ADAPTER" reset eeh >/dev/null && nr_resets=$((nr_resets + 1)) ;;
	esac
}

# run SECONDS MOUNT-OPTIONS
run() {
	local end=$((SECONDS + $1)) job jobs=() once free
	rm -f "$WORK/stop"
	start_survivor "" "$2"
	free=$(free_chunks)
	"$HELPERS/exactly_once" "$MNT" 4 >"$WORK/once" 2>&1 &
	once=$!
	for job in models repositories databases trees \
		"verify direct --rw=randrw --bs=4k --size=24m --iodepth=16 --numjobs=2" \
		"verify large --rw=randwrite --bsrange=4k-1m --size=64m --iodepth=8" \
		"verify cached --rw=randrw --bs=4k --size=16m --direct=0 --ioengine=psync" \
		"verify mapped --rw=randrw --bs=4k --size=8m --ioengine=mmap --direct=0"; do
		(eval "$job") &
		jobs+=($!)
	done
	while [ "$SECONDS" -lt $end ]; do
		disturb
		kill -0 "$once" "${jobs[@]}" 2>/dev/null || fail "a program has ended: $(cat "$WORK/once")"
		sleep 0.$((RANDOM % 900 + 100))
	done
	touch "$WORK/stop"
	kill -TERM "$once"
	wait "$once" || fail "$(cat "$WORK/once")"
	for job in "${jobs[@]}"; do
		wait "$job" || fail "a program failed"
	done
	rm -rf "${MNT:?}"/*
	wait_until "all chunks are free" has_free_chunks "$free"
	stop_volume
	audit_adapters
}

# Prints how long requests waited, as a distribution.
pauses() {
	sed -nE "s/.*$1.*requests waited ([0-9]+) ms.*/\1/p" "${WORK}"/daemon-*.log | sort -n |
		awk '{ ms[NR] = $1 } END { if (NR) printf "%d pauses: median %d ms, 90 %% %d ms, 99 %% %d ms, longest %d ms\n",
			NR, ms[int((NR + 1) / 2)], ms[int(NR * 0.9 + 0.5)], ms[int(NR * 0.99 + 0.5)], ms[NR] }'
}

RANDOM=$seed
run $((seconds / 2)) ""
run $((seconds - seconds / 2)) writeback
say "$nr_kills kills, $nr_upgrades upgrades, $nr_resets resets: no error, no lost byte"
say "deaths: $(pauses 'has died')"
say "upgrades: $(pauses ': process [0-9]+ takes over')"
finish

#!/bin/bash
# SQLite in each journal mode: with two writers, one of them killed, the database stays consistent.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools sqlite3

sql() { sqlite3 -batch -cmd '.timeout 60000' "$@"; }

insert_many() {
	local i
	for i in $(seq "$3"); do
		echo "INSERT INTO t(who, n, text) VALUES ('$2', $i, hex(randomblob(200)));"
	done | sql "$1"
}

# Kills a writer in the middle of a transaction.
kill_a_writer() {
	local pid
	exec 8<>"$WORK/orders"
	sql "$1" <"$WORK/orders" >"$WORK/started" 8>&- &
	pid=$!
	echo "BEGIN; UPDATE t SET text = 'lost'; SELECT 'started';" >&8
	wait_until "the writer writes" grep -q started "$WORK/started"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	exec 8>&-
}

use_mode() {
	local db=$MNT/$1.db one two
	sql "$db" "PRAGMA journal_mode=$1; CREATE TABLE t(who TEXT, n INTEGER, text TEXT);" \
		>"$WORK/mode"
	same "$(cat "$WORK/mode")" "$1" "journal mode"
	insert_many "$db" one 150 &
	one=$!
	insert_many "$db" two 150 &
	two=$!
	wait $one
	wait $two
	kill_a_writer "$db"
	same "$(sql "$db" 'PRAGMA integrity_check; SELECT count(*), sum(n) FROM t;')" \
		"$(printf 'ok\n300|22650')" "$1"
	same "$(sql "$db" "SELECT count(*) FROM t WHERE text = 'lost';")" 0 "rolled back"
	sql "$db" "DELETE FROM t WHERE who = 'one'; VACUUM; PRAGMA integrity_check;" |
		grep -qx ok || fail "$1: not whole after VACUUM"
	sql "$db" .dump | sql "$WORK/copy-$1.db"
	same "$(sql "$WORK/copy-$1.db" 'SELECT count(*) FROM t;')" 150 "copy of $1"
}

start_volume
mkfifo "$WORK/orders"
for mode in delete truncate persist wal; do
	use_mode $mode
done
finish

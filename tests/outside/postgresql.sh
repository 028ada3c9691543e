#!/bin/bash
# PostgreSQL: pgbench, the server killed in the middle, recovery, then checksums and indexes.
# matrix: diagonal
# timeout: 400
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_root
PG=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
[ -n "$PG" ] || skip "postgresql is not installed"
PG=$(dirname "$PG")
DB=$MNT/pg/data
SOCKETS=$WORK/sockets
readonly PG DB SOCKETS

readonly AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --clear-groups --)

as_postgres() { "${AS_POSTGRES[@]}" "$@"; }
sql() { as_postgres "$PG/psql" -h "$SOCKETS" -d bench -XAtqc "$1"; }
bench() { as_postgres "$PG/pgbench" -h "$SOCKETS" "$@" bench; }
accepts() { as_postgres "$PG/pg_isready" -q -h "$SOCKETS" -d postgres; }
accepts_or_gone() { accepts || is_gone "$server"; }

start_server() {
	# Not in a function: the pid would be that of a shell.
	"${AS_POSTGRES[@]}" "$PG/postgres" -D "$DB" -k "$SOCKETS" -h '' -c full_page_writes=on \
		-c shared_buffers=32MB -c max_wal_size=64MB >>"$WORK/server.log" 2>&1 &
	server=$!
	wait_until "the server accepts connections" accepts_or_gone
	accepts || fail "the server ended: $(tail -n 20 "$WORK/server.log")"
}

# A zombie has ended: in a container, there may be no process that reaps it.
has_ended() { ! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$1/status"; }

# end_server SIGNAL: its children end with it.
end_server() {
	local children pid
	children=$(ps -o pid= --ppid "$server")
	kill "-$1" "$server"
	wait "$server" 2>/dev/null || true
	for pid in $children; do
		wait_until "process $pid of the server ended" has_ended "$pid"
	done
}

end_all() {
	[ -z "${server:-}" ] || kill -QUIT "$server" 2>/dev/null || true
}
at_exit+=(end_all)

check_whole() {
	same "$(sql 'SELECT sum(abalance) - (SELECT sum(delta) FROM pgbench_history)
		FROM pgbench_accounts')" 0 "the books"
	as_postgres "$PG/pg_amcheck" -h "$SOCKETS" --install-missing --heapallindexed bench ||
		fail "pg_amcheck"
}

crash_while_busy() {
	bench -n -c 4 -j 2 -T 600 >"$WORK/pgbench.log" 2>&1 &
	local load=$!
	sleep "$(seconds_or 10)"
	end_server KILL
	wait "$load" 2>/dev/null || true
}

use_database() {
	mkdir -m 755 "$MNT/pg"
	chown postgres: "$MNT/pg"
	as_postgres "$PG/initdb" -D "$DB" --data-checksums -A trust >"$WORK/initdb.log" 2>&1 ||
		fail "initdb: $(tail -n 5 "$WORK/initdb.log")"
	start_server
	as_postgres "$PG/createdb" -h "$SOCKETS" bench
	bench -i -s 4 -q >"$WORK/init.log" 2>&1 || fail "pgbench -i: $(tail -n 5 "$WORK/init.log")"
	bench -n -c 4 -j 2 -T "$(seconds_or 10)" >"$WORK/pgbench.log" 2>&1 ||
		fail "pgbench: $(tail -n 20 "$WORK/pgbench.log")"
	grep -E '^tps' "$WORK/pgbench.log"
	crash_while_busy
	start_server
	grep -q 'redo done' "$WORK/server.log" || fail "no recovery took place"
	check_whole
	sql 'VACUUM FULL'
	check_whole
	end_server INT
	as_postgres "$PG/pg_checksums" --check -D "$DB" >"$WORK/checksums.log" 2>&1 ||
		fail "pg_checksums: $(tail -n 5 "$WORK/checksums.log")"
	server=
}

install -d -o postgres -m 700 "$SOCKETS"
in_each_cache_mode use_database
finish

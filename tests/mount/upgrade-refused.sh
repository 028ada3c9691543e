#!/bin/bash
# A program that cannot take over a volume changes nothing: the old daemon goes on, also with the
# requests that came meanwhile, and the adapter shows no trace of the other process.
# matrix: transport
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
need_root
need_cxlfs
expect_log '^cxlfs: .*: the upgrade was refused: '
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
# Of programs that are installed below, and of calls that fail.
expect_log 'invalid option|--help|unknown option|unexpected argument'
expect_log 'Cannot allocate memory|out of memory|memory allocation failed|Too many open files|Resource temporarily|Input/output error'

PROGRAM=$WORK/cxlfs
INJECT=$(dirname "$HELPERS")/../failures/inject.so
CONTROL=$WORK/control

install_program() { # a script on standard input
	{ echo '#!/bin/sh' && cat; } >"$WORK/new"
	chmod 755 "$WORK/new"
	mv "$WORK/new" "$PROGRAM"
}

# arm NUMBER: the call with this number, below 256, is the one; 0: none is.  The file is in memory of
# processes, so it must not become shorter.
arm() {
	printf '%b' "\\0$(printf '%o' "$1")\\0\\0\\0\\0\\0\\0\\0" |
		dd of="$CONTROL" conv=notrunc status=none
}

still_works() { # WHY
	[ "$(cat "$MNT/text")" = text ] || fail "$1: a file cannot be read"
	echo "$1" >"$MNT/last"
	rm "$MNT/last"
	! is_gone "${DAEMON[$MNT]}" || fail "$1: the daemon has ended"
}

refuse() { # WHY MESSAGE [OPTION...]
	local why=$1 message=$2
	shift 2
	! "$CXLFSADM" upgrade "$MNT" "$@" >"$WORK/said" 2>&1 || fail "$why: it was not refused"
	grep -q "$message" "$WORK/said" || fail "$why: $(cat "$WORK/said")"
	still_works "$why"
}

cp "$CXLFS" "$PROGRAM"
start_volume
free=$(free_chunks)
echo text >"$MNT/text"
start_writers 2 64k

say "programs that are none, or others"
rm "$PROGRAM"
refuse "no program" 'cannot start .*: No such file'
echo text >"$PROGRAM"
refuse "a text" 'cannot start .*: Permission denied'
install_program <<<'exit 0'
refuse "one that ends" 'has ended'
install_program <<<'kill -SEGV $$'
refuse "one that crashes" 'has ended'
install_program <<<'exec cat "$@"'
refuse "one that knows no option" 'has ended'
install_program <<<'printf 1 >&3; sleep 10'
refuse "another version" 'cannot take over from this one'
install_program <<<'exec sleep 10'
refuse "one that hangs" 'not ready in time' --timeout 1

say "it dies before each message"
for nr in 1 2 3; do
	arm $nr
	install_program <<<"LD_PRELOAD=$INJECT INJECT_GROUP=message INJECT_CONTROL=$CONTROL \
		exec $CXLFS \"\$@\""
	refuse "death at message $nr" 'has ended'
done

say "one call of it fails"
refused=0
for group in descriptor thread map ioctl memory; do
	for nr in 1 2 3 4 8 12 16 32; do
		CONTROL=$WORK/control-$group-$nr # a successor keeps it
		arm $nr
		next=$WORK/cxlfs-$group-$nr
		cp "$CXLFS" "$next"
		install_program <<<"LD_PRELOAD=$INJECT INJECT_GROUP=$group INJECT_CONTROL=$CONTROL \
			exec $next \"\$@\""
		upgraded=yes
		"$CXLFSADM" upgrade "$MNT" >"$WORK/said" 2>&1 || upgraded=no
		arm 0
		if [ $upgraded = yes ]; then
			follow_daemon
			PROGRAM=$next # what it calls its program
		else
			refused=$((refused + 1))
		fi
		still_works "$group, call $nr"
	done
done
[ $refused -ge 15 ] || fail "only $refused calls had to succeed"

say "and then it does"
install_program <<<"exec $CXLFS \"\$@\""
"$CXLFSADM" upgrade "$MNT" || fail "no upgrade"
follow_daemon
kill "${writers[@]}"
wait "${writers[@]}" || true
rm "$MNT"/*
wait_until "all chunks are free" has_free_chunks "$free"
finish

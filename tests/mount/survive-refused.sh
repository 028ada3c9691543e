#!/bin/bash
# With survive=crash: an upgrade that is refused at the last moment leaves the standby as it was, and a
# daemon whose standby has died can be upgraded.
# sanitize: yes
# timeout: 60
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

PROGRAM=$WORK/cxlfs
install_program() { # a script on standard input
	{ echo '#!/bin/sh' && cat; } >"$WORK/new"
	chmod 755 "$WORK/new"
	mv "$WORK/new" "$PROGRAM"
}
stored() { (cd "$MNT" && find . -type f -exec cksum {} + | sort -k 3); }

say "the new program has the volume when it finds out that it cannot serve it"
expect_log '^cxlfs: .*: the upgrade was refused: .*uses the kernel in another way'
cp "$CXLFS" "$PROGRAM"
start_survivor
cp -r "$(dirname "$0")" "$MNT/tree"
head -c 3M "$CXLFS" >"$MNT/large"
stored >"$WORK/stored"
install_program <<<"exec $CXLFS -o writeback \"\$@\""
for _ in 1 2; do
	! "$CXLFSADM" upgrade "$MNT" 2>"$WORK/said" || fail "it was not refused"
	grep -q 'uses the kernel in another way' "$WORK/said" || fail "$(cat "$WORK/said")"
	kill_daemon
	forget_pages "$MNT"
	stored | cmp "$WORK/stored" - || fail "contents are lost"
done

say "an upgrade without the standby, which has died"
expect_log '^cxlfs: the standby has ended: if this process dies, the volume is lost$'
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
expect_log '^cxlfs: warning: the standby process has ended'
daemon=$(daemon_pid)
kill -KILL "${DAEMON[$MNT]}"
wait "${DAEMON[$MNT]}" 2>/dev/null || true
install_program <<<"exec $CXLFS \"\$@\""
for _ in 1 2; do
	"$CXLFSADM" upgrade "$MNT" || fail "no upgrade"
	another_daemon "$daemon" || fail "the old daemon serves"
	daemon=$(daemon_pid)
	"$CXLFSADM" status "$MNT" | grep -q "survives  crash, but its standby has ended" || fail "$("$CXLFSADM" status "$MNT")"
	"$CXLFSADM" emul fault "$ADAPTER" add "at=sync n=1 action=reset kind=eeh" >/dev/null
	head -c 300M /dev/zero >"$MNT/more"
	rm "$MNT/more"
	"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
	forget_pages "$MNT"
	stored | cmp "$WORK/stored" - || fail "contents are lost"
done
expect_log '^cxlfs: .*: the adapter was reset; the context was recovered, no data is lost$'
DAEMON[$MNT]=$daemon SUCCESSOR[$MNT]=yes
stop_volume
finish

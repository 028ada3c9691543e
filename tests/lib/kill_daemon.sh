#!/bin/bash
# kill_daemon.sh: kill the daemon of $MNT and wait until another one serves; for programs.
set -euo pipefail
pid() { "$CXLFSADM" status "$MNT" 2>/dev/null | sed -n 's/.* pid \([0-9]*\),.*/\1/p'; }
old=$(pid)
kill -KILL "$old"
until new=$(pid) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.02; done

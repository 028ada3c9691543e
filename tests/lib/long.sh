# Sourced by every script of tests/long: volumes that are too large for memory.
# shellcheck shell=bash

: "${CXLFS_LONG_DIR:=/var/tmp}"
need_cxlfs
need_mounts

LONG=$(mktemp -d "$CXLFS_LONG_DIR/cxlfs-long.XXXXXX")
remove_long() { rm -rf --one-file-system "$LONG"; }
at_exit+=(remove_long)

# start_long_volume ADAPTER-OPTIONS
start_long_volume() {
	start_daemon "emul:$(join "$LONG/adapter" "$1")" "$MNT"
	note_adapter "$LONG/adapter"
}

# Prints the private memory of the daemon.
memory_kib() { awk '/^RssAnon/ { print $2 }' "/proc/${DAEMON[$MNT]}/status"; }

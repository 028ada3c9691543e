# Sourced by every script of tests/outside: adds to the harness of the mount tests.
# shellcheck shell=bash
# shellcheck source=harness.sh
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

# Prints the mount option for the cache mode that is not the default.
other_cache_mode() {
	if "$CXLFS" --help | grep -q '^  writeback .*(default)'; then
		echo no_writeback
	else
		echo writeback
	fi
}

# in_each_cache_mode COMMAND...: run the command on a new volume in each cache mode.
in_each_cache_mode() {
	local option modes=("")
	[ "$CXLFS_TEST_FS" != cxlfs ] || modes+=("$(other_cache_mode)")
	for option in "${modes[@]}"; do
		say "== ${option:-default options}"
		start_volume "" "$option"
		"$@"
		cd /
		stop_volume
	done
}

# forget_cached: empty the kernel's caches.
forget_cached() {
	sync -f "$MNT"
	[ ! -w /proc/sys/vm/drop_caches ] || echo 3 >/proc/sys/vm/drop_caches
}

# copy_tree_of COUNT TARGET DIRECTORY...: copy COUNT files and links.
copy_tree_of() {
	local count=$1 target=$2
	shift 2
	mkdir -p "$target"
	real_files "$count" "$@" >"$WORK/tree-names"
	tar -C / -c --null -T "$WORK/tree-names" 2>/dev/null | tar -C "$target" -x
}

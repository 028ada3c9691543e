# Sourced by every benchmark.  Needs BUILD (the directory of the programs).
#
# A benchmark gets a scratch directory $work, a tmpfs $store for the data of the file systems and a
# mountpoint $mnt.  All mounts and daemons are removed when it exits, also after Ctrl-C.
# shellcheck shell=bash
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export LC_ALL=C

: "${BUILD:=build/release}"
export LOADS=$BUILD/tests/bench
readonly URING=/sys/module/fuse/parameters/enable_uring

work=
store=
mnt=
loop=
pid=
load_pid=
switched=

say() { printf '%s\n' "$*" >&2; }

give_up() {
	say "bench: $*"
	exit 1
}

need_root() { [ "$(id -u)" = 0 ] || give_up "mounting needs root"; }

need_tool() { command -v "$1" >/dev/null || give_up "$1 is not installed"; }

# ---- beginning and end -----------------------------------------------------------------------

# begin [STORE-SIZE]: make the directories and the tmpfs, and remove them at the exit.
begin() {
	need_root
	work=$(mktemp -d)
	store=$work/store
	mnt=$work/mnt
	trap on_exit EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir -p "$store" "$mnt" build
	mount -t tmpfs -o "size=${1:-8g}" tmpfs "$store" || give_up "no tmpfs"
}

on_exit() {
	trap '' INT TERM HUP
	if [ -n "$load_pid" ]; then
		kill "$load_pid" 2>/dev/null
		wait "$load_pid" 2>/dev/null
	fi
	stop 2>/dev/null # a daemon that was interrupted too has unmounted already
	umount "$store" 2>/dev/null
	[ -z "$switched" ] || echo N >$URING
	rm -rf --one-file-system "$work"
}

# Until the benchmark ends.
switch_uring_on() {
	if [ "$(cat $URING 2>/dev/null)" = N ] && echo Y >$URING; then
		switched=yes
	fi
}

has_uring() { [ "$(cat $URING 2>/dev/null)" = Y ]; }

# run_load COMMAND...: run it as a job, so that Ctrl-C takes effect at once.
run_load() {
	local status
	"$@" &
	load_pid=$!
	wait $load_pid
	status=$?
	load_pid=
	return $status
}

# ---- daemons -----------------------------------------------------------------------------------

# Starts no process, because it is called many times a second.
is_mounted() {
	local line
	while read -r line; do
		[[ $line != *" $1 "* ]] || return 0
	done </proc/self/mountinfo
	return 1
}

# in_background COMMAND...: run a daemon in its foreground mode, as a job of this shell.  The kernel
# divides the processors among sessions first (autogroup), so a daemon with a session of its own would
# get a different share than the others.
in_background() {
	local tries=2000
	"$@" >"$work/log" 2>&1 &
	pid=$!
	until is_mounted "$mnt"; do
		kill -0 $pid 2>/dev/null && [ $((tries -= 1)) -gt 0 ] || return
		sleep 0.005
	done
}

# start_volume [ADAPTER-OPTIONS [MOUNT-OPTIONS]]: mount cxlfs on a new or the existing adapter.
start_volume() {
	in_background "$BUILD/cxlfs" -f "emul:$store/adapter${1:+,$1}" "$mnt" ${2:+-o "$2"} ||
		give_up "cxlfs did not mount: $(tail -n 1 "$work/log")"
}

stop_daemon() {
	is_mounted "$mnt" && umount "$mnt"
	[ -n "$pid" ] || return
	timeout 60 tail --pid="$pid" -s 0.01 -f /dev/null || kill "$pid"
	wait "$pid" 2>/dev/null
	pid=
}

# Also removes the data below.
stop() {
	stop_daemon
	[ -z "$loop" ] || losetup -d "$loop"
	loop=
	rm -rf "${store:?}"/*
}

# ---- numbers -----------------------------------------------------------------------------------

# calculate EXPRESSION [DIGITS]
calculate() { awk "BEGIN { printf \"%.${2:-2}f\\n\", $1 }"; }

now() { printf '%s' "$EPOCHREALTIME"; }

# median NUMBER...
median() {
	printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 }
		END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# json_head: prints the members that all results begin with.
json_head() {
	printf '"version": "%s",\n"kernel": "%s",\n"cores": %d' \
		"$("$BUILD/cxlfs" -V)" "$(uname -r)" "$(nproc)"
}

# A list of numbers: name, value, unit, and the lower or upper limit that it should keep.
LIST=()

# record NAME VALUE [UNIT] ['>= LIMIT' | '<= LIMIT']
record() {
	LIST+=("$1|$2|${3:-}|${4:-}")
	print_record "${LIST[-1]}"
}

meets() { awk "BEGIN { exit !($1 $2) }"; }

print_record() {
	local name value unit limit verdict=
	IFS='|' read -r name value unit limit <<<"$1"
	if [ -n "$limit" ]; then
		verdict="$limit: missed"
		! meets "$value" "$limit" || verdict="$limit: met"
	fi
	printf '%-36s %12s %-13s %s\n' "$name" "$value" "$unit" "$verdict"
}

# write_list FILE: write the list as JSON.
write_list() {
	local entry name value unit limit comma=
	{
		printf '{\n%s,\n"results": [\n' "$(json_head)"
		for entry in "${LIST[@]}"; do
			IFS='|' read -r name value unit limit <<<"$entry"
			printf '%s{"name": "%s", "value": %s, "unit": "%s", "aim": "%s"}' \
				"$comma" "$name" "$value" "$unit" "$limit"
			comma=$',\n'
		done
		printf '\n]\n}\n'
	} >"$1"
}

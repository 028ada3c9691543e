#!/bin/bash
# Every stress-ng stressor of the class filesystem, one after the other, results verified.
# matrix: transport
# timeout: 900
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_tools stress-ng

# bind-mount may hang the machine, binderfs mounts its own file system, and dup, eventfd,
# ioprio and procfs use no files in their directory.
readonly LEAVE_OUT=" bind-mount binderfs dup eventfd ioprio procfs "
# Stressors of other classes that use files.
readonly OTHERS=(aio aiol mmapfork msync readahead revio seek sendfile splice)
readonly SIZES=(--copy-file-bytes 128m --fallocate-bytes 64m --hdd-bytes 64m --iomix-bytes 64m
	--sync-file-bytes 64m --dirdeep-inodes 2000)

stressors() {
	local stressor
	for stressor in $(stress-ng --class 'filesystem?' | sed 's/.*: //') "${OTHERS[@]}"; do
		[[ $LEAVE_OUT = *" $stressor "* ]] || echo "$stressor"
	done
}

stress() {
	local status=0
	stress-ng --temp-path "$MNT/stress" --timeout "$(seconds_or 2)" --verify "${SIZES[@]}" \
		"--$1" 2 >"$WORK/$1.log" 2>&1 || status=$?
	# 3: no resources; 4: not implemented on this system.
	case $status in
	0) say "ok   $1" ;;
	3 | 4) say "skip $1: $(grep -iE 'skip|not supported|cannot' "$WORK/$1.log" | head -n 1)" ;;
	*) return 1 ;;
	esac
	! grep -E 'fail:|unexpected' "$WORK/$1.log"
}

run_all() {
	local stressor failed=()
	mkdir -m 777 "$MNT/stress"
	for stressor in $(stressors); do
		stress "$stressor" || {
			cat "$WORK/$stressor.log"
			failed+=("$stressor")
		}
	done
	[ ${#failed[@]} = 0 ] || fail "stressors: ${failed[*]}"
	same "$(find "$MNT/stress" -mindepth 1 | head -n 3)" "" "what is left"
}

in_each_cache_mode run_all
finish

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tests of real programs on real mounts (tests/mount) on /dev/sda: those that need nothing of
# the emulator and get by with 256 files at a time, which is what the driver allows here.
# timeout: 900
# shellcheck disable=SC2034  # rig_options: for guest.sh
rig_options=(-s 128G -m 2G -t 880)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

programs=(access-times acl-access posix-content posix-locks posix-modes posix-names
	posix-readdir posix-rename posix-xattrs unmount-busy signals-unmount
	stale-mount sqlite-modes model-random-io)

failed=()
for program in "${@:-${programs[@]}}"; do
	status=0 start=$SECONDS
	CXLFS_TEST_DEVICE=/dev/sda CXLFS_SECONDS=${CXLFS_SECONDS:-4} timeout -k 10 200 \
		bash "$rig/../mount/$program.sh" >"$WORK/log" 2>&1 </dev/null || status=$?
	case $status in
	0) say "ok    $program ($((SECONDS - start)) s)" ;;
	77) say "skip  $program ($(tail -n 1 "$WORK/log"))" ;;
	*)
		say "FAIL  $program (status $status)"
		sed 's/^/      | /' "$WORK/log" | tail -n 30
		failed+=("$program")
		;;
	esac
	[ "$(nr_contexts)" = 0 ] || fail "$program left a context"
done
[ ${#failed[@]} = 0 ] || fail "${failed[*]}"
finish_lun

#!/bin/bash
# What the guest runs: the unit suites, and mount tests that end in time on an emulated processor.
#
#	BUILD=build/ppc64le tests/ppc64le/all.sh [units|mounts [NAME...]]
#
# With names it runs these suites, or these scripts of tests/mount, instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Left out are tests with a limit of time that is part of the program (survive-set), tests that fill
# gigabytes, because memory holds all that is written, and tests that need what the guest does not have
# (python3, compilers, systemd); of the others, those that matter least on another processor.
readonly MOUNTS=(posix-content posix-locks posix-modes posix-names posix-readdir posix-rename posix-unlinked
	posix-xattrs acl-access access-times copy-tree dirty-pages space-table
	writeback file-handles whole-lun several-luns stripes packed medium-files size-limit read-only core-dump
	sandbox status observe upgrade survive-crash survive-load survive-unused survive-stripes survive-takeover
	survive-poison save-load resets-under-load fio-verify model-random-io rings workers git-repository
	sqlite-modes tar-roundtrip volume-is-volatile)

# An emulated processor is about 30 times slower, so each adapter and each transport are tried once only.
export SLOWNESS=10 CXLFS_TEST_MATRIX=${CXLFS_TEST_MATRIX:-diagonal}

units() {
	local source suites=()
	[ $# -gt 0 ] || set -- tests/unit/check_*.c tests/fuzz/fuzz_*.c
	for source in "$@"; do
		source=${source##*/}
		suites+=("$(echo "$BUILD"/tests/*/"${source%.c}")")
	done
	tests/lib/run.sh units "${suites[@]}"
}

mounts() {
	[ $# -gt 0 ] || set -- "${MOUNTS[@]}"
	set -- "${@/#/tests/mount/}"
	tests/lib/run.sh mount "${@/%/.sh}"
}

if [ $# -gt 0 ]; then
	"$@"
	exit
fi
status=0
units || status=1
mounts || status=1
exit $status

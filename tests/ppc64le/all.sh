#!/bin/bash
# What the guest runs: the unit suites, and mount tests that end in time on an emulated processor.
#
#	BUILD=build/ppc64le tests/ppc64le/all.sh [units|mounts]
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly MOUNTS=(posix-content posix-locks posix-modes posix-names posix-readdir posix-rename posix-unlinked
	posix-xattrs acl-access access-times copy-tree dirty-pages space-table
	writeback file-handles whole-lun several-luns stripes size-limit read-only core-dump sandbox status
	observe upgrade save-load resets-under-load fio-verify model-random-io rings workers git-repository
	sqlite-modes tar-roundtrip volume-is-volatile)

suites=() scripts=()
for source in tests/unit/check_*.c tests/fuzz/fuzz_*.c; do
	suites+=("$BUILD/${source%.c}")
done
for name in "${MOUNTS[@]}"; do
	scripts+=("tests/mount/$name.sh")
done

# An emulated processor is about 30 times slower.
export SLOWNESS=10
status=0
[ "${1:-units}" != units ] || tests/lib/run.sh units "${suites[@]}" || status=1
[ "${1:-mounts}" != mounts ] || tests/lib/run.sh mount "${scripts[@]}" || status=1
exit $status

#!/bin/bash
# No warnings from shellcheck about the scripts.
# timeout: 400
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || {
	echo "skip: shellcheck is not installed"
	exit 77
}
scripts=(contrib/*.sh contrib/build/*.sh contrib/completion/*.bash
	tests/{lib,lint,mount,outside,bench,long,ppc64le,rig,package,boot}/*.sh tests/rig/run .ci/run)
printf '%s\0' "${scripts[@]}" | xargs -0 -n 8 -P "$(nproc)" shellcheck

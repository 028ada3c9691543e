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
# Following what a script sources takes seven times as long, so only `make lint` does it. The rules
# left out here need both the script and what it sources.
readonly NEEDS_BOTH=SC1091,SC2004,SC2034,SC2119,SC2120,SC2153,SC2154,SC2164
options=(--norc -e "$NEEDS_BOTH")
[ -z "${LINT_WHOLE:-}" ] || options=()
printf '%s\0' "${scripts[@]}" | xargs -0 -n 8 -P "$(nproc)" shellcheck "${options[@]}"

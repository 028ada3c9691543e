#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests on the real driver: builds the rig if needed, then runs every script
# tests/rig/guest-*.sh, or those for the given topics.
#
#	BUILD=build/release tests/rig/check-driver.sh [TOPIC...]
#
# A first build of the rig takes 3 to 4 minutes, all the tests 3 to 8.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${BUILD:=build/release}"
export BUILD

tests/rig/build.sh
scripts=()
for topic in "${@:-*}"; do
	# shellcheck disable=SC2206  # a pattern
	scripts+=(tests/rig/guest-$topic.sh)
done
# A guest keeps a processor busy; tests/lib/run.sh runs one at a time on each.
exec tests/lib/run.sh driver "${scripts[@]}"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that is tested on the real driver: builds the rig when needed, then a line for
# each script tests/rig/guest-*.sh, or for those named.
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
# A virtual machine costs two processes that are always busy: one at a time for each processor.
exec tests/lib/run.sh driver "${scripts[@]}"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A child takes over its parent's vLUNs, after fork and after fork and exec; another drops them.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

takeover=$BUILD/tests/rig/takeover
for way in fork exec drop; do
	say "$way"
	"$takeover" /dev/sda "$way" || fail "$way"
	[ "$(nr_contexts)" = 0 ] || fail "contexts are left: $(cat "$SIM/state")"
done
finish_lun

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A page fault on a register waits for an ioctl on the same context, and the ioctl continues. The
# driver spins on the context's lock in the page fault (see tests/rig/README.md).
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

"$BUILD/tests/rig/first_access" /dev/sda || fail "no access"
[ "$(nr_contexts)" = 0 ] || fail "contexts are left: $(cat "$SIM/state")"
finish_lun

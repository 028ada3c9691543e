#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The conformance suite prints the same lines on the real driver and on an emulated adapter of the
# same configuration, apart from those in tests/rig/differences.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

conformance=$BUILD/tests/conformance/conformance
emulated=emul:$STORE/adapter

first_wwid() { "$CXLFSADM" lun list --json "$@" | sed -n 's/.*"wwid": "\(.*\)".*/\1/p' | head -n 1; }

# Lines of tests/rig/differences: name of a step as in the output, then the reason.
listed() { sed -n 's/^\([a-z][^#]*[^# ]\) *#.*/\1/p' "$rig/differences"; }

# sort_out FILE: prints the steps that are not in that list.
sort_out() { grep -vFf <(listed | sed 's/$/ /') "$1" || [ $? = 1 ]; }

"$conformance" -w "$(first_wwid)" /dev/sda /dev/sdb >"$WORK/driver" || fail "on the driver"
"$CXLFSADM" emul create "${emulated#emul:},luns=2,size=8G,bs=4096,mode=sq,handles=256,ports=2"
"$conformance" -w "$(first_wwid "$emulated")" "$emulated" "$emulated,lun=1" >"$WORK/emulator" ||
	fail "on the emulator"

say "$(wc -l <"$WORK/driver") steps, $(listed | wc -l) of them may differ"
diff -U0 <(sort_out "$WORK/emulator") <(sort_out "$WORK/driver") >"$WORK/diff" || {
	cat "$WORK/diff"
	fail "the emulator (-) is not as the driver (+)"
}
while read -r step; do
	! cmp -s <(grep -F "$step " "$WORK/driver") <(grep -F "$step " "$WORK/emulator") ||
		fail "'$step' does not differ any more: strike it off tests/rig/differences"
done < <(listed)
finish_lun

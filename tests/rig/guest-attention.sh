#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unit attentions under load: power on, changed parameters, a LUN that has grown, changed LUNs. Then
# check conditions that cxlfs retries, and one that it does not.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
mount_lun
expect_log 'attention|capacity|medium|sense|I/O error'

nothing_to_come() { grep -q '^to come:.* fail 0$' "$SIM/state"; }

verify_load
for attention in '29 00' '2a 01' '3f 0e' '29 02'; do
	sleep 1
	fault ua 0 "$attention"
done
sleep 1
fault resize 0 3145728
for refusal in '3 0 0 8 0' '3 0 0 28 0' '2 0 0 0 57' '2 0 0 0 54' '1 0 30 0 0' \
	'1 80 0 2 0 2 4 1'; do
	fault fail "$refusal"
	wait_until "a command is refused" nothing_to_come
	# A command that is refused five times is given up. After this time, the last ones are done.
	sleep 3
done
load_is_fine

say "a medium error is reported, and only for what it hit"
head -c 1000000 /dev/urandom >"$WORK/data"
cp "$WORK/data" "$MNT/data"
fault fail 1 80 0 2 0 3 11 0
must_errno 'Input/output error' dd if="$MNT/data" of=/dev/null iflag=direct bs=4k count=1
cmp "$WORK/data" "$MNT/data"
stop_volume
finish_lun

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ports of the adapter go down and up again under load. While one of the two is up, the load
# continues; while none is, for some seconds, it pauses.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
mount_lun
expect_log 'link|port|channel|retr'

verify_load
sleep 1
fault port 0 offline
sleep 1
fault port 1 offline
fault port 0 online
sleep 1
fault port 0 offline
sleep 3
fault port 1 online
sleep 1
fault port 0 online
load_is_fine
stop_volume
finish_lun

#!/bin/bash
# All file system stressors of stress-ng at once, for some seconds.
# matrix: transport
# sanitize: yes
# timeout: 300
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools stress-ng

STRESSORS=(access chdir chmod chown copy-file dentry dir dirdeep fallocate fcntl filename flock
	fpunch fstat getdent hdd iomix lease link locka lockf lockofd mknod open readahead rename
	revio seek symlink sync-file touch utime xattr)
SIZES=(--copy-file-bytes 128m --fallocate-bytes 32m --hdd-bytes 32m --iomix-bytes 32m
	--readahead-bytes 32m --revio-bytes 32m --seek-size 32m --sync-file-bytes 32m
	--dirdeep-inodes 2000)

options=()
for stressor in "${STRESSORS[@]}"; do
	options+=("--$stressor" 1)
done

start_volume
mkdir -m 777 "$MNT/stress"
stress-ng --temp-path "$MNT/stress" --timeout "$(seconds_or 8)" --verify --metrics-brief \
	"${SIZES[@]}" "${options[@]}" 2>&1 | tee "$WORK/stress.log"
! grep -E 'fail:|unexpected' "$WORK/stress.log" || fail "a stressor failed"
same "$(find "$MNT/stress" -mindepth 1 | head -n 3)" "" "what is left"
finish

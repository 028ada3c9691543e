#!/bin/bash
# Random I/O against a model in memory, at the start of a file and across a chunk boundary.
# matrix: full
# sanitize: yes
# timeout: 180
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

MIB=$((1 << 20))
case $CXLFS_TEST_ADAPTER in
*bs=512*) chunk=$((32 * MIB)) ;;
*) chunk=$((256 * MIB)) ;;
esac
seed=${CXLFS_SEED:-$RANDOM}
say "CXLFS_SEED=$seed repeats this"

start_volume
models=()
for base in 0 $((chunk - MIB)) $((2 * chunk - MIB / 2)); do
	"$HELPERS/model" "$MNT/model-$base" "$(seconds_or 5)" "$((seed + base))" "$base" &
	models+=($!)
done
for model in "${models[@]}"; do
	wait "$model" || fail "a model disagrees"
done
finish

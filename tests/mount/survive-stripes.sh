#!/bin/bash
# The daemon is killed again and again while random I/O goes on in files that are striped over three
# LUNs, and in small ones, whose blocks move. Every byte is as in the model.
# sanitize: yes
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_mounts
need_cxlfs

readonly MIB=$((1 << 20)) CHUNK=$((32 << 20))
adapter=emul:$STORE/adapter
seed=${CXLFS_SEED:-$RANDOM}
say "CXLFS_SEED=$seed repeats this"

for options in stripe=64K,pack=0 stripe=256K; do
	start_daemon "$adapter,luns=3,size=512M,bs=512,lun=0,$adapter,lun=1,$adapter,lun=2" "$MNT" \
		"survive=crash,$options"
	note_adapter "$STORE/adapter"
	free=$(free_chunks)
	models=()
	for base in 0 $((CHUNK - MIB)) $((3 * CHUNK - MIB / 2)); do
		"$HELPERS/model" "$MNT/model-$base" 4 "$((seed + base))" "$base" &
		models+=($!)
	done
	for _ in 1 2 3 4; do
		kill_daemon
		sleep 0.5
	done
	for model in "${models[@]}"; do
		wait "$model" || fail "a model disagrees"
	done
	rm "$MNT"/model-*
	wait_until "all chunks are free" has_free_chunks "$free"
	stop_volume
done
finish

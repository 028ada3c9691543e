#!/bin/bash
# Random faults that a volume must hide, under random I/O that a model checks. Stops at the first
# wrong byte, error, hang or broken rule. CXLFS_SEED repeats a choice of faults.
# matrix: adapter
# timeout: 300
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

readonly ADAPTER=$STORE/adapter LIMIT=120
expect_log 'adapter was reset|not answered'
seed=${CXLFS_SEED:-$RANDOM}
runtime=$(seconds_or 7)
say "CXLFS_SEED=$seed repeats this"

RULES=(
	"every=30ms action=reset kind=eeh"
	"every=30ms action=reset kind=host"
	"at=command every=400 action=reset kind=eeh"
	"at=command n=3 action=reset kind=host"
	"at=resize n=1 action=reset"
	"at=release n=1 action=reset"
	"at=command prob=1/50 action=busy"
	"at=command prob=1/50 action=full"
	"at=command prob=1/50 action=attention asc=29 ascq=00"
	"at=command prob=1/50 action=attention asc=2a ascq=09"
	"at=command prob=1/100 action=late ms=20"
	"at=command times=1 action=late ms=300"
	"at=interrupt prob=1/3 action=drop-interrupt"
	"at=interrupt prob=1/3 action=late ms=5"
	"at=command prob=1/20 action=spurious-interrupt"
	"at=resize times=3 action=eagain"
	"at=resize times=3 action=eintr"
	"at=resize times=2 action=short chunks=1"
	"at=virtual times=2 action=eagain"
	"at=release times=2 action=eagain"
	"at=sync times=2 action=eagain"
	"at=recover times=2 action=eio"
	"at=command n=5 action=link-down port=0 ms=50"
)

# storm PID...: inject faults one after the other while the models run.
storm() {
	local rule nr=0
	RANDOM=$seed
	while kill -0 "$@" 2>/dev/null; do
		rule=${RULES[RANDOM % ${#RULES[@]}]}
		"$CXLFSADM" emul fault "$ADAPTER" add "$rule" >/dev/null
		printf '%s\n' "$rule" >>"$WORK/rules"
		sleep 0.$((RANDOM % 30 + 10))
		"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
		# A load that stands still may wait for a recovery; the end of the test checks it.
		"$CXLFSADM" emul audit "$ADAPTER" | grep -v '^now: ' >"$WORK/audit" && return 1
		nr=$((nr + 1))
	done
	say "$nr faults, $("$CXLFSADM" emul status "$ADAPTER" | head -n 1)"
}

start_volume
models=()
for base in 0 $((1 << 28)); do
	timeout $((runtime + LIMIT)) \
		"$HELPERS/model" "$MNT/model-$base" "$runtime" "$((seed + base))" "$base" &
	models+=($!)
done
storm "${models[@]}" || fail "a rule was broken: $(cat "$WORK/audit")"
for model in "${models[@]}"; do
	wait "$model" || fail "a model disagrees or hangs; the last faults: $(tail -n 3 "$WORK/rules")"
done
finish

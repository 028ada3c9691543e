#!/bin/bash
# Instructions that the program executes for a command of 4 KiB, by layer.
#
#	BUILD=build/release tests/bench/instructions.sh
#
# callgrind counts them from the data layer down, on the emulated adapter, with requests of 4 KiB
# and of 1 MiB.  The result is the difference between a run of twice COMMANDS (16384) and a run of
# COMMANDS, divided by COMMANDS, so that start and stop do not count.  The kernel is not included; a
# card would do the part of "emul" itself.  The numbers depend on compiler and C library, but not on
# load or clock.  Writes build/bench-instructions.json.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${COMMANDS:=16384}"
readonly LAYERS=(data superpipe base emul)

# Prints "LAYER COUNT" for a run.  Inlined functions count for the file they come from, library
# functions for the layer that calls them.  The profile gives the name of a file once and later only
# its number; a line of code has its own cost, and the line after calls= the cost of the callee.
sum_by_layer() {
	awk '
		function file_of(text,   id) {
			id = substr(text, 1, index(text, ")"))
			if (length(text) > length(id))
				name[id] = substr(text, length(id) + 2)
			return name[id]
		}
		function layer_of(file) {
			if (!match(file, /(^|\/)src\/[a-z]+\//))
				return file ~ /tests\/bench\// ? "load" : "library"
			file = substr(file, RSTART, RLENGTH - 1)
			sub(/.*\//, "", file)
			return file
		}
		/^f[lie]=/ { layer = layer_of(file_of(substr($0, 4))); next }
		/^cf[il]=/ { callee = layer_of(file_of(substr($0, 5))); next }
		/^calls=/ { called = 1; next }
		/^[0-9+*-]/ {
			if (called ? callee == "library" : layer != "library")
				sum[layer] += $2
			called = 0
			callee = layer
		}
		/^fn=/ { callee = layer }
		END { for (layer in sum) print layer, sum[layer] }' "$1"
}

count() { # read|write REQUEST-BYTES COMMANDS
	local out=$work/callgrind.$1.$2.$3
	run_load valgrind --tool=callgrind --callgrind-out-file="$out" -q \
		"$LOADS/commands" "emul:$store/adapter" "$@" || give_up "commands failed"
	sum_by_layer "$out" >"$out.sum"
	counted=$out.sum
}

of_layer() { awk -v l="$1" '$1 == l { n = $2 } END { print n + 0 }' "$2"; }

measure() { # read|write REQUEST-BYTES NAME
	local layer once twice each total=0
	count "$1" "$2" "$COMMANDS"
	once=$counted
	count "$1" "$2" $((2 * COMMANDS))
	twice=$counted
	for layer in "${LAYERS[@]}"; do
		each=$(calculate "($(of_layer "$layer" "$twice") - $(of_layer "$layer" "$once")) \
			/ $COMMANDS" 1)
		record "$1, requests of $3: $layer" "$each" "/command"
		[ "$layer" = emul ] || total=$(calculate "$total + $each" 1)
	done
	record "$1, requests of $3: all but emul" "$total" "/command"
}

need_tool valgrind
begin
measure read $((1 << 20)) 1m
measure read 4096 4k
measure write $((1 << 20)) 1m
measure write 4096 4k
write_list build/bench-instructions.json

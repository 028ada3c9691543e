#!/bin/bash
# The programs' --help and the manual name the same options; the README names targets and files that
# exist.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${BUILD:=build/release}"

wrong=0
complain() {
	echo "$*"
	wrong=1
}

# compare WHAT IN-PROGRAM IN-MANUAL: compares two lists of words, one per line.
compare() {
	local only
	[ -n "$2" ] || complain "$1: found none in the program"
	only=$(comm -23 <(sort -u <<<"$2") <(sort -u <<<"$3"))
	[ -z "$only" ] || complain "$1: not in the manual:" "${only//$'\n'/ }"
	only=$(comm -13 <(sort -u <<<"$2") <(sort -u <<<"$3"))
	[ -z "$only" ] || complain "$1: only in the manual:" "${only//$'\n'/ }"
}

# ---- words of the programs ---------------------------------------------------------

help_flags() { "$BUILD/$1" --help | grep '^  -' | grep -oE -- '(^|[ ,])--?[A-Za-z][a-z-]*' | tr -d ' ,'; }

# Prints the first column below "Options for -o:", without values.
help_mount_options() {
	"$BUILD/cxlfs" --help | sed '1,/^Options for -o/d' | sed -n 's/^  \([a-z].*\)/\1/p' |
		sed 's/  .*//' | tr -s ' ,' '\n' | sed 's/=.*//'
}

source_emul_options() { sed -nE 's/^\t\{ "([a-z_]+)", (EMUL_OPT_[A-Z]+|0), .*/\1/p' src/emul/store/spec.c; }
source_fault_actions() { sed -nE 's/^\t\{ "([a-z-]+)", EMUL_FAULT_.*/\1/p' src/emul/fault/rule_names.c; }
source_fault_points() { sed -nE 's/^\t\[EMUL_FAULT_AT_[A-Z]+\] = "([a-z]+)".*/\1/p' src/emul/fault/rule_names.c; }

# ---- words of the manual ----------------------------------------------------------

section() { awk -v s=".Sh $2" '/^\.Sh / { inside = ($0 == s) } inside' "man/$1"; }
manual_flags() { section "$1" OPTIONS | grep -v '^\.It Fl o'  | grep '^\.It Fl' | grep -oE 'Fl [^ ]+' | sed 's/Fl /-/'; }
manual_options() { section "$1" "$2" | sed -nE 's/^\.It Cm ([a-z_]+)( .*)?$/\1/p'; }
says() { grep -qE -- "(^|[ ,])$1([ ,]|\$)" <(section cxlfsadm.8 "FAULT RULES" | tr -d '()'); }

check_fault_words() {
	local word
	for word in $(source_fault_actions) $(source_fault_points); do
		[ "$word" = time ] || says "$word" ||
			complain "fault rules: '$word' is not in cxlfsadm.8"
	done
}

# Every command of cxlfsadm is in the synopsis of its page.
check_commands() {
	local group name
	while read -r group name; do
		section cxlfsadm.8 SYNOPSIS | grep -q "^\\.Cm $group.*${name%%|*}" ||
			complain "cxlfsadm: '$group $name' is not in the synopsis"
	done < <("$BUILD/cxlfsadm" --help | sed -nE 's/^.*cxlfsadm ([a-z]+)( ([a-z|]+))?.*/\1 \3/p')
}

check_readme() {
	local word
	while read -r word; do
		grep -q "^$word:" Makefile contrib/build/*.mk || complain "README: there is no 'make $word'"
	done < <(grep -oE '(^ *|`)make [a-z0-9-]+' README.md | sed 's/.*make //' | sort -u)
	while read -r word; do
		[ -e "$word" ] || complain "README: there is no $word"
	done < <(sed -E "s,(^|[ =])build/[^ ]*,,g" README.md | grep -oE "(src|tests|man|contrib)/[a-z0-9_./-]*[a-z0-9_/-]" | sort -u)
	for word in mount umount check; do
		grep -q "make $word" README.md || complain "README: 'make $word' is missing"
	done
}

compare "flags of cxlfs" "$(help_flags cxlfs)" "$(manual_flags cxlfs.8)"
compare "mount options" "$(help_mount_options)" "$(manual_options cxlfs.8 OPTIONS)"
compare "options of the emulator" "$(source_emul_options)" \
	"$(manual_options cxlfs.8 'EMULATED ADAPTER')"
check_fault_words
check_commands
check_readme
exit $wrong

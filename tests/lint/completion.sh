#!/bin/bash
# The completions for bash offer every option and command of the manual.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${BUILD:=build/release}"
library=/usr/share/bash-completion/bash_completion
[ -r $library ] || {
	echo "skip: bash-completion is not installed"
	exit 77
}

# The library is not written for these.
set +eu
# shellcheck disable=SC1090
. $library
# shellcheck source=../../contrib/completion/cxlfs.bash
. contrib/completion/cxlfs.bash
# shellcheck source=../../contrib/completion/cxlfsadm.bash
. contrib/completion/cxlfsadm.bash

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/adapter" "$dir/mnt"
wrong=0

# complete_line PROGRAM LINE: prints the replies to a tab at the end of the line, one per line.  As
# readline does, it splits words at "=" and ":".
complete_line() {
	local parted=${2//=/ = }
	COMP_LINE="$BUILD/$1 $2" COMP_POINT=$((${#BUILD} + ${#1} + ${#2} + 2)) COMPREPLY=()
	read -ra COMP_WORDS <<<"$BUILD/$1 ${parted//:/ : }"
	[[ $COMP_LINE != *[\ =:] ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	"_$1" "$BUILD/$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}"
}

# offers PROGRAM LINE REPLIES: the replies must be these words, in any order.
offers() {
	local found wanted
	found=$(complete_line "$1" "$2" | sort)
	wanted=$(tr -s ' ' '\n' <<<"$3" | sort)
	[ "$found" = "$wanted" ] || {
		echo "$1 $2: offers '${found//$'\n'/ }' instead of '${wanted//$'\n'/ }'"
		wrong=1
	}
}

section() { awk -v s=".Sh $2" '/^\.Sh / { inside = ($0 == s) } inside' "man/$1"; }
manual_options() { section cxlfs.8 OPTIONS | sed -nE 's/^\.It Cm ([a-z_]+)( Ns = .*)?$/\1\2/p' | sed 's/ Ns = .*/=/'; }
manual_flags() { section "$1" OPTIONS | grep '^\.It Fl' | grep -oE 'Fl [^ ]+' | sed 's/Fl /-/'; }
# Prints the names of the group's commands, or of the groups.
manual_commands() {
	section cxlfsadm.8 SYNOPSIS | sed -n '/^\.Nm/{n;s/^\.Cm //p}' | tr -d '|' |
		awk -v g="$1" '!g { print $1 } $1 == g { for (i = 2; i <= NF; i++) print $i }' | sort -u
}
manual_debug_categories() {
	section cxlfs.8 DEBUGGING | sed -n '/^\.Cm debug=/,/^To see/p' |
		sed -nE 's/^\.Cm ([a-z]+)( \.)?$/\1/p'
}

options=$(manual_options | tr '\n' ' ')
[ "$(wc -w <<<"$options")" -gt 20 ] || { echo "found only: $options"; exit 1; }
offers cxlfs "-o " "${options% }"
offers cxlfs "-o ring" ring_depth=
offers cxlfs "-o noatime,ring" noatime,ring_depth=
offers cxlfs "-o noatime,mode=1777,ring" 1777,ring_depth=
offers cxlfs "-o debug=" "$(manual_debug_categories | tr '\n' ' ' | sed 's/ $//')"
offers cxlfs "-o threads=" ""
offers cxlfs "-" "$(manual_flags cxlfs.8 | sort -u | tr '\n' ' ' | sed 's/ $//')"
offers cxlfs "emul:$dir/a" "$dir/adapter"
offers cxlfs "-f -o noatime emul:$dir/adapter $dir/m" "$dir/mnt"
offers cxlfsadm "" "$(manual_commands "" | tr '\n' ' ')--help --version"
for group in $(manual_commands ""); do
	[ -z "$(manual_commands "$group")" ] ||
		offers cxlfsadm "$group " "$(manual_commands "$group" | tr '\n' ' ' | sed 's/ $//')"
done
offers cxlfsadm "emul audit $dir/adapter --" --clear
offers cxlfsadm "emul fault $dir/adapter res" reset
offers cxlfsadm "lun enable em" emul:
offers cxlfsadm "lun list emul:$dir/a" "$dir/adapter"
offers cxlfsadm "emul status $dir/a" "$dir/adapter"
offers cxlfsadm "set $dir max_inodes" "max_inodes= max_inodes_per_user="
exit $wrong

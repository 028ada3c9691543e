# Bash completion for cxlfs(8).  It reads the options from the program's own --help.
# shellcheck shell=bash

# Prints the options for -o, one per line; those with a value end in "=".
_cxlfs_options() {
	"$1" --help 2>/dev/null | sed '1,/^Options for -o/d' | sed -n 's/^  \([a-z].*\)/\1/p' |
		sed 's/  .*//' | tr -s ' ,' '\n' | sed 's/=.*/=/'
}

# Prints the categories of debug=.
_cxlfs_debug_categories() {
	"$1" --help 2>/dev/null | sed -n '/^  debug=/ { N; s/^.*: //p }' | tr -s ' ,' '\n'
}

# Prints the flags.
_cxlfs_flags() {
	"$1" --help 2>/dev/null | grep -E '^(usage:|  -)' | grep -oE -- '(^ *|, |\[)-[A-Za-z-]+' |
		tr -d ' ,[' | sort -u
}

# Completes the last option of a list that is separated by commas.
_cxlfs_complete_options() {
	local before='' last=$2
	case $last in
	*,*)
		before=${last%,*},
		last=${last##*,}
		;;
	esac
	case $last in
	debug=*) mapfile -t COMPREPLY < <(compgen -P "${before}debug=" \
		-W "$(_cxlfs_debug_categories "$1")" -- "${last#debug=}") ;;
	*=*) COMPREPLY=() ;;
	*) mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(_cxlfs_options "$1")" -- "$last") ;;
	esac
	compopt -o nospace 2>/dev/null
}

_cxlfs_complete_device() {
	case $1 in
	emul:*) mapfile -t COMPREPLY < <(compgen -P emul: -d -- "${1#emul:}") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "emul: $(compgen -G '/dev/sd*')" -- "$1") ;;
	esac
	compopt -o nospace 2>/dev/null
}

# Readline replaces only what follows the last "=" or ":", because these end a word.
_cxlfs_trim_replies() {
	local kept=${1%"${1##*[=:]}"} i
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
	done
}

# Prints how many words before the current one are neither flags nor values of flags.
_cxlfs_count_arguments() {
	local i count=0
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-o) i=$((i + 1)) ;;
		-*) ;;
		*) count=$((count + 1)) ;;
		esac
	done
	echo $count
}

_cxlfs() {
	local cur prev words cword
	_init_completion -n =: || return
	if [ "$prev" = -o ]; then
		_cxlfs_complete_options "$1" "$cur"
	elif [[ $cur = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_cxlfs_flags "$1")" -- "$cur")
	elif [ "$(_cxlfs_count_arguments)" = 0 ]; then
		_cxlfs_complete_device "$cur"
	else
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
	_cxlfs_trim_replies "$cur"
}
complete -F _cxlfs cxlfs

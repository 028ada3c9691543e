# Bash completion for cxlfsadm(8).  It reads the commands from the program's own --help, in which words
# in lower case are typed as they stand, and those in upper case are replaced.
# shellcheck shell=bash

# Prints the usage, one command per line, without the program's name and the flags that stand alone.
_cxlfsadm_usage() {
	"$1" --help 2>/dev/null | sed -n 's/^\(usage:\)\{0,1\} *cxlfsadm \([^-].*\)/\2/p'
}

# Is this word of the usage to be typed as it stands?
_cxlfsadm_is_literal() { [[ $1 =~ ^[a-z-]+(\|[a-z-]+)*$ ]]; }

# Prints what may come in any order after the words of a command.
_cxlfsadm_arguments() {
	local word
	for word in "$@"; do
		if [[ $word = *=VALUE* ]]; then # a|b=VALUE
			tr '|' '\n' <<<"${word%%=*}" | sed 's/$/=/'
		else
			tr -s ' []|' '\n' <<<"$word" | grep -xE -- '(--)?[a-z-]+' || true
		fi
	done
	[[ $* != *emul:* ]] || echo emul:
	[[ $* != *DEVICE* ]] || compgen -G '/dev/sd*'
	[[ $* != *MOUNTPOINT* ]] || awk '$3 == "fuse.cxlfs" { print $2 }' /proc/self/mounts
}

# Prints what a line of the usage offers after the words that were typed: nothing if it is another
# command's.
_cxlfsadm_offers() { # LINE-OF-USAGE TYPED...
	local pattern typed i
	read -ra pattern <<<"$1"
	typed=("${@:2}")
	for ((i = 0; i < ${#pattern[@]}; i++)); do
		_cxlfsadm_is_literal "${pattern[i]}" || break
		if [ "$i" -ge ${#typed[@]} ]; then
			tr '|' '\n' <<<"${pattern[i]}"
			return
		fi
		[[ "|${pattern[i]}|" = *"|${typed[i]}|"* ]] || return
	done
	_cxlfsadm_arguments "${pattern[@]:i}"
}

_cxlfsadm_all_offers() { # PROGRAM TYPED...
	local line
	while read -r line; do
		_cxlfsadm_offers "$line" "${@:2}"
	done < <(_cxlfsadm_usage "$1")
	[ $# -gt 1 ] || printf '%s\n' --help --version
}

_cxlfsadm() {
	# shellcheck disable=SC2034  # _init_completion sets prev
	local cur prev words cword
	_init_completion -n : || return
	if [[ $cur = emul:* ]]; then
		# Readline replaces only what follows the colon.
		mapfile -t COMPREPLY < <(compgen -d -- "${cur#emul:}")
		compopt -o filenames 2>/dev/null
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W \
		"$(_cxlfsadm_all_offers "$1" "${words[@]:1:cword-1}" | sort -u)" -- "$cur")
	if [[ ${COMPREPLY[*]} = emul: || ${COMPREPLY[*]} = *= ]]; then
		compopt -o nospace 2>/dev/null
	elif [[ ${#COMPREPLY[@]} = 0 && $cword -gt 2 ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
}
complete -F _cxlfsadm cxlfsadm

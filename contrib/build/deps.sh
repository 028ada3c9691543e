#!/bin/bash
# Install the Debian packages of the named groups (see contrib/build/packages).
#
#	contrib/build/deps.sh GROUP...
#
# Does nothing if all are installed.  Without root or apt it lists the missing packages, which
# is an error for the build group and a note for the others.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'deps: %s\n' "$*" >&2; }

packages_of_groups() {
	local group
	for group in "$@"; do
		awk -v g="$group" '$1 == g { for (i = 2; i <= NF; i++) print $i }' \
			contrib/build/packages
	done | sort -u
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
	local package
	for package in $(packages_of_groups "$@"); do
		is_installed "$package" || printf '%s\n' "$package"
	done
}

# Packages must not start services: the tests start their own.
keep_services_down() {
	local policy=/usr/sbin/policy-rc.d
	[ ! -e $policy ] || return 0
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	# shellcheck disable=SC2064  # the name is known now
	trap "rm -f $policy" EXIT
}

# The package lists may be missing, as in a new container, or out of date.
apt_install() {
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y
		-o DPkg::Lock::Timeout=300)

	"${apt[@]}" install --no-install-recommends "$@" && return
	"${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"
}

give_up() {
	say "$1; please install: ${missing[*]}"
	case " $groups " in
	*" build "*) exit 1 ;;
	esac
	exit 0
}

groups=$*
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "no apt here: install what contrib/build/packages lists (groups: $groups)"
	exit 0
fi

mkdir -p build/deps
exec 9>build/deps/.lock
flock 9

mapfile -t missing < <(missing_packages "$@")
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || give_up "not root"
say "installing ${missing[*]}"
keep_services_down
apt_install "${missing[@]}" >build/deps/apt.log 2>&1 9>&- || {
	tail -n 5 build/deps/apt.log >&2
	give_up "apt-get failed (build/deps/apt.log)"
}

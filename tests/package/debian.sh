# Sourced by tests that need a Debian 12 of their own.  Debootstrap's result is kept in build/debian.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly SUITE=bookworm DEBIAN=$PWD/build/debian

say() { printf '%s\n' "$*"; }

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

skip() {
	printf 'skip: %s\n' "$*"
	exit 77
}

# same FOUND WANTED WHAT
same() { [ "$1" = "$2" ] || fail "$3 is '$1' instead of '$2'"; }

# wait_until WHAT COMMAND...: poll, at most 60 seconds.
wait_until() {
	local what=$1 tries=600
	shift
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || fail "gave up waiting: $what"
		sleep 0.1
	done
}

# The mirror that apt uses on this machine.
mirror() {
	# shellcheck disable=SC2016  # apt expands these, not the shell
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' |
		sed -n "s/ $SUITE main\$//p" | head -n 1
}

# make_minimal: prints the name of an archive of a minimal Debian.
make_minimal() {
	local archive=$DEBIAN/minimal.tar root
	mkdir -p "$DEBIAN"
	exec 8>"$DEBIAN/.lock"
	flock 8
	[ ! -e "$archive" ] || {
		echo "$archive"
		return
	}
	root=$(mktemp -d "$DEBIAN/root.XXXXXX")
	# shellcheck disable=SC2046  # no mirror: debootstrap's own
	debootstrap --variant=minbase $SUITE "$root" $(mirror) >"$DEBIAN/debootstrap.log" 2>&1 ||
		skip "debootstrap: $(tail -n 1 "$DEBIAN/debootstrap.log")"
	rm -rf "$root"/var/cache/apt/archives/*.deb
	tar -C "$root" -cf "$archive.tmp" .
	rm -rf "$root"
	mv "$archive.tmp" "$archive"
	echo "$archive"
}

# unpack_minimal DIRECTORY: a minimal Debian in which apt works.
unpack_minimal() {
	local archive
	archive=$(make_minimal) || skip "${archive#skip: }"
	tar -C "$1" -xf "$archive"
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$1/etc/" 2>/dev/null || true
}

# in_root DIRECTORY COMMAND...
in_root() {
	local root=$1
	shift
	chroot "$root" env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

package() {
	local names=(build/deb/cxlfs_*.deb)
	[ -e "${names[0]}" ] || fail "no package: run make deb"
	echo "${names[0]}"
}

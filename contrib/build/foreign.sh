#!/bin/bash
# Unpack the Debian packages of the named groups (see contrib/build/packages) for another architecture,
# and all that they depend on.
#
#	contrib/build/foreign.sh ARCHITECTURE DIRECTORY GROUP...
#
# Uses the archives of this machine's apt, which checks the signatures; SUITE names another suite there.
# No program of the packages runs, and needs no root.  Does nothing if the directory has what the groups
# name.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=private_apt.sh
. contrib/build/private_apt.sh

readonly ARCHITECTURE=$1 ROOT=$2
shift 2
readonly WORK=$PWD/$ROOT.apt

packages() {
	local group
	for group in "$@"; do
		sed -n "s/^$group  *//p" contrib/build/packages
	done | tr -s ' ' '\n'
}

# The status file is empty, so apt finds nothing installed and fetches everything.
foreign_apt() {
	private_apt "$WORK" -o APT::Architecture="$ARCHITECTURE" -o APT::Architectures="$ARCHITECTURE" \
		-o Dir::State::status="$WORK/status" -o APT::Install-Recommends=0 \
		-o Debug::NoLocking=1 "$@"
}

# Other suites are in the same archive as the machine's own, but not in that of its security updates.
# shellcheck disable=SC2016  # apt expands these, not the shell
write_sources() {
	if [ -z "${SUITE:-}" ]; then
		debian_sources "deb [signed-by=$KEYRING] "'$(REPO_URI) $(CODENAME) main'
	else
		debian_sources "deb [signed-by=$KEYRING] "'$(REPO_URI)'" $SUITE main" | grep -v security
	fi
}

fetch() {
	rm -rf "$WORK" && mkdir -p "$WORK" && : >"$WORK/status"
	write_sources >"$WORK/sources.list"
	foreign_apt update -o APT::Update::Error-Mode=any
	mapfile -t names < <(packages "$@")
	foreign_apt -y install --download-only "${names[@]}"
}

# As on a Debian where / and /usr are merged.
make_top() {
	local dir
	for dir in bin sbin lib lib64; do
		mkdir -p "$1/usr/$dir"
		ln -s "usr/$dir" "$1/$dir"
	done
}

# Absolute links would lead out of the directory.
make_links_relative() {
	local link target
	find "$1" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
		ln -sfnr "$1$target" "$link"
	done
}

unpack() {
	local package
	for package in "$WORK"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$1" --keep-directory-symlink
	done
}

key() { { echo "$ARCHITECTURE ${SUITE:-}" && packages "$@" && cat contrib/build/foreign.sh; } | sha256sum; }

[ "$(cat "$ROOT.key" 2>/dev/null)" != "$(key "$@")" ] || exit 0
rm -rf "$ROOT" "$ROOT.key"
mkdir -p "$ROOT"
fetch "$@" >"$ROOT.log" 2>&1 || {
	tail -n 5 "$ROOT.log" >&2
	echo "foreign: the packages for $ARCHITECTURE were not fetched ($ROOT.log)" >&2
	exit 1
}
make_top "$ROOT"
unpack "$ROOT"
make_links_relative "$ROOT"
rm -rf "$WORK"
key "$@" >"$ROOT.key"

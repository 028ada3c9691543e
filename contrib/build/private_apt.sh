# Sourced by scripts that fetch packages with apt but leave the machine's lists and packages alone.  Needs
# no root.
# shellcheck shell=bash
# shellcheck disable=SC2034  # for the scripts
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# private_apt DIRECTORY ARGUMENT...: apt-get with the lists, cache and sources.list of DIRECTORY.
private_apt() {
	local dir=$1
	shift
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	apt-get -q \
		-o Dir::Etc::sourcelist="$dir/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" \
		-o APT::Get::List-Cleanup=0 "$@"
}

# debian_sources FORMAT: what apt of this machine knows of Debian's own archives, a line for each.
debian_sources() {
	apt-get indextargets --format "$1" "Created-By: Packages" "Origin: Debian" "Component: main" |
		sort -u
}

#!/bin/bash
# The package is the same, byte for byte, when it is built from a copy of the source elsewhere, in
# another environment, and with a libfuse of its own.
# timeout: 1800
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
copy=$dir/another/place
mkdir -p "$copy"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$copy"
(
	umask 077
	# A compiler's cache would return what the first build has made.
	env CCACHE_DISABLE=1 TZ=Asia/Kolkata LC_ALL=C HOME="$dir" USER=somebody "$copy/contrib/build/deb.sh"
)
for package in build/deb/*.deb; do
	cmp "$package" "$copy/$package"
	sha256sum "$package"
done

#!/bin/bash
# The Debian package has the version and the build dependencies of the project.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' contrib/debian/changelog)
[ "$version" = "$(cat contrib/build/version)" ] || {
	echo "contrib/debian/changelog has version $version, contrib/build/version another"
	exit 1
}

# Every build has a compiler and make; debhelper belongs to the package alone.
wanted=$(sed -n 's/^build  *//p' contrib/build/packages | tr -s ' ' '\n' |
	grep -vxE 'gcc|libc6-dev|make' | sort)
declared=$(sed -n '/^Build-Depends:/,/^[^ B]/p' contrib/debian/control | sed 's/^Build-Depends://; /^[^ ]/d' |
	tr -d ' ,' | grep -v '^debhelper' | sort)
diff <(echo "$wanted") <(echo "$declared")

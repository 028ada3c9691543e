#!/bin/bash
# Each header compiles alone, and has a guard named after its path.
set -euo pipefail
cd "$(dirname "$0")/../.."

config() { sed -n "s/^$1 := //p" build/config-auto.mk; }
read -ra flags <<<"$(config FUSE_CFLAGS) $(config LIB_CFLAGS)"

wrong=0
for header in src/*/*.h src/*/*/*.h; do
	guard=CXLFS_$(tr 'a-z/.-' 'A-Z___' <<<"${header#src/}")
	grep -q "^#define $guard\$" "$header" || {
		echo "$header: the guard is not $guard"
		wrong=1
	}
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Isrc "${flags[@]}" -Wall -Wextra -Werror \
		-fsyntax-only -x c - <<<"#include \"${header#src/}\"" || wrong=1
done
exit $wrong

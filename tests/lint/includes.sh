#!/bin/bash
# Each layer includes only those below it; only fs and the daemon know libfuse.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Layer: what its files may include.  base and wire are below everything.
declare -A MAY=(
	[daemon]="ctl fs data tree superpipe devport"
	[adm]="ctl devport emul"
	[fs]="data tree"
	[ctl]="superpipe devport"
	[data]="superpipe"
	[superpipe]="devport"
	[devport]="emul"
	[emul]="devport"
	[tree]=""
	[base]=""
	[wire]=""
)

edges() { # FILE LAYER INCLUDED-LAYER of every include between folders
	grep -Ho '^#include "[a-z]*/' src/*/*.[ch] | sed -E 's,^(src/([a-z]*)/[^:]*):#include "([a-z]*)/,\1 \2 \3,'
}

wrong=0
while read -r file from to; do
	case " $from base wire ${MAY[$from]-} " in
	*" $to "*) ;;
	*)
		echo "$file: $from may not include $to"
		wrong=1
		;;
	esac
done < <(edges)

# devport knows emul only to choose it; nobody else below the programs may.
if grep -l '^#include <fuse' src/*/*.[ch] | grep -Ev '^src/(fs|daemon)/'; then
	echo "only fs and the daemon may include libfuse"
	wrong=1
fi
exit $wrong

#!/bin/bash
# Each folder includes only those below it; only fuse and the daemon know libfuse.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Layer: what its files may include.  base and wire are below everything.
declare -A MAY=(
	[daemon]="control fuse replica journal data tree superpipe devport"
	[adm]="control devport emul"
	[control]="fuse data superpipe"
	[fuse]="replica journal data tree"
	[replica]="data tree"
	[data]="superpipe"
	[superpipe]="devport"
	[devport]="emul"
	[emul]="devport"
	[tree]=""
	[journal]=""
	[base]=""
	[wire]=""
)
# Folder inside a layer: what it may include of the same layer.
declare -A MAY_INSIDE=(
	[fuse]="fuse/transport"
	[fuse/transport]=""
	[fuse/takeover]="fuse fuse/transport"
	[data]="data/alloc"
	[data/alloc]=""
	[emul]="emul/driver emul/afu emul/store emul/media emul/fault"
	[emul/driver]="emul emul/store"
	[emul/afu]="emul emul/media"
	[emul/store]="emul/fault"
	[emul/media]=""
	[emul/fault]=""
)

mapfile -t files < <(find src -name '*.[ch]')

# FILE FOLDER INCLUDED-FOLDER of every include between folders.
edges() {
	grep -Ho '^#include "[a-z/]*/' "${files[@]}" |
		sed -E 's,^(src/([a-z/]*)/[^:/]*):#include "([a-z/]*)/,\1 \2 \3,' |
		awk '$2 != $3'
}

may() { # FROM TO
	local from=${1%%/*} to=${2%%/*}
	if [ "$from" != "$to" ]; then
		[[ " base wire ${MAY[$from]-} " == *" $to "* ]]
	else
		[[ " ${MAY_INSIDE[$1]-} " == *" $2 "* ]]
	fi
}

wrong=0
while read -r file from to; do
	may "$from" "$to" || {
		echo "$file: $from may not include $to"
		wrong=1
	}
done < <(edges)

# A .c file and its headers are one; no circle of them in these folders.
for folder in data data/alloc fuse fuse/takeover; do
	circles=$(grep -Ho '^#include "[a-z0-9_/]*' "${files[@]}" |
		sed -E 's,^src/([a-z/]*/[a-z0-9_]*)\.[ch]:#include ",\1 ,; s,_internal\b,,g' |
		awk -v in_folder="^$folder/[a-z0-9_]*$" \
			'$1 ~ in_folder && $2 ~ in_folder && $1 != $2' |
		tsort 2>&1 >/dev/null) || {
		echo "src/$folder: includes in a circle:"
		echo "${circles//tsort: /}"
		wrong=1
	}
done

# devport knows emul only to choose it; nobody else below the programs may.
if grep -l '^#include <fuse' "${files[@]}" | grep -Ev '^src/(fuse|daemon)/'; then
	echo "only fuse and the daemon may include libfuse"
	wrong=1
fi
exit $wrong

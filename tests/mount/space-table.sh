#!/bin/bash
# Each file of the table in cxlfs(5) uses as much space as the table says, and gives it back.
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

# Prints the rows of the table: "file|pack=16M|pack=0".
rows() {
	sed -n '/^\.It Sy "file" Ta/,/^\.El/p' "$ROOT/man/cxlfs.5" | sed -n 's/^\.It //p' |
		sed 's/Sy //g; s/"//g; s/ Ta /|/g'
}

# bytes TEXT: the number of bytes in "1 byte", "256 MiB + 4 KiB" or "0".
bytes() {
	local text=$1 sum=0 part number unit
	while [ -n "$text" ]; do
		part=${text%% + *}
		[ "$part" != "$text" ] || text="$part + "
		text=${text#* + }
		read -r number unit <<<"$part"
		case $unit in
		"" | byte) ;;
		KiB) number=$((number << 10)) ;;
		MiB) number=$((number << 20)) ;;
		GiB) number=$((number << 30)) ;;
		TiB) number=$((number << 40)) ;;
		*) fail "what are '$part' bytes?" ;;
		esac
		sum=$((sum + number))
	done
	printf '%s' $sum
}

# make_file WHAT: makes what the first column of the table names.
make_file() {
	local i
	case $1 in
	empty) : >"$MNT/file" ;;
	directory) mkdir "$MNT/file" ;;
	"symbolic link") ln -s target "$MNT/file" ;;
	*", all a hole") truncate -s "$(bytes "${1%,*}")" "$MNT/file" ;;
	*", with 1 byte in each of 4 chunks")
		truncate -s "$(bytes "${1%%,*}")" "$MNT/file"
		for i in 0 1 2 3; do
			printf x | dd of="$MNT/file" bs=1 seek=$((i * 300 << 20)) conv=notrunc status=none
		done
		;;
	*) dd if=/dev/zero of="$MNT/file" bs=1M iflag=count_bytes oflag=direct count="$(bytes "$1")" status=none ;;
	esac
}

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
uses() { [ "$(used)" = "$1" ]; }

# check_column NUMBER PACK
check_column() {
	local what cost
	start_volume size=4G "pack=$2"
	while IFS='|' read -r what cost; do
		make_file "$what"
		# What is left free in a chunk can be used by others after a while.
		say "$what: $cost"
		wait_until "'$what' uses $cost with pack=$2" uses "$(bytes "$cost")"
		rm -r "$MNT/file"
		wait_until "'$what' has given its space back" uses 0
	done < <(rows | sed 1d | cut -d'|' -f "1,$1")
	stop_volume
}

same "$(rows | head -n 1)" "file|pack=16M|pack=0" "the head of the table"
[ "$(rows | wc -l)" -ge 10 ] || fail "the table has only $(rows | wc -l) rows"
check_column 2 16M
check_column 3 0
# The first column is the default.
start_volume "" ""
echo x >"$MNT/file"
same "$(used)" 4096 "bytes used by a small file"
finish

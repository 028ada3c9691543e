#!/bin/bash
# Each limit of the table in cxlfs(5), LIMITS, is where the table says.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts
need_tools python3

# Prints the rows of the table: "what|limit".
rows() {
	sed -n '/^\.Sh LIMITS/,/^\.El/p' "$ROOT/man/cxlfs.5" | sed -n 's/^\.It //p' |
		sed 's/ Ta /|/; s/Cm //g; s/ Ns =/=/g'
}

# number TEXT: the number that a limit begins with.
number() {
	local text=${1//,/}
	case $text in
	"2^63 - 1 "*) printf %s $(((1 << 62) - 1 + (1 << 62))) ;;
	*" MiB"*) printf %s $((${text%% *} << 20)) ;;
	*) printf %s "${text%% *}" ;;
	esac
}

# python CODE ARGUMENT...: CODE gets the mountpoint as its first argument, and can ask with
# fails(ERRNO, FUNCTION, ARGUMENT...) whether a call fails with this error.
python() {
	python3 -c "import errno, os, sys
def fails(code, call, *args):
    try:
        call(*args)
    except OSError as e:
        if e.errno == code: return True
        raise
    return False
$1" "$MNT" "${@:2}"
}

# Makes files of one byte until there is no space, and prints how many there are.
count_files() {
	python 'n = 0
while True:
    try:
        with open("%s/%d" % (sys.argv[1], n), "w") as f: f.write("x")
    except OSError as e:
        if e.errno != errno.ENOSPC: raise
        break
    n += 1
print(n)'
}

# new_volume ADAPTER-OPTIONS OPTIONS: the rows after this one use that volume, too.
new_volume() {
	stop_volume
	rm -r "$ADAPTER"
	start_volume "$1" "$2"
}

check_luns() { # NUMBER
	local devices=() i
	stop_volume
	rm -r "$ADAPTER"
	for ((i = 0; i < $1; i++)); do
		devices+=("emul:$ADAPTER,lun=$i")
	done
	devices[0]+=,luns=$1,size=64M,bs=512
	start_daemon "$(join "${devices[@]}")" "$MNT"
	same "$(stat -f -c %b "$MNT")" $(($1 * (64 << 20) / 4096)) "blocks of $1 LUNs"
	stop_volume
	! "$CXLFS" "$(join "${devices[@]}" "emul:$ADAPTER,lun=0")" "$MNT" 2>"$WORK/message" ||
		fail "a volume of $(($1 + 1)) LUNs"
	grep -q "at most $1 devices" "$WORK/message" || fail "$(cat "$WORK/message")"
	start_volume
}

check_free_space() {
	local available
	new_volume size=256M,bs=512 ""
	available=$(df --output=avail -B1 "$MNT" | tail -n 1 | tr -d ' ')
	same "$("$HELPERS/fill" "$MNT" direct 1000)" "$available" "bytes of one file"
}

check_pack_0() { # LIMIT
	case $1 in
	*"(256 or 4096 a LUN)") ;;
	*) fail "what are $1?" ;;
	esac
	new_volume size=256M,bs=512 pack=0
	same "$(count_files)" 8 "files on 8 chunks"
	new_volume size=4G,bs=512,handles=16 pack=0
	same "$(count_files)" 16 "files with 16 handles"
}

check_attributes() { # CODE NUMBER ERRNO
	python "$1
path, most, code = sys.argv[1] + '/file', int(sys.argv[2]), getattr(errno, sys.argv[3])
open(path, 'w')
check()
os.unlink(path)" "$2" "$3"
}

check_row() { # WHAT LIMIT NUMBER
	case $1 in
	"LUNs of a volume") check_luns "$3" ;;
	"length of a name")
		: >"$MNT/$(head -c "$3" /dev/zero | tr '\0' n)"
		must_errno "File name too long" touch "$MNT/$(head -c $(($3 + 1)) /dev/zero | tr '\0' n)"
		;;
	"length of a symbolic link")
		ln -s "$(head -c "$3" /dev/zero | tr '\0' l)" "$MNT/link"
		must_errno "File name too long" ln -s "$(head -c $(($3 + 1)) /dev/zero | tr '\0' l)" "$MNT/l"
		;;
	"size of a file")
		truncate -s "$3" "$MNT/large"
		same "$(stat -c %s "$MNT/large")" "$3" "size of the file"
		# No call can name a byte behind this one.
		printf x | dd of="$MNT/large" bs=1 seek=$(($3 - 1)) conv=notrunc status=none
		same "$(tail -c 1 "$MNT/large")" x "the last byte"
		;;
	"data of a file") check_free_space ;;
	"files and directories")
		new_volume "" max_inodes=100
		same "$(count_files)" 99 "files beside the root directory"
		;;
	"files with data")
		new_volume size=32M,bs=512 ""
		same "$(count_files)" $(((32 << 20) / 4096)) "files of a byte"
		;;
	"the same with pack=0") check_pack_0 "$2" ;;
	"size of a volume")
		new_volume size=1G size=512M
		same "$(df --output=size -BM "$MNT" | tail -n 1 | tr -d ' ')" 512M "size of the volume"
		;;
	"name of an extended attribute")
		check_attributes "def check():
    os.setxattr(path, 'user.' + 'n' * (most - 5), b'')
    assert fails(code, os.setxattr, path, 'user.' + 'n' * (most - 4), b'')" "$3" ERANGE
		;;
	"value of an extended attribute")
		check_attributes "def check():
    os.setxattr(path, 'user.a', b'v' * most)
    assert fails(code, os.setxattr, path, 'user.a', b'v' * (most + 1))" "$3" E2BIG
		;;
	"names of attributes of an inode")
		check_attributes "def check():
    for i in range(most // 256): os.setxattr(path, 'user.%0250d' % i, b'')
    assert fails(code, os.setxattr, path, 'user.a', b'')" "$3" ENOSPC
		;;
	"values of attributes of an inode")
		check_attributes "def check():
    for i in range(most // 65536): os.setxattr(path, 'user.%d' % i, b'v' * 65536)
    assert fails(code, os.setxattr, path, 'user.a', b'v')" "$3" ENOSPC
		;;
	"time stamps")
		touch -d '2026-11-29 12:00:00.123456789' "$MNT/file"
		same "$(stat -c %y "$MNT/file" | cut -c 21-29)" 123456789 "nanoseconds"
		;;
	*) fail "what is '$1'?" ;;
	esac
}

[ "$(rows | wc -l)" -ge 10 ] || fail "the table has only $(rows | wc -l) rows"
start_volume
while IFS='|' read -r what limit; do
	say "$what: $limit"
	check_row "$what" "$limit" "$(number "$limit")"
done < <(rows)
finish

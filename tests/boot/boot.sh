# Sourced by every script of tests/boot.  On the host it boots the rig's kernel with a Debian in which
# systemd is process 1 and the package is installed.  In the guest it runs two functions of the script:
# `prepare` before systemd starts, `check` when multi-user.target is reached.  The guest powers off after
# that, and `after` runs on the host.
#
# The root file system is an ext4 image, to which the guest's changes do not go.  /host is a directory of
# the host.
# shellcheck shell=bash
# shellcheck source=../package/debian.sh
. "$(dirname "${BASH_SOURCE[0]}")/../package/debian.sh"

# The longest time from a boot to the guest's end, also on a busy machine.
readonly PATIENCE=900
# systemd kills what does not stop within 90 seconds: a shutdown that takes longer has hung.
readonly LONGEST_SHUTDOWN=80
readonly IMAGE=$DEBIAN/boot.img

# ---- the root file system -----------------------------------------------------------

# make_systemd: prints the name of an archive of a Debian with systemd.
make_systemd() {
	local archive=$DEBIAN/systemd.tar root
	[ ! -e "$archive" ] || {
		echo "$archive"
		return
	}
	root=$(mktemp -d "$DEBIAN/root.XXXXXX")
	unpack_minimal "$root"
	{
		in_root "$root" apt-get -qy update &&
			in_root "$root" apt-get -qy install --no-install-recommends systemd-sysv udev \
				fuse3 procps
	} >"$DEBIAN/systemd.log" 2>&1 || skip "apt-get: $(tail -n 1 "$DEBIAN/systemd.log")"
	in_root "$root" apt-get clean
	tar -C "$root" -cf "$archive.tmp" .
	rm -rf "$root"
	mv "$archive.tmp" "$archive"
	echo "$archive"
}

# The units of the guest that run a script's functions.
add_test_units() {
	local units=$1/etc/systemd/system
	cat >"$1/sbin/first" <<-'END'
		#!/bin/bash
		# Process 1, before systemd.
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin
		mount -t proc proc /proc
		share=$(sed -n 's/.*boot_share=\([^ ]*\).*/\1/p' /proc/cmdline)
		mount -t hostfs -o "$share" host /host
		bash /host/script guest prepare >/host/prepare.log 2>&1
		echo $? >/host/prepare.status
		umount /proc
		exec /lib/systemd/systemd
	END
	chmod 755 "$1/sbin/first"
	mkdir "$1/host"
	cat >"$units/check.service" <<-'END'
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		ExecStart=/bin/bash -c 'bash /host/script guest check >/host/check.log 2>&1; echo $? >/host/status.new; \
			journalctl -b --no-pager -o short-monotonic >/host/journal; \
			mv /host/status.new /host/status; date +%%s >/host/end'
		ExecStart=/bin/systemctl --no-block poweroff
	END
	cat >"$units/check.target" <<-'END'
		[Unit]
		Requires=multi-user.target
		After=multi-user.target
		Wants=check.service
		AllowIsolate=yes
	END
	ln -sf check.target "$units/default.target"
	# Nobody logs in.
	ln -sf /dev/null "$units/getty.target"
	ln -sf /dev/null "$units/apt-daily.timer"
	ln -sf /dev/null "$units/apt-daily-upgrade.timer"
}

# Makes the image, if the one that is there has another package.
make_image() {
	local key archive root
	mkdir -p "$DEBIAN"
	exec 9>"$DEBIAN/.image-lock"
	flock 9
	key=$(cat "$(package)" tests/boot/boot.sh | sha256sum)
	[ "$(cat "$IMAGE.key" 2>/dev/null)" != "$key" ] || return 0
	archive=$(make_systemd) || skip "${archive#skip: }"
	root=$(mktemp -d "$DEBIAN/root.XXXXXX")
	tar -C "$root" -xf "$archive"
	cp "$(package)" "$root/tmp/cxlfs.deb"
	in_root "$root" apt-get -qy install --no-install-recommends /tmp/cxlfs.deb \
		>"$DEBIAN/package.log" 2>&1 || fail "the package: $(tail -n 3 "$DEBIAN/package.log")"
	add_test_units "$root"
	rm -f "$IMAGE" "$IMAGE.key"
	mke2fs -q -t ext4 -O ^has_journal -d "$root" "$IMAGE" 1536M
	rm -rf "$root"
	echo "$key" >"$IMAGE.key"
	flock -u 9
}

# ---- the guest ------------------------------------------------------------------------

end_guest() {
	[ -z "${guest:-}" ] || kill -KILL "$guest" -- "-$guest" 2>/dev/null || true
	rm -rf "$share"
}

tell() {
	for log in prepare.log check.log; do
		[ ! -s "$share/$log" ] || sed "s/^/${log%.log}: /" "$share/$log"
	done
}

# On one processor, the processes of User-Mode Linux wake each other up much faster.
run_guest() {
	set -m
	TMPDIR=/dev/shm taskset -c $(($$ % $(nproc))) setarch -R "$kernel" mem=768M umid="cxlboot-$$" \
		uml_dir="$share/" ubd0="$share/cow,$IMAGE" root=/dev/ubda rw init=/sbin/first \
		con0=null,fd:1 con=null ssl=null panic=-1 cxlflash.store="$share/lun0,$share/lun1,$share/lun2" \
		systemd.journald.forward_to_console=1 boot_share="$share" \
		>"$share/console" 2>&1 </dev/null &
	guest=$!
	set +m
	local end=$((SECONDS + PATIENCE))
	while kill -0 "$guest" 2>/dev/null && [ $SECONDS -lt $end ]; do
		sleep 0.2
	done
	ended=$(date +%s)
}

on_host() {
	kernel=${CXLFS_RIG:-build/rig}/linux
	[ -x "$kernel" ] || skip "the rig is not built (make rig)"
	[ "$(id -u)" = 0 ] || skip "not root"
	make_image
	share=$(mktemp -d "$DEBIAN/share.XXXXXX")
	trap end_guest EXIT
	mkdir "$share/tests"
	cp -r tests/boot tests/package "$share/tests/"
	printf '#!/bin/bash\nexec bash /host/tests/boot/%s "$@"\n' "$(basename "$0")" >"$share/script"
	truncate -s 8G "$share"/lun{0,1,2}
	run_guest
	cp "$share/console" "$DEBIAN/$(basename "$0" .sh).console"
	cp "$share/journal" "$DEBIAN/$(basename "$0" .sh).journal" 2>/dev/null || true
	tell
	! kill -0 "$guest" 2>/dev/null || fail "the guest did not end, see $DEBIAN/$(basename "$0" .sh).console"
	same "$(cat "$share/prepare.status" 2>/dev/null)" 0 "the status of prepare"
	same "$(cat "$share/status" 2>/dev/null)" 0 "the status of check"
	say "powering off took $((ended - $(cat "$share/end"))) s"
	[ $((ended - $(cat "$share/end"))) -le $LONGEST_SHUTDOWN ] || fail "the shutdown has hung"
	after
}

# A script may have its own.
after() { :; }

# ---- what a script does in the guest -------------------------------------------------------

# enable UNIT...: before systemd runs.
enable() { systemctl --root=/ enable "$@"; }

# ---- what a script asks in the guest -------------------------------------------------------

property() { systemctl show -P "$2" "$1"; }
state() { property "$1" ActiveState; }
state_is() { [ "$(state "$1")" = "$2" ]; }

# must_be UNIT STATE
must_be() { same "$(state "$1")" "$2" "the state of $1"; }

# before EARLIER LATER: was one active before the other?
before() {
	local earlier later
	earlier=$(property "$1" ActiveEnterTimestampMonotonic)
	later=$(property "$2" ActiveEnterTimestampMonotonic)
	say "$1 at $((earlier / 1000)) ms, $2 at $((later / 1000)) ms"
	if [ "$earlier" = 0 ] || [ "$earlier" -gt "$later" ]; then
		fail "$1 was not active before $2"
	fi
}

# must_be_dead MOUNTPOINT: after a kill the mount stays, so that nobody writes to the directory below it.
must_be_dead() {
	local said
	said=$(stat -f "$1" 2>&1) && fail "$1 is served"
	[[ $said = *"not connected"* ]] || fail "$1: $said"
}

is_volume() { findmnt -n -t fuse.cxlfs "$1" >/dev/null; }

# use DIRECTORY: a volume that works.
use() {
	is_volume "$1" || fail "no volume is mounted on $1"
	cp -a /usr/share/doc/systemd "$1/doc"
	diff -r /usr/share/doc/systemd "$1/doc"
	rm -r "$1/doc"
}

# process_of NAME MOUNTPOINT: prints the process.
process_of() { pgrep -x "$1" -a | awk -v m="$2" '{ for (i = 2; i <= NF; i++) if ($i == m) print $1 }'; }
daemon_of() { process_of cxlfs "$1"; }
standby_of() { process_of cxlfs-standby "$1"; }

# hold DIRECTORY: keeps writing there during the shutdown.
hold() {
	systemd-run -q --unit="hold$(tr / - <<<"$1")" -p DefaultDependencies=no -p KillMode=none \
		sh -c "cd $1; exec 9>held; while :; do dd if=/dev/zero of=held bs=64k count=16 2>/dev/null; done"
	wait_until "something writes to $1" test -s "$1/held"
}

boot_main() {
	case ${1:-host} in
	host) on_host ;;
	guest) "$2" ;;
	esac
}

#!/bin/bash
# survive=crash under systemd: instances of cxlfs@.service on an emulated adapter and on the real driver,
# a line in fstab and the example of a mount unit.  Daemons and standbys are killed, hang, and are
# replaced by an upgrade, while a program uses the volume.
# timeout: 1500
# shellcheck source=boot.sh
. "$(dirname "$0")/boot.sh"

readonly CONTENTS=/usr/bin/systemctl

# service NAME DEVICE OPTIONS: settings of cxlfs@NAME, mounted on /NAME.
service() {
	mkdir -p "/$1"
	printf 'DEVICE=%s\nMOUNTPOINT=/%s\nOPTIONS=%s\n' "$2" "$1" "$3" >"/etc/cxlfs/$1.conf"
}

prepare() {
	local name
	service emulated emul:/var/lib/emulated survive=crash,watchdog=2
	service card /dev/sda survive=crash
	service watched emul:/var/lib/watched survive=crash,watchdog=0
	service alone emul:/var/lib/alone survive=upgrade
	for name in watched alone; do
		mkdir "/etc/systemd/system/cxlfs@$name.service.d"
		printf '[Service]\nWatchdogSec=6\n' >"/etc/systemd/system/cxlfs@$name.service.d/watchdog.conf"
	done
	mkdir -p /fstab /mnt/cxlfs
	echo "emul:/var/lib/fstab  /fstab  fuse.cxlfs  nofail,survive=crash  0 0" >>/etc/fstab
	sed 's/^Options=/&survive=crash,/' /usr/share/doc/cxlfs/examples/mnt-cxlfs.mount \
		>/etc/systemd/system/mnt-cxlfs.mount
	enable cxlfs@emulated mnt-cxlfs.mount
}

# ---- a program that uses a volume ----------------------------------------------------------

busy() {
	while [ ! -e /run/enough ]; do
		cp $CONTENTS "$1/busy" && cmp $CONTENTS "$1/busy" && mv "$1/busy" "$1/moved" &&
			dd if="$1/moved" iflag=direct bs=64k status=none | cmp - $CONTENTS &&
			rm "$1/moved" || return
	done
}

# start_program DIRECTORY: it has a file open that has no name.
start_program() {
	rm -f /run/enough
	cp $CONTENTS "$1/kept"
	cp $CONTENTS "$1/nameless"
	exec 7<"$1/nameless"
	rm "$1/nameless"
	busy "$1" &
	program=$!
	sleep 0.5
}

end_program() { # DIRECTORY WHAT
	touch /run/enough
	wait "$program" || fail "a program on $1 noticed $2"
	cmp $CONTENTS "/proc/$$/fd/7" || fail "the file without a name after $2"
	exec 7<&-
	cmp $CONTENTS "$1/kept" || fail "a file after $2"
	rm "$1/kept"
}

# ---- what happens to a volume --------------------------------------------------------------

# unit_of DIRECTORY
unit_of() {
	case $1 in
	/fstab | /mnt/cxlfs) systemd-escape -p --suffix=mount "$1" ;;
	*) echo "cxlfs@${1#/}.service" ;;
	esac
}

is_other() { local now && now=$(daemon_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }

# another_daemon DIRECTORY COMMAND...: the command, which gets the number of the daemon, makes another one
# serve.  The unit does not notice.
another_daemon() {
	local directory=$1 unit old main
	unit=$(unit_of "$directory") old=$(daemon_of "$1")
	shift
	[ -n "$old" ] || fail "no daemon serves $directory"
	main=$(property "$unit" MainPID)
	"$@" "$old"
	wait_until "another daemon serves $directory" is_other "$directory" "$old"
	stat -f "$directory" >/dev/null
	must_be "$unit" active
	same "$(property "$unit" MainPID)" "$main" "the main process of $unit"
	same "$(property "$unit" Result)" success "the result of $unit"
}

# Chooses the daemon; the kernel counts it as a death for lack of memory.
run_out_of_memory() {
	echo 1000 >"/proc/$1/oom_score_adj"
	echo f >/proc/sysrq-trigger
}

reload() { systemctl reload "cxlfs@$1"; }

killed_under_load() {
	local directory=$1
	start_program "$directory"
	for _ in 1 2 3; do
		another_daemon "$directory" kill -9
		sleep 0.3
	done
	end_program "$directory" "a kill"
}

# stop DIRECTORY: orderly, and nothing is left.
stop() {
	local unit start=$SECONDS
	unit=$(unit_of "$1")
	systemctl stop "$unit"
	say "stopping $unit took $((SECONDS - start)) s"
	! is_volume "$1" || fail "$1 is still mounted"
	must_be "$unit" inactive
	[ -z "$(daemon_of "$1")" ] || fail "a daemon of $1 is left"
	! pgrep -af "cxlfs.* $1( |\$)" || fail "a process of $1 is left"
}

# fails DIRECTORY RESULT: the service notices that its volume is lost, and a restart gives another one.
fails() {
	local unit
	unit=$(unit_of "$1")
	wait_until "$unit has failed" state_is "$unit" failed
	same "$(property "$unit" Result)" "$2" "the result of $unit"
	! pgrep -af "cxlfs.* $1( |\$)" || fail "a process of $1 is left"
	systemctl restart "$unit"
	must_be "$unit" active
	use "$1"
}

# ---- the cases -----------------------------------------------------------------------------

any_service() {
	local directory=$1 unit standby main
	unit=$(unit_of "$directory")
	say "$unit: killed under load"
	killed_under_load "$directory"
	say "$unit: reload"
	start_program "$directory"
	another_daemon "$directory" reload "${directory#/}"
	end_program "$directory" "a reload"
	say "$unit: the standby is killed"
	start_program "$directory"
	standby=$(standby_of "$directory")
	kill -9 "$standby"
	wait_until "the standby is gone" eval "! kill -0 $standby 2>/dev/null"
	another_daemon "$directory" reload "${directory#/}"
	end_program "$directory" "the death of the standby"
	say "$unit: then the daemon too"
	kill -9 "$(daemon_of "$directory")"
	fails "$directory" signal
	say "$unit: both at once"
	kill -9 "$(standby_of "$directory")" "$(daemon_of "$directory")"
	fails "$directory" signal
	say "$unit: the main process"
	main=$(property "$unit" MainPID)
	same "$(ps -o comm= -p "$main")" cxlfs-service "the main process of $unit"
	kill -9 "$main"
	wait_until "the main process is gone" eval "! kill -0 $main 2>/dev/null"
	use "$directory"
	must_be "$unit" active
	systemctl stop "$unit"
	! is_volume "$directory" || fail "$directory is still mounted"
	fails "$directory" signal
}

only_emulated() {
	say "cxlfs@emulated: out of memory"
	start_program /emulated
	another_daemon /emulated run_out_of_memory
	say "cxlfs@emulated: the daemon hangs"
	another_daemon /emulated kill -STOP
	end_program /emulated "a hang"
	journalctl -u cxlfs@emulated -o cat --no-pager | grep -F 'has been killed by the OOM killer' ||
		fail "systemd has not noticed that memory was short"
}

watched() {
	local unit=cxlfs@watched
	systemctl start $unit cxlfs@alone
	say "$unit: works for longer than WatchdogSec"
	another_daemon /watched kill -9
	sleep 14
	must_be $unit active
	must_be cxlfs@alone active
	say "$unit: only the standby hangs"
	kill -STOP "$(standby_of /watched)"
	sleep 14
	must_be $unit active
	use /watched
	say "$unit: nobody answers"
	kill -STOP "$(daemon_of /watched)"
	kill -STOP "$(daemon_of /alone)"
	fails /watched watchdog
	wait_until "cxlfs@alone has failed" state_is cxlfs@alone failed
	same "$(property cxlfs@alone Result)" watchdog "the result of cxlfs@alone"
}

mounts() {
	local directory
	for directory in /fstab /mnt/cxlfs; do
		say "$directory: killed under load"
		wait_until "$directory is mounted" is_volume "$directory"
		killed_under_load "$directory"
	done
	stop /mnt/cxlfs
}

check() {
	cxlfsadm lun enable /dev/sda
	systemctl start cxlfs@card
	any_service /emulated
	only_emulated
	any_service /card
	stop /card
	watched
	mounts
	systemd-analyze security --no-pager cxlfs@emulated.service | tail -n 1
	hold /emulated
	hold /fstab
}

boot_main "$@"

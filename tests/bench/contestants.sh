# Sourced by run.sh: start_NAME mounts a file system over the tmpfs $store on $mnt, or prints why it
# cannot and fails.
# shellcheck shell=bash disable=SC2154
readonly SIZE_MIB=512 IMAGE_MIB=2048
readonly HP=build/libfuse/bin/passthrough_hp

missing() {
	say "left out: $contestant ($1)"
	return 1
}

start_daemon() { in_background "$@" || missing "$(tail -n 1 "$work/log")"; }

make_image() {
	truncate -s ${IMAGE_MIB}M "$store/image"
	mkfs.ext4 -q -F "$store/image"
}

start_tmpfs() { mkdir "$store/tmpfs" && mount --bind "$store/tmpfs" "$mnt"; }

start_ext4() {
	make_image
	loop=$(losetup -f --show --direct-io=off "$store/image") || missing "no loop device" || return
	mount "$loop" "$mnt"
}

start_cxlfs() { start_daemon "$BUILD/cxlfs" -f "emul:$store/adapter" "$mnt" -o "$1"; }
start_cxlfs-uring() { start_cxlfs io_uring; }
start_cxlfs-fuse() { start_cxlfs no_io_uring; }
start_cxlfs-writeback() { start_cxlfs writeback; }
# Another build of cxlfs, to compare with.
start_before() {
	[ -x "${BEFORE-}" ] || missing "BEFORE is not a program" || return
	start_daemon "$BEFORE" -f "emul:$store/adapter" "$mnt" -o "$1"
}
start_before-uring() { start_before io_uring; }
start_before-fuse() { start_before no_io_uring; }

start_hp() {
	[ -x $HP ] || missing "passthrough_hp was not built" || return
	mkdir "$store/source"
	start_daemon $HP --foreground --nopassthrough --clone-fd "$@" "$store/source" "$mnt"
}
start_hp-uring() {
	has_uring || missing "no FUSE over io_uring" || return
	start_hp -o io_uring
}
start_hp-fuse() { start_hp; }

start_fuse2fs() {
	command -v fuse2fs >/dev/null || missing "not installed" || return
	make_image
	start_daemon fuse2fs "$store/image" "$mnt" -f
}

start_nbdfuse() {
	{ command -v nbdfuse && command -v nbdkit; } >/dev/null || missing "not installed" || return
	truncate -s ${SIZE_MIB}M "$store/image"
	start_daemon nbdfuse "$mnt/file" --command nbdkit -s file "$store/image"
}

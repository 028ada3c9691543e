#!/bin/bash
# Build a private static copy of libfuse from Debian's testing source package.
#
# Uses the mirror of this machine's apt, which checks the signatures, and does not change the
# machine's package lists.  Does not need root.
# Result: build/libfuse/usr/{include,lib} and, if it compiles, build/libfuse/bin/passthrough_hp
# for the benchmark.
# LIBFUSE_DIR names another directory than build/libfuse; MESON_CROSS_FILE describes another machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=private_apt.sh
. contrib/build/private_apt.sh

readonly OUT=$PWD/${LIBFUSE_DIR:-build/libfuse}
readonly WORK=$OUT/work
readonly OPTIONS=(--buildtype=release --prefix=/usr --libdir=lib --default-library=static
	--wrap-mode=nodownload -Dutils=false -Dexamples=false -Dtests=false -Duseroot=false)

fetch_from() {
	rm -rf "$WORK" && mkdir -p "$WORK/apt"
	echo "deb-src [signed-by=$KEYRING] $1 testing main" >"$WORK/apt/sources.list"
	(cd "$WORK" &&
		private_apt "$WORK/apt" update -o APT::Update::Error-Mode=any &&
		private_apt "$WORK/apt" source --download-only fuse3)
}

fetch() {
	local mirror
	# shellcheck disable=SC2016  # apt expands it, not the shell
	for mirror in $(debian_sources '$(REPO_URI)'); do
		fetch_from "$mirror" && return
	done
	return 1
}

# FUSE over io_uring needs custom I/O, to send replies by a function other than writev(2).
# Since 3.18.3 it must be enabled; earlier versions always have it and no such option.
custom_io_option() {
	grep -q "'enable-custom-io'" src/meson_options.txt && echo -Denable-custom-io=true
}

compile() {
	local custom_io
	cd "$WORK" && mkdir src &&
		tar -xf fuse3_*.orig.tar.?z --strip-components=1 -C src &&
		custom_io=$(custom_io_option || true) &&
		meson setup build src "${OPTIONS[@]}" ${custom_io:+"$custom_io"} \
			${MESON_CROSS_FILE:+--cross-file "$MESON_CROSS_FILE"} &&
		meson compile -C build &&
		DESTDIR=$OUT meson install -C build --no-rebuild
}

compile_example() {
	cd "$WORK" &&
		meson configure build -Dexamples=true &&
		ninja -C build example/passthrough_hp &&
		mkdir -p "$OUT/bin" &&
		cp build/example/passthrough_hp "$OUT/bin/"
}

main() {
	contrib/build/deps.sh private
	rm -rf "$OUT" && mkdir -p "$OUT"
	(fetch && compile) >"$OUT.log" 2>&1 || return 1
	[ -n "${MESON_CROSS_FILE:-}" ] || (compile_example) >>"$OUT.log" 2>&1 ||
		echo "libfuse: passthrough_hp did not compile; the benchmark will skip it" >&2
	rm -rf "$WORK"
}

main

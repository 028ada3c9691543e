#!/bin/bash
# clang-tidy over src, with the checks of .clang-tidy; make check-clang runs it.
set -euo pipefail
cd "$(dirname "$0")/../.."

config() { sed -n "s/^$1 := //p" build/config-auto.mk; }
flags="-std=gnu11 -D_GNU_SOURCE -DCXLFS_VERSION=\"0\" -Isrc $(config FUSE_CFLAGS) $(config LIB_CFLAGS)"

# Standard error only counts warnings.  kernel_libcxl.c needs IBM's libcxl.
# shellcheck disable=SC2016  # for the inner shell
find src -name '*.c' ! -name kernel_libcxl.c -print0 |
	FLAGS=$flags xargs -0 -P "$(nproc)" -n 4 \
		sh -c 'clang-tidy --quiet "$@" -- $FLAGS 2>/dev/null' sh

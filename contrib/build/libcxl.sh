#!/bin/bash
# Look for IBM's libcxl.  Prints make variables on standard output and a message on standard error.
#
#	CC=cc CPPFLAGS= LDFLAGS= contrib/build/libcxl.sh auto|yes|no
#
# The library for Compute Express Link has the same name, and pkg-config does not tell them apart, so
# this script compiles a program that uses IBM's.
set -euo pipefail

program() {
	cat <<-'END'
		#include <libcxl.h>

		int main(void)
		{
			struct cxl_afu_h *afu = cxl_afu_fd_to_h(0);
			struct cxl_event event;
			uint64_t value = 0;
			void *registers;
			long bytes;

			if (cxl_mmio_install_sigbus_handler() || cxl_get_mmio_size(afu, &bytes) ||
			    cxl_mmio_map(afu, CXL_MMIO_BIG_ENDIAN) || cxl_mmio_ptr(afu, &registers) ||
			    cxl_mmio_read64(afu, 0, &value) || cxl_mmio_write64(afu, 0, value) ||
			    cxl_event_pending(afu) < 0 || cxl_read_event(afu, &event) ||
			    !event.header.size || cxl_afu_fd(afu) < 0)
				return 1;
			cxl_afu_free(afu);
			return 0;
		}
	END
}

is_here() {
	local out status=0
	out=$(mktemp)
	# shellcheck disable=SC2086  # words
	program | ${CC:-cc} ${CPPFLAGS:-} -Werror=implicit-function-declaration -x c - -o "$out" \
		${LDFLAGS:-} -lcxl >/dev/null 2>&1 || status=1
	rm -f "$out"
	return $status
}

say() { printf 'registers and events of a card: %s\n' "$*" >&2; }

case $1 in
yes | auto)
	if is_here; then
		printf 'LIBCXL_CFLAGS := -DHAVE_LIBCXL\nLIB_LIBS += -lcxl\n'
		say "IBM libcxl"
	elif [ "$1" = yes ]; then
		say "no IBM libcxl found (libcxl.h with cxl_afu_fd_to_h(), -lcxl)"
		exit 1
	else
		say "system calls (no IBM libcxl found)"
	fi
	;;
no)
	say "system calls"
	;;
*)
	say "LIBCXL is auto, yes or no, not '$1'"
	exit 1
	;;
esac

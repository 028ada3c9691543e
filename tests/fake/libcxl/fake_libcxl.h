/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_libcxl - what a test tells the stand-in for IBM's libcxl, and what it asks of it.
 *
 * It keeps the habits of the real one that matter: cxl_afu_free() closes the descriptor,
 * cxl_afu_fd_to_h() does not when it fails; a read of several events keeps the rest in the handle;
 * an event that is asked for in vain leaves rubbish; all ones from a register are an error, and a
 * SIGBUS where the handler was not installed; the handler leaves by longjmp and stays armed.
 */
#ifndef CXLFS_TESTS_FAKE_FAKE_LIBCXL_H
#define CXLFS_TESTS_FAKE_FAKE_LIBCXL_H

#include <stddef.h>
#include <sys/types.h>

struct fake_libcxl {
	int refuse_fd;   /* errno of cxl_afu_fd_to_h(), 0 to succeed */
	int refuse_size; /* of cxl_get_mmio_size() */
	int refuse_map;  /* of cxl_mmio_map() */
	long mmio_bytes; /* what sysfs says */

	/* What reads of the descriptor return from now on. */
	struct {
		ssize_t length; /* -errno for a failure */
		char bytes[4096];
	} reads[4];
	unsigned nr_reads, next_read;

	unsigned nr_handles;        /* that are there now */
	struct cxl_afu_h *newest;   /* handle: what a child has to leave over is no leak */
	unsigned nr_reads_done;     /* reads that reached the descriptor */
	volatile unsigned nr_jumps; /* faults that the handler left by longjmp */
};

/** fake_libcxl() - the one there is; a test may set it to zeros to begin. */
struct fake_libcxl *fake_libcxl(void);

#endif

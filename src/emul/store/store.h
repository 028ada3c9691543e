/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the directory of an emulated adapter: made, checked, opened.
 *
 *     adapter   shared state (shm.h)
 *     mmio      one 64 KiB area for each process element; fd2s are descriptors of it
 *     lunN      media: sparse files, or symbolic links to block devices
 *
 * An adapter exists when `adapter` does; it gets that name last, complete and under a lock of the
 * directory. What a maker that was killed has left (`.adapter.new`, `mmio`, lunN) is taken over
 * by the next. Media may be there before the adapter, so that they can be links.
 */
#ifndef CXLFS_EMUL_STORE_STORE_H
#define CXLFS_EMUL_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "emul/store/shm.h"
#include "emul/store/spec.h"

struct emul_store {
	int dir_fd, file_fd, mmio_fd;
	struct emul_shm *shm;
	size_t map_bytes;
	uint64_t dev, ino; /* of the directory */
};

/**
 * emul_store_open() - open an adapter's directory, making the adapter if there is none
 * @explain: receives one plain sentence on failure; may be NULL
 * Nothing is changed in a directory that is refused.
 * Return: 0; -errno as emul_adapter_open().
 */
int emul_store_open(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
		    struct emul_store *ret_store);

/** emul_store_check() - can an adapter that is open already be used with these options? */
int emul_store_check(const struct emul_spec *spec, const struct emul_geometry *geometry,
		     explain_fn explain, void *explain_arg);

void emul_store_close(struct emul_store *store);

/** emul_store_identify() - device and inode of a directory that exists; or -errno */
int emul_store_identify(const char *path, uint64_t *ret_dev, uint64_t *ret_ino);

/** emul_store_reserve() - give a range of the adapter file blocks on the disk; 0 or -ENOMEM */
int emul_store_reserve(int file_fd, uint64_t offset, uint64_t bytes);

#endif

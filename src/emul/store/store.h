/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - creates, checks and opens the directory of an emulated adapter.
 *
 *     adapter   shared state (shm.h)
 *     mmio      one 64 KiB area for each process element; fd2s are descriptors of it
 *     lunN      media: sparse files, or symbolic links to block devices
 *
 * The adapter exists when the file `adapter` exists. That file is written under the name
 * `.adapter.new`, and renamed last, under a lock of the directory. If a process is killed while it
 * creates an adapter, the next one uses or replaces its files. Media may exist before the adapter,
 * so that they can be links.
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
 * emul_store_open() - open an adapter, and create it if it does not exist
 * @explain: receives the reason of a failure; may be NULL
 * Changes nothing in a directory that it rejects.
 * Return: 0; -errno as emul_adapter_open().
 */
int emul_store_open(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
		    struct emul_store *ret_store);

/** emul_store_check() - check the options of another open of an adapter that is already open */
int emul_store_check(const struct emul_spec *spec, const struct emul_geometry *geometry,
		     explain_fn explain, void *explain_arg);

void emul_store_close(struct emul_store *store);

/** emul_store_identify() - get device and inode of a directory; 0 or -errno */
int emul_store_identify(const char *path, uint64_t *ret_dev, uint64_t *ret_ino);

/** emul_store_reserve() - allocate disk space for a range of the adapter file; 0 or -ENOMEM */
int emul_store_reserve(int file_fd, uint64_t offset, uint64_t bytes);

#endif

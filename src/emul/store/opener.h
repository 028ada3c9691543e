/* SPDX-License-Identifier: Apache-2.0 */
/* opener - state of one emul_store_open() call. Private to store.c and create.c. */
#ifndef CXLFS_EMUL_STORE_OPENER_H
#define CXLFS_EMUL_STORE_OPENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/explain.h"
#include "emul/store/store.h"

#define STORE_STATE_NAME  "adapter"
#define STORE_NEW_NAME    ".adapter.new"
#define STORE_MMIO_NAME   "mmio"
#define STORE_ENDIAN_MARK 0x01020304u

struct opener {
	const struct emul_spec *spec;
	struct explainer to;
	struct emul_store *store;
	/* created by this call; removed if it fails */
	uint64_t made_luns; /* bit per LUN */
	bool made_mmio;
};

/** store_lun_name() - file name of the medium of LUN @lun */
void store_lun_name(char name[16], unsigned lun);

/**
 * store_open_file() - open a file of the directory
 * Return: a descriptor; -errno, with an explanation unless it is -ENOENT.
 */
int store_open_file(const struct opener *o, const char *name, int flags);

/** store_create() - create an adapter in an empty directory; on failure, remove its files */
int store_create(struct opener *o);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy_ioasas - finds programs that reuse an IOASA too early.
 *
 * An IOASA belongs to the device from doorbell to completion. A small table remembers those that
 * are in use; it can miss a reuse if two IOASAs share a slot. With engine->lock.
 */
#ifndef CXLFS_EMUL_AFU_BUSY_IOASAS_H
#define CXLFS_EMUL_AFU_BUSY_IOASAS_H

#include "emul/afu/engine.h"

static inline uint32_t *ioasa_slot(struct emul_engine *engine, uint64_t ioasa_ea, uint32_t *ret_key)
{
	*ret_key = (uint32_t)(ioasa_ea >> 4);
	return &engine->busy_ioasas[(ioasa_ea >> 6) % EMUL_IOASA_SLOTS];
}

static inline void mark_ioasa_busy(struct emul_engine *engine, uint64_t ioasa_ea)
{
	uint32_t key, *slot = ioasa_slot(engine, ioasa_ea, &key);

	if (__builtin_expect(*slot == key, 0))
		emul_audit_note(engine->ad, EMUL_IOARCB_OVERLAP, (int)engine->index, ioasa_ea);
	*slot = key;
}

static inline void clear_ioasa_busy(struct emul_engine *engine, uint64_t ioasa_ea)
{
	uint32_t key, *slot = ioasa_slot(engine, ioasa_ea, &key);

	if (*slot == key)
		*slot = 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* inject - applies fault rules to commands and interrupts. */
#ifndef CXLFS_EMUL_AFU_INJECT_H
#define CXLFS_EMUL_AFU_INJECT_H

#include "emul/afu/translate.h"

/**
 * emul_inject_command() - apply the fault rules to a translated command
 * Return: true to execute it; false if it failed with *ret_status, is lost or is delayed.
 */
bool emul_inject_command(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
			 struct emul_status *ret_status);

/** emul_inject_interrupt() - apply them to a completion interrupt. Return: true to raise it. */
bool emul_inject_interrupt(struct emul_batch *batch, unsigned lisn);

/** emul_inject_global() - apply a fault that concerns the whole adapter */
void emul_inject_global(struct emul_afu *afu, const struct emul_fault *fault);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioasa - decode the status area (IOASA) of a command.
 *
 * Tables in ioasa.c map its codes to an action, and to the errno if the action does not help.
 */
#ifndef CXLFS_SUPERPIPE_IOASA_H
#define CXLFS_SUPERPIPE_IOASA_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/sisl.h"

enum ioasa_action {
	IOASA_DONE,    /* all data was transferred */
	IOASA_RETRY,   /* retry at once */
	IOASA_DELAY,   /* retry after a pause that grows each time */
	IOASA_VERIFY,  /* pass the sense data to the VERIFY ioctl, then retry */
	IOASA_RECOVER, /* check the context with RECOVER_AFU, then retry */
	IOASA_FAIL,
};

struct ioasa_disposition {
	enum ioasa_action action;
	int error; /* -errno if the command fails; 0 with IOASA_DONE */
};

/** ioasa_is_good() - true if the status area has no code at all: the usual case. */
static inline bool ioasa_is_good(const struct sisl_ioasa *ioasa)
{
	return ioasa->ioasc == 0;
}

/** ioasa_decode() - return what to do with a completed command. */
struct ioasa_disposition ioasa_decode(const struct sisl_ioasa *ioasa);

/** ioasa_bytes_done() - return how many of @data_len bytes the command transferred before it
 * stopped. */
uint32_t ioasa_bytes_done(const struct sisl_ioasa *ioasa, uint32_t data_len);

#endif

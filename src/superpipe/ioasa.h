/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioasa - what a command's status area means for the command.
 *
 * One table, in ioasa.c, turns the codes into what to do next and the errno the command ends in
 * when that does not help. Pure: no state, no I/O.
 */
#ifndef CXLFS_SUPERPIPE_IOASA_H
#define CXLFS_SUPERPIPE_IOASA_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/sisl.h"

enum ioasa_action {
	IOASA_DONE,    /* everything was transferred */
	IOASA_RETRY,   /* at once */
	IOASA_DELAY,   /* after a pause that grows from time to time */
	IOASA_VERIFY,  /* after the VERIFY ioctl was given the sense data */
	IOASA_RECOVER, /* after RECOVER_AFU was asked whether the context is still ours */
	IOASA_FAIL,
};

struct ioasa_disposition {
	enum ioasa_action action;
	int error; /* -errno if the command is given up; 0 with IOASA_DONE */
};

/** ioasa_is_good() - true when the disposition will be IOASA_DONE, without any code to look up. */
static inline bool ioasa_is_good(const struct sisl_ioasa *ioasa)
{
	return ioasa->ioasc == 0;
}

/** ioasa_decode() - the disposition on a completed command. */
struct ioasa_disposition ioasa_decode(const struct sisl_ioasa *ioasa);

/** ioasa_bytes_done() - of @data_len bytes, those transferred before the command stopped. */
uint32_t ioasa_bytes_done(const struct sisl_ioasa *ioasa, uint32_t data_len);

#endif

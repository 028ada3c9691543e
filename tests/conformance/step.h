/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step - the little language that the cases of the conformance program are written in.
 *
 * A case is an array of steps, ended by an empty one. Each step prints one line: the case, the
 * step's number, what was done, what came of it. Contexts are kept in slots A to D; what a case
 * leaves attached, open, mapped or written is put right after its last step without a word.
 */
#ifndef CXLFS_CONFORMANCE_STEP_H
#define CXLFS_CONFORMANCE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "devport/devport.h"
#include "wire/cxlflash_abi.h"

enum op {
	OP_END, /* of a case, or of what a child does */
	OP_ATTACH,
	OP_REUSE,
	OP_DETACH,
	OP_DIRECT,
	OP_VIRTUAL,
	OP_RESIZE,
	OP_RELEASE,
	OP_VERIFY,
	OP_RECOVER,
	OP_CLONE,
	OP_MANAGE,
	OP_RAW,    /* any request with a bad header or address */
	OP_FILL,   /* USER_VIRTUAL of size 0 until it fails */
	OP_COOKIE, /* slot ctx gets another slot's cookie, altered; for calls that must fail */
	OP_MAP,
	OP_UNMAP,
	OP_CLOSE, /* fd2 */
	OP_EVENT, /* read events that are there */
	OP_WRITE, /* one command; what it overwrites is restored */
	OP_READ,
	OP_COMMAND, /* one command with something wrong */
	OP_FORK,    /* a child does the steps up to OP_END, the parent waits */
};

enum slot { A, B, C, D, NR_SLOTS };

/** Bad headers and addresses for OP_RAW. */
enum raw {
	RAW_VERSION,
	RAW_RSVD_0,
	RAW_RSVD_1,
	RAW_RSVD_2,
	RAW_RETURN_FLAGS,
	RAW_ADDRESS,
	RAW_UNKNOWN_FLAGS,
	RAW_ZEROES,
	NR_RAWS,
};

/** What is wrong with the command of OP_COMMAND. */
enum bad_command {
	BAD_NOTHING,
	BAD_CONTEXT,
	BAD_OPCODE,
	BAD_AFU_COMMAND,
	BAD_TWO_BLOCKS,
	BAD_SHORT_DATA,
	BAD_NO_DATA,
	BAD_DIRECTION,
	BAD_NO_RES_HNDL,
};

struct step {
	enum op op;
	unsigned dev; /* 0: DEVICE, 1: DEVICE2 */
	enum slot ctx, other;
	uint64_t handle;
	uint64_t value; /* a size, an LBA (4 KiB), a number of interrupts, a mask for a cookie */
	uint64_t flags; /* of the ioctl */
	unsigned long request; /* OP_RAW */
	unsigned what;         /* enum raw, enum bad_command */
	uint8_t sense[4];      /* OP_VERIFY with the hint: response code, key, asc, ascq */
};

struct test_case {
	const char *name;
	bool two_luns; /* needs DEVICE2 */
	bool manages;  /* needs the WWID */
	const struct step *steps;
};

struct device {
	const char *name;
	struct devport *dp;
};

struct runner {
	struct device device[2];
	unsigned nr_devices;
	bool has_wwid;
	uint8_t wwid[DK_WWID_LEN];
};

/** run_case() - print the lines of a case; false when what it did could not be put right */
bool run_case(struct runner *runner, const struct test_case *c);

/** open_devices() - open what runner->device[] names, with a message; 0 or -errno */
int open_devices(struct runner *runner);
void close_devices(struct runner *runner);

/** The cases, by subject; each ends with a nameless one. */
extern const struct test_case attach_cases[], handle_cases[], table_cases[], clone_cases[],
	lun_cases[], fd2_cases[], command_cases[];

#endif

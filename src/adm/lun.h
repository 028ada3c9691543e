/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lun - the LUNs behind CXL Flash adapters, for `cxlfsadm lun`.
 *
 * A LUN is named by its WWID and reached by one path for each port of each adapter that sees it.
 * Two sources fill the same lists: sysfs for the adapters of this machine (lun_sysfs.c), and the
 * directory of an emulated adapter (lun_emul.c). lun_print.c shows them, lun.c is the command.
 *
 * Errors: 0 or -errno; the function that returns an error has explained it with adm_say().
 * Threads: one.
 */
#ifndef CXLFS_ADM_LUN_H
#define CXLFS_ADM_LUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "adm/adm.h"
#include "wire/cxlflash_abi.h"

#define LUN_MAX_PORTS       4
#define LUN_NAME_BYTES      64
#define LUN_WWID_TEXT_BYTES (2 * DK_WWID_LEN + 1)

/** An adapter and the state of its ports. */
struct lun_adapter {
	char name[LUN_NAME_BYTES];    /* hostN; emul for an emulated one */
	char address[LUN_NAME_BYTES]; /* of the PCI function */
	unsigned nr_ports;
	char port_state[LUN_MAX_PORTS][16];
};

/** A path to a LUN: one port of one adapter. */
struct lun_path {
	char adapter[LUN_NAME_BYTES];
	unsigned port;
	char device[LUN_NAME_BYTES];  /* device node or emul options for cxlfs; empty: none yet */
	char generic[LUN_NAME_BYTES]; /* sg node, or empty */
	bool superpipe;
};

/** A process that has a path open, or a context attached. */
struct lun_user {
	pid_t pid;
	char command[32];
	bool attached; /* it has a context on some adapter */
};

struct lun {
	uint8_t wwid[DK_WWID_LEN];
	uint64_t bytes;
	uint32_t block_bytes;
	const char *use; /* "virtual", "physical", "none"; NULL if the driver does not report it */
	struct lun_path *paths;
	unsigned nr_paths;
	struct lun_user *users;
	unsigned nr_users;
};

/** All zeros is an empty list; lun_list_fini() when done. */
struct lun_list {
	struct lun_adapter *adapters;
	unsigned nr_adapters;
	struct lun *luns;
	unsigned nr_luns;
};

/** Where the adapters of this machine are found; tests use other directories. */
struct lun_host {
	const char *sysfs;                                      /* "/sys" */
	const char *dev;                                        /* "/dev" */
	const char *proc;                                       /* "/proc" */
	const char *release;                                    /* of the kernel, from uname(2) */
	int (*ioctl)(int fd, unsigned long request, void *arg); /* 0 or -errno */
};

extern const struct lun_host lun_this_host;

/* ---- the lists ---- */

/** lun_list_adapter() - add an adapter; NULL if out of memory */
struct lun_adapter *lun_list_adapter(struct lun_list *list, const char *name);

/** lun_list_lun() - find the LUN with this WWID or add it; NULL if out of memory */
struct lun *lun_list_lun(struct lun_list *list, const uint8_t wwid[DK_WWID_LEN]);

/** lun_add_path() / lun_add_user() - add to a LUN; a user once only. NULL if out of memory */
struct lun_path *lun_add_path(struct lun *lun, const char *adapter, unsigned port);
struct lun_user *lun_add_user(struct lun *lun, pid_t pid);

void lun_list_fini(struct lun_list *list);

/** lun_nr_superpipe() - return how many of its paths are in superpipe mode */
unsigned lun_nr_superpipe(const struct lun *lun);

/**
 * lun_list_find() - find the LUN that a user names
 * @text: WWID as 32 hex digits, also after "naa.", "0x" or the "3" of scsi_id; or a node of a path
 * Return: NULL when there is none.
 */
struct lun *lun_list_find(const struct lun_list *list, const char *text);

/** lun_wwid_parse() - @text as lun_list_find() takes it. Return: 0; -EINVAL it is no WWID. */
int lun_wwid_parse(const char *text, uint8_t ret_wwid[DK_WWID_LEN]);

void lun_wwid_format(const uint8_t wwid[DK_WWID_LEN], char ret_text[LUN_WWID_TEXT_BYTES]);

/** lun_users_format() - "cxlfs (pid 12), fio (pid 13)"; attached ones only, or all */
void lun_users_format(const struct lun *lun, bool attached_only, char *text, size_t bytes);

/* ---- this machine's adapters (lun_sysfs.c, lun_switch.c, lun_users.c) ---- */

/**
 * lun_sysfs_scan() - find the adapters of this machine and their LUNs
 * Return: 0; -ENODEV no adapter found, after adm_say() has printed what is missing; -ENOMEM.
 */
int lun_sysfs_scan(const struct lun_host *host, struct lun_list *list);

/**
 * lun_sysfs_read_ports() - add the state of the ports to the adapters of a scan
 * Call it only if the user asked for it. The driver of Linux 6.1 reads registers through a mapping
 * that does not exist during a reset or after a failed one, and then the kernel oopses.
 */
void lun_sysfs_read_ports(const struct lun_host *host, struct lun_list *list);

/** lun_sysfs_manage() - switch superpipe mode of one path on or off */
int lun_sysfs_manage(const struct lun_host *host, const struct lun *lun,
		     const struct lun_path *path, bool enable);

/** lun_sysfs_check_no_disk() - return -EBUSY if a path is in use as an ordinary disk, else 0 */
int lun_sysfs_check_no_disk(const struct lun *lun);

/** lun_find_users() - add the processes that have a path of a LUN open, with their names */
int lun_find_users(const struct lun_host *host, struct lun_list *list);

/* ---- an emulated adapter (lun_emul.c) ---- */

/** lun_emul_scan() - list the LUNs of the existing adapter @device ("emul:DIR") */
int lun_emul_scan(const char *device, struct lun_list *list);

/** lun_emul_manage() - switch superpipe mode of one path on or off */
int lun_emul_manage(const char *device, const struct lun *lun, const struct lun_path *path,
		    bool enable);

/* ---- showing (lun_print.c) ---- */

void lun_print_table(const struct lun_list *list, FILE *out);

/** Return: 0; -ENOMEM. */
int lun_print_json(const struct lun_list *list, FILE *out);

/* ---- the command (lun.c) ---- */

/**
 * lun_command() - cxlfsadm lun ...
 * @argv: the words after "lun"
 * Return: the exit status: 0; 1 failed; 2 wrong usage.
 */
int lun_command(const struct lun_host *host, int argc, char *const argv[], FILE *out);

#endif

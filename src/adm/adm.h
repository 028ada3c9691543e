/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adm - the subcommands of cxlfsadm.
 *
 * A subcommand gets the words behind its name, prints results on @out and one plain sentence on
 * stderr when it fails, and returns the exit status: 0; 1 it could not be done (or, for audit,
 * rules were broken); 2 wrong usage, for which main prints the usage.
 */
#ifndef CXLFS_ADM_ADM_H
#define CXLFS_ADM_ADM_H

#include <stdio.h>

struct emul_adapter;

#define ADM_OK	   0
#define ADM_FAILED 1
#define ADM_USAGE  2

/** adm_say() - a sentence for the person, with the program's name in front */
void __attribute__((format(printf, 1, 2))) adm_say(const char *format, ...);

/* ---- cxlfsadm emul ---- */

int adm_emul_create(int argc, char *argv[], FILE *out);
int adm_emul_status(int argc, char *argv[], FILE *out);
int adm_emul_audit(int argc, char *argv[], FILE *out);
int adm_emul_fault(int argc, char *argv[], FILE *out);
int adm_emul_grow(int argc, char *argv[], FILE *out);

/**
 * adm_open_emul() - open an emulated adapter that exists
 * @dir: as behind "emul:" in a device name; a leading "emul:" is accepted
 * Return: give it to emul_adapter_put(); NULL when the reason has been said.
 */
struct emul_adapter *adm_open_emul(const char *dir);

/** adm_print_json() - state of an emulated adapter. Return: 0; -ENOMEM. */
int adm_print_json(struct emul_adapter *ad, FILE *out);

#endif

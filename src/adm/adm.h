/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adm - the subcommands of cxlfsadm.
 *
 * A subcommand gets the arguments after its name. It prints results on @out and, if it fails, one
 * sentence on stderr. It returns the exit status: 0; 1 it failed, or the audit found broken rules;
 * 2 wrong usage: main() then prints the usage.
 */
#ifndef CXLFS_ADM_ADM_H
#define CXLFS_ADM_ADM_H

#include <stdbool.h>
#include <stdio.h>

struct emul_adapter;

#define ADM_OK     0
#define ADM_FAILED 1
#define ADM_USAGE  2

/** adm_say() - print a message on stderr, with the program's name in front */
void __attribute__((format(printf, 1, 2))) adm_say(const char *format, ...);

/**
 * adm_parse() - arguments in any order: at most one option and one word
 * @ret_word: NULL: none was given
 * Return: false: wrong usage.
 */
bool adm_parse(int argc, char *argv[], const char *option, bool *ret_given, const char **ret_word);

/* ---- mounted volumes ---- */

int adm_status(int argc, char *argv[], FILE *out);
int adm_upgrade(int argc, char *argv[], FILE *out);
int adm_file(int argc, char *argv[], FILE *out);
int adm_set(int argc, char *argv[], FILE *out);
int adm_top(int argc, char *argv[], FILE *out);
int adm_trace(int argc, char *argv[], FILE *out);
int adm_metrics(int argc, char *argv[], FILE *out);
int adm_save(int argc, char *argv[], FILE *out);

/* ---- cxlfsadm emul ---- */

int adm_emul_create(int argc, char *argv[], FILE *out);
int adm_emul_status(int argc, char *argv[], FILE *out);
int adm_emul_audit(int argc, char *argv[], FILE *out);
int adm_emul_fault(int argc, char *argv[], FILE *out);
int adm_emul_grow(int argc, char *argv[], FILE *out);

/** adm_explain() - adm_say() for functions of emul that explain their errors */
void adm_explain(void *arg, const char *text);

/**
 * adm_open_emul_device() - open an emulated adapter
 * @device: "emul:PATH[,OPTION...]"
 * @create: create it if it does not exist
 * Return: 0, and *ret_ad is for emul_adapter_put(); -errno after adm_say() has given the reason.
 */
int adm_open_emul_device(const char *device, bool create, struct emul_adapter **ret_ad);

/**
 * adm_open_emul() - open an emulated adapter that exists
 * @dir: what follows "emul:" in a device name; a leading "emul:" is accepted
 * Return: for emul_adapter_put(); NULL after adm_say() has given the reason.
 */
struct emul_adapter *adm_open_emul(const char *dir);

/** adm_print_json() - state of an emulated adapter. Return: 0; -ENOMEM. */
int adm_print_json(struct emul_adapter *ad, FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm - manages adapters and mounted volumes. */
#include <stdio.h>
#include <string.h>

#include "adm/adm.h"
#include "adm/lun.h"
#include "base/std_fds.h"

static int lun(int argc, char *argv[], FILE *out)
{
	return lun_command(&lun_this_host, argc, argv, out);
}

static const struct {
	const char *group, *name; /* name NULL: the group has commands of its own */
	int (*run)(int argc, char *argv[], FILE *out);
	const char *usage;
} commands[] = {
	{ "emul", "create", adm_emul_create, "emul create PATH[,OPTION...] [OPTION...]" },
	{ "emul", "status", adm_emul_status, "emul status PATH [--json]" },
	{ "emul", "audit", adm_emul_audit, "emul audit PATH [--clear]" },
	{ "emul", "fault", adm_emul_fault,
	  "emul fault PATH [list | add RULE | RULE | clear [NUMBER] | reset [eeh|host|freeze] | "
	  "fail]" },
	{ "emul", "grow", adm_emul_grow, "emul grow PATH LUN SIZE" },
	{ "lun", NULL, lun, "lun list [--json] [--ports] [emul:PATH]" },
	{ "lun", NULL, lun, "lun enable|disable WWID|DEVICE|all [emul:PATH]" },
	{ "status", NULL, adm_status, "status [MOUNTPOINT] [--json]" },
	{ "upgrade", NULL, adm_upgrade, "upgrade MOUNTPOINT [--timeout SECONDS]" },
	{ "file", NULL, adm_file, "file PATH [--json]" },
	{ "set", NULL, adm_set,
	  "set MOUNTPOINT "
	  "size|reserve|max_inodes|max_inodes_per_user|busy_poll|debug=VALUE..." },
	{ "top", NULL, adm_top, "top [MOUNTPOINT] [-d SECONDS] [-n COUNT]" },
	{ "trace", NULL, adm_trace, "trace MOUNTPOINT [--slow TIME] [-n COUNT] [--json]" },
	{ "metrics", NULL, adm_metrics, "metrics [--output FILE]" },
	{ "save", NULL, adm_save, "save [--freeze] MOUNTPOINT FILE" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out, const char *group)
{
	const char *prefix = "usage:";

	for (unsigned i = 0; i < NR_COMMANDS; i++)
		if (!group || !strcmp(group, commands[i].group)) {
			fprintf(out, "%-6s cxlfsadm %s\n", prefix, commands[i].usage);
			prefix = "";
		}
	if (!group)
		fprintf(out, "       cxlfsadm -h | --help | -V | --version\n");
}

static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		adm_say("cannot write the output");
		return ADM_FAILED;
	}
	return status;
}

static bool is_group(const char *word)
{
	for (unsigned i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(word, commands[i].group))
			return true;
	return false;
}

/* @group, @name: the first two words, or NULL */
static int wrong_usage(const char *group, const char *name)
{
	bool known = group && is_group(group);

	if (!group || (known && !name))
		print_usage(stderr, group);
	else if (known)
		adm_say("unknown command '%s %s'; try 'cxlfsadm --help'", group, name);
	else
		adm_say("unknown command '%s'; try 'cxlfsadm --help'", group);
	return ADM_USAGE;
}

static int run(unsigned i, int argc, char *argv[])
{
	int skip = commands[i].name ? 3 : 2;
	int status = commands[i].run(argc - skip, argv + skip, stdout);

	if (status == ADM_USAGE && commands[i].run != lun)
		fprintf(stderr, "usage: cxlfsadm %s\n", commands[i].usage);
	return finish(status);
}

int main(int argc, char *argv[])
{
	const char *group = argc > 1 ? argv[1] : NULL, *name = argc > 2 ? argv[2] : NULL;

	if (std_fds_fill())
		return ADM_FAILED;
	if (group && (!strcmp(group, "-h") || !strcmp(group, "--help"))) {
		print_usage(stdout, NULL);
		return finish(ADM_OK);
	}
	if (group && (!strcmp(group, "-V") || !strcmp(group, "--version"))) {
		printf("cxlfsadm %s\n", CXLFS_VERSION);
		return finish(ADM_OK);
	}
	for (unsigned i = 0; group && i < NR_COMMANDS; i++)
		if (!strcmp(group, commands[i].group) &&
		    (!commands[i].name || (name && !strcmp(name, commands[i].name))))
			return run(i, argc, argv);
	return wrong_usage(group, name);
}

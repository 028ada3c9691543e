/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adm/adm.h"
#include "base/clock.h"
#include "emul/adapter.h"

/* Duration of a reset that a user requests: long enough to be noticed. */
#define RESET_MS 100

static int list(struct emul_adapter *ad, FILE *out)
{
	char text[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;

	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++)
		if (!emul_fault_print(&ad->shm->fault, i, text, &seen, &taken))
			fprintf(out, "%2u: %s (%" PRIu64 " of %" PRIu64 ")\n", i, text, taken,
				seen);
	return ADM_OK;
}

/* The words of a rule may come as one argument or as several. */
static bool join(int argc, char *argv[], char *text)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < argc && used < EMUL_FAULT_TEXT_MAX; i++)
		used += (size_t)snprintf(text + used, EMUL_FAULT_TEXT_MAX - used, "%s%s",
					 i ? " " : "", argv[i]);
	return used < EMUL_FAULT_TEXT_MAX;
}

static int add(struct emul_adapter *ad, int argc, char *argv[])
{
	char text[EMUL_FAULT_TEXT_MAX], why[EMUL_FAULT_TEXT_MAX];
	int ret;

	if (!join(argc, argv, text)) {
		adm_say("the rule is too long");
		return ADM_FAILED;
	}
	emul_lock(ad);
	ret = emul_fault_add(&ad->shm->fault, text, clock_now_ns(), why);
	emul_unlock(ad);
	if (ret < 0) {
		adm_say("%s", why);
		return ADM_FAILED;
	}
	emul_afu_wake_all(ad);
	return ADM_OK;
}

static int clear(struct emul_adapter *ad, const char *number)
{
	char *end;
	long rule = number ? strtol(number, &end, 10) : -1;
	int ret;

	if (number && (*end || end == number || rule < 0 || rule >= EMUL_FAULT_RULES)) {
		adm_say("'%s' is not the number of a rule", number);
		return ADM_FAILED;
	}
	emul_lock(ad);
	ret = emul_fault_clear(&ad->shm->fault, (int)rule);
	emul_unlock(ad);
	if (ret)
		adm_say("there is no rule %ld", rule);
	return ret ? ADM_FAILED : ADM_OK;
}

static int reset(struct emul_adapter *ad, const char *kind)
{
	enum emul_reset_kind value = EMUL_RESET_EEH;

	if (kind && !emul_reset_kind_parse(kind, &value))
		return ADM_USAGE;
	emul_reset(ad, value, RESET_MS);
	return ADM_OK;
}

static int fail(struct emul_adapter *ad)
{
	emul_fail(ad);
	return ADM_OK;
}

static int run(struct emul_adapter *ad, int argc, char *argv[], FILE *out)
{
	const char *what = argc ? argv[0] : "list";

	if (!strcmp(what, "list") && argc <= 1)
		return list(ad, out);
	if (!strcmp(what, "add") && argc > 1)
		return add(ad, argc - 1, argv + 1);
	if (strchr(what, '='))
		return add(ad, argc, argv);
	if (!strcmp(what, "clear") && argc <= 2)
		return clear(ad, argc == 2 ? argv[1] : NULL);
	if (!strcmp(what, "reset") && argc <= 2)
		return reset(ad, argc == 2 ? argv[1] : NULL);
	if (!strcmp(what, "fail") && argc == 1)
		return fail(ad);
	return ADM_USAGE;
}

int adm_emul_fault(int argc, char *argv[], FILE *out)
{
	struct emul_adapter *ad;
	int status;

	if (argc < 1)
		return ADM_USAGE;
	ad = adm_open_emul(argv[0]);
	if (!ad)
		return ADM_FAILED;
	status = run(ad, argc - 1, argv + 1, out);
	emul_adapter_put(ad);
	return status;
}

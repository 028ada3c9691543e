/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "adm/adm.h"

void adm_say(const char *format, ...)
{
	va_list ap;

	fputs("cxlfsadm: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void adm_explain(void *arg, const char *text)
{
	(void)arg;
	adm_say("%s", text);
}

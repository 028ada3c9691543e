/* SPDX-License-Identifier: Apache-2.0 */
#include "base/explain.h"

#include <stdarg.h>
#include <stdio.h>

int explain_error(const struct explainer *to, int err, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!to->explain)
		return err;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	to->explain(to->arg, text);
	return err;
}

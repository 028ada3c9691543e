/* SPDX-License-Identifier: Apache-2.0 */
#include "devport/devport.h"

#include <string.h>

const struct devport_ops *devport_find(const char *device)
{
	static const char emul_prefix[] = "emul:";

	if (strncmp(device, emul_prefix, sizeof(emul_prefix) - 1) == 0)
		return &devport_emul_ops;
	return &devport_kernel_ops;
}

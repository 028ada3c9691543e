/* SPDX-License-Identifier: Apache-2.0 */
/* container_of - from a member back to the struct that holds it. */
#ifndef CXLFS_BASE_CONTAINER_OF_H
#define CXLFS_BASE_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* words - short names for steps, for the tables of cases only. ..._2 is through DEVICE2. */
#ifndef CXLFS_CONFORMANCE_WORDS_H
#define CXLFS_CONFORMANCE_WORDS_H

#include <fcntl.h>
#include <stddef.h>

#include "conformance/step.h"
#include "wire/sisl.h"

#define STEPS(...)                   \
	(const struct step[])        \
	{                            \
		__VA_ARGS__,         \
		{                    \
			.op = OP_END \
		}                    \
	}
#define CASE(text, ...)                                   \
	{                                                 \
		.name = text, .steps = STEPS(__VA_ARGS__) \
	}
#define CASE_2(text, ...)                                                   \
	{                                                                   \
		.name = text, .two_luns = true, .steps = STEPS(__VA_ARGS__) \
	}
#define CASE_WWID(text, ...)                                               \
	{                                                                  \
		.name = text, .manages = true, .steps = STEPS(__VA_ARGS__) \
	}
#define NO_MORE_CASES        \
	{                    \
		.name = NULL \
	}

#define ATTACH_WITH(c, irqs, mode)                                      \
	{                                                               \
		.op = OP_ATTACH, .ctx = c, .value = irqs, .flags = mode \
	}
#define ATTACH(c) ATTACH_WITH(c, 4, O_RDWR)
#define ATTACH_2(c)                                                              \
	{                                                                        \
		.op = OP_ATTACH, .dev = 1, .ctx = c, .value = 4, .flags = O_RDWR \
	}
#define REUSE_FLAGS (DK_AF_REUSE_CONTEXT | O_RDWR)
#define REUSE(c)                                                           \
	{                                                                  \
		.op = OP_REUSE, .ctx = c, .value = 4, .flags = REUSE_FLAGS \
	}
#define REUSE_2(c)                                                                   \
	{                                                                            \
		.op = OP_REUSE, .dev = 1, .ctx = c, .value = 4, .flags = REUSE_FLAGS \
	}
#define REUSE_2_WITH(c, irqs)                                                           \
	{                                                                               \
		.op = OP_REUSE, .dev = 1, .ctx = c, .value = irqs, .flags = REUSE_FLAGS \
	}
#define DETACH(c)                         \
	{                                 \
		.op = OP_DETACH, .ctx = c \
	}
#define DETACH_2(c)                                 \
	{                                           \
		.op = OP_DETACH, .dev = 1, .ctx = c \
	}
#define DIRECT(c)                         \
	{                                 \
		.op = OP_DIRECT, .ctx = c \
	}
#define DIRECT_2(c)                                 \
	{                                           \
		.op = OP_DIRECT, .dev = 1, .ctx = c \
	}
#define VIRTUAL(c, size)                                  \
	{                                                 \
		.op = OP_VIRTUAL, .ctx = c, .value = size \
	}
#define VIRTUAL_2(c, size)                                          \
	{                                                           \
		.op = OP_VIRTUAL, .dev = 1, .ctx = c, .value = size \
	}
#define FILL(c)                         \
	{                               \
		.op = OP_FILL, .ctx = c \
	}
#define RESIZE(c, h, size)                                            \
	{                                                             \
		.op = OP_RESIZE, .ctx = c, .handle = h, .value = size \
	}
#define RESIZE_2(c, h, size)                                                    \
	{                                                                       \
		.op = OP_RESIZE, .dev = 1, .ctx = c, .handle = h, .value = size \
	}
#define RELEASE(c, h)                                   \
	{                                               \
		.op = OP_RELEASE, .ctx = c, .handle = h \
	}
#define RELEASE_2(c, h)                                           \
	{                                                         \
		.op = OP_RELEASE, .dev = 1, .ctx = c, .handle = h \
	}
#define VERIFY(c, h)                                   \
	{                                              \
		.op = OP_VERIFY, .ctx = c, .handle = h \
	}
#define VERIFY_2(c, h)                                           \
	{                                                        \
		.op = OP_VERIFY, .dev = 1, .ctx = c, .handle = h \
	}
#define VERIFY_SENSE(c, h, ...)                                                           \
	{                                                                                 \
		.op = OP_VERIFY, .ctx = c, .handle = h, .flags = DK_VHF_SENSE, .sense = { \
			__VA_ARGS__                                                       \
		}                                                                         \
	}
#define RECOVER(c)                         \
	{                                  \
		.op = OP_RECOVER, .ctx = c \
	}
#define RECOVER_2(c)                                 \
	{                                            \
		.op = OP_RECOVER, .dev = 1, .ctx = c \
	}
#define CLONE(from, to)                                  \
	{                                                \
		.op = OP_CLONE, .ctx = to, .other = from \
	}
#define CLONE_2(from, to)                                          \
	{                                                          \
		.op = OP_CLONE, .dev = 1, .ctx = to, .other = from \
	}
#define MANAGE(f)                           \
	{                                   \
		.op = OP_MANAGE, .flags = f \
	}
#define RAW(r, w)                                     \
	{                                             \
		.op = OP_RAW, .request = r, .what = w \
	}
#define COOKIE(c, from, mask)                                           \
	{                                                               \
		.op = OP_COOKIE, .ctx = c, .other = from, .value = mask \
	}
#define MAP(c)                         \
	{                              \
		.op = OP_MAP, .ctx = c \
	}
#define MAP_BYTES(c, bytes)                            \
	{                                              \
		.op = OP_MAP, .ctx = c, .value = bytes \
	}
#define UNMAP(c)                         \
	{                                \
		.op = OP_UNMAP, .ctx = c \
	}
#define CLOSE(c)                         \
	{                                \
		.op = OP_CLOSE, .ctx = c \
	}
#define EVENT(c)                         \
	{                                \
		.op = OP_EVENT, .ctx = c \
	}
#define WRITE(c, h, lba)                                            \
	{                                                           \
		.op = OP_WRITE, .ctx = c, .handle = h, .value = lba \
	}
#define READ(c, h, lba)                                            \
	{                                                          \
		.op = OP_READ, .ctx = c, .handle = h, .value = lba \
	}
/* a read of what another LBA was written as */
#define READ_AS(c, h, lba, seed)                                    \
	{                                                           \
		.op = OP_READ, .ctx = c, .handle = h, .value = lba, \
		.flags = (uint64_t)(seed) - (lba)                   \
	}
#define BAD_READ(c, h, lba, w)                                                   \
	{                                                                        \
		.op = OP_COMMAND, .ctx = c, .handle = h, .value = lba, .what = w \
	}
#define BAD_WRITE(c, h, lba, w)                                                              \
	{                                                                                    \
		.op = OP_COMMAND, .ctx = c, .handle = h, .value = lba, .what = w, .flags = 1 \
	}
#define FORK                  \
	{                     \
		.op = OP_FORK \
	}
#define END                  \
	{                    \
		.op = OP_END \
	}

/* A chunk in 4 KiB blocks where device blocks have 4,096 bytes; eight of them where 512. */
#define CHUNK 65536ull

#endif

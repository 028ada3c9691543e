/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shm - the state that all processes share which use an emulated adapter: its `adapter` file.
 *
 * The file begins with struct emul_shm. After it, at the offsets in the head, are the context
 * records, the RHTs (one page for each context record), the handle records, the chunk state of
 * each LUN, and a heap of LXTs. The file is sparse. emul_store_reserve() allocates disk space
 * before a part is used, so a full host disk causes ENOMEM and never SIGBUS.
 *
 * Locks:
 *   head                     constant, protected by a CRC
 *   driver, lun, ctx, pe     written by the driver side under the adapter lock (emul_lock())
 *   _Atomic fields           readable without the lock; so are RHTs, LXTs and the LUN table,
 *                            which the driver side updates in the order of the real driver
 *   fault, audit             lock-free, for every thread
 *
 * The "address" of an RHT or LXT is its offset in this file, 0 for none.
 */
#ifndef CXLFS_EMUL_STORE_SHM_H
#define CXLFS_EMUL_STORE_SHM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/fault/fault.h"
#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

#define EMUL_MAGIC       "cxlfsEMU"
#define EMUL_VERSION     1u
#define EMUL_MAX_LUNS    64
#define EMUL_MAX_RECORDS 128 /* WWIDs that MANAGE_LUN can register */
#define EMUL_MAX_PORTS   4
#define EMUL_MAX_PES     SISL_MAX_CONTEXTS
#define EMUL_MAX_CTXS    1024 /* records: those with a PE and those on the error list */
#define EMUL_MAX_COPIES  8    /* recorded processes that inherited an fd2 */
#define EMUL_MAX_RUNNING 64   /* ioctls in progress */
#define EMUL_LXT_GROUP   8    /* entries; LXTs grow by whole groups */
#define EMUL_LXT_CLASSES 24   /* heap size classes: 1, 2, 4 ... groups */
#define EMUL_AUDIT_NOTES 64

/* ---- head: immutable ---- */

/** Properties of an adapter, set when it is created. */
struct emul_geometry {
	uint32_t block_bytes; /* 4096 or 512 */
	uint32_t nr_luns;
	uint32_t nr_ports;
	uint32_t nr_contexts; /* PEs for user contexts */
	uint32_t nr_handles;  /* in an RHT */
	uint32_t cmd_room;    /* IOARRIN credits of a context */
	uint8_t sq_mode;      /* 1: SQ; 0: IOARRIN */
	uint8_t irq_all;      /* 1: interrupt even for completions inside run() */
	uint8_t legacy_fd;    /* 1: the driver closes fd2; no APP_CLOSE_ADAP_FD */
	uint8_t bugs;         /* 1: emulate the real driver's defects */
	uint8_t reserved[4];
	uint64_t seed;
	uint64_t read_ns, write_ns;         /* latency model; 0: none */
	uint64_t riops, wiops;              /* rate limit of a LUN; 0: none */
	uint64_t lun_blocks[EMUL_MAX_LUNS]; /* device blocks */
};

struct emul_head {
	char magic[8];
	uint32_t version;
	uint32_t head_bytes;
	uint64_t shm_bytes; /* size of struct emul_shm, to detect another layout */
	struct emul_geometry geometry;
	uint64_t ctx_offset, rht_offset, handle_offset, chunk_offset, heap_offset;
	uint64_t file_bytes;
	uint64_t cookie_high; /* upper half of context cookies; resembles a kernel address */
	uint32_t endian;      /* 0x01020304 as this host stores it */
	uint32_t crc;         /* of everything before it */
};

/* ---- tables the AFU reads ---- */

#define EMUL_RHT_FORMAT_VIRTUAL  0x00u
#define EMUL_RHT_FORMAT_PHYSICAL 0x10u
#define EMUL_RHT_FORMAT_MASK     0xf0u
#define EMUL_PERM_READ           0x1u
#define EMUL_PERM_WRITE          0x2u
#define EMUL_RHT_VALID           0x80u
#define EMUL_RHT_NMASK           16u

/** Resource handle table entry, in the layout of the AFU. */
struct emul_rht {
	union {
		_Atomic uint64_t lxt;    /* virtual: offset of the LXT */
		_Atomic uint64_t lun_id; /* physical: SCSI LUN id */
	};
	union {
		_Atomic uint32_t lxt_cnt; /* virtual: chunks */
		_Atomic uint8_t valid;    /* physical: EMUL_RHT_VALID */
	};
	uint16_t reserved;
	_Atomic uint8_t fp; /* format and permission */
	union {
		_Atomic uint8_t nmask;     /* 0: free */
		_Atomic uint8_t port_mask; /* physical */
	};
};

_Static_assert(sizeof(struct emul_rht) == 16, "emul_rht");
_Static_assert(offsetof(struct emul_rht, fp) == 0x0e, "emul_rht.fp");

/* LXT entry: chunk << 16 | LUN table index << 8 | permission << 4 | port mask */
#define EMUL_LXT_LBA(entry)   ((entry) & ~0xffffull)
#define EMUL_LXT_INDEX(entry) ((unsigned)((entry) >> 8) & 0xffu)
#define EMUL_LXT_PERM(entry)  ((unsigned)((entry) >> 4) & 0x3u)
#define EMUL_LXT_PORTS(entry) ((unsigned)(entry)&0xfu)

#define EMUL_LUN_TABLE 256 /* entries; the index has 8 bits */

/* emul_pe.flags */
#define EMUL_PE_USED   0x1u /* allocated: a process has its fd2 or a mapping of it */
#define EMUL_PE_LOST   0x2u /* reset: registers read all ones, no command executes */
#define EMUL_PE_CLOSED 0x4u /* closed by a reset: reading events returns -EIO */
#define EMUL_PE_LEAKED 0x8u /* without fd2; never freed */

/** Process element: the part of a context that the card knows. */
struct emul_pe {
	_Atomic uint32_t flags;
	_Atomic uint32_t capability; /* EMUL_PERM_*; 0 once the last LUN is detached */
	_Atomic uint64_t generation; /* changes with each allocation of the slot */
	_Atomic uint64_t rht;        /* offset of the RHT, 0 for none */
	_Atomic uint32_t rht_count;  /* entries */
	_Atomic uint32_t owner;      /* tgid */
	uint64_t owner_start;        /* start time of that process, clock ticks since boot */
	uint32_t ctx;                /* index of its context record + 1; 0: detached or recovered */
	int32_t adap_fd;             /* fd2 in the owner */
	uint8_t owner_dropped;       /* the owner closed and unmapped; another process has it */
	uint8_t owner_died;          /* the owner ended; another process has it */
	uint8_t awaits_close;        /* its context is detached or has another PE */
	uint8_t left_open;           /* and its owner has closed the adapter without closing fd2 */
	uint8_t reserved[4];
	uint32_t copies[EMUL_MAX_COPIES]; /* processes that inherited it by fork */
};

/* ---- driver state ---- */

enum emul_adapter_state {
	EMUL_NORMAL,
	EMUL_RESETTING,
	EMUL_FAILED, /* FAILTERM, permanent */
	EMUL_FROZEN, /* registers read all ones; the driver has not noticed */
};

enum emul_lun_mode {
	EMUL_LUN_NONE,
	EMUL_LUN_VIRTUAL,
	EMUL_LUN_PHYSICAL,
};

/** A disk behind the adapter: LUN number i is media file i. */
struct emul_disk {
	uint8_t wwid[DK_WWID_LEN];
	uint64_t lun_id;
	_Atomic uint64_t nr_blocks;     /* of the medium, device blocks */
	uint8_t record[EMUL_MAX_PORTS]; /* LUN record + 1 of each path; 0: legacy mode */
};

/** LUN record: driver state of a WWID that MANAGE_LUN has registered. */
struct emul_lun {
	uint8_t wwid[DK_WWID_LEN];
	uint32_t used;
	uint32_t mode;                /* enum emul_lun_mode */
	uint32_t users;               /* open handles */
	uint32_t port_sel;            /* bit per port that virtual mode uses */
	uint8_t disk[EMUL_MAX_PORTS]; /* index + 1 of the disk on each port */
	uint32_t table_index;         /* in the AFU LUN table */
	uint8_t in_table;
	uint8_t allocator_ready;
	uint8_t reserved[2];
	uint64_t max_lba;   /* read at the first ATTACH; 0: never read */
	uint64_t nr_chunks; /* of the allocator */
	uint64_t free_chunks;
	uint64_t low_word, high_word, curr_word; /* search window, words of the bitmap */
};

/** Handle record: driver state of an RHT entry. */
struct emul_handle {
	uint8_t lun;        /* LUN record + 1; 0: free */
	uint8_t write_same; /* NEED_WRITE_SAME was given */
	uint8_t reserved[6];
	uint64_t owned; /* number of chunk references */
};

_Static_assert(sizeof(struct emul_handle) == 16, "emul_handle");

/** Context record: a context of the driver, with a PE or on the error list. */
struct emul_ctx {
	uint32_t used;
	uint32_t pe; /* slot of the PE; stale while on the error list */
	uint64_t cookie;
	uint64_t generation; /* of the PE */
	uint64_t serial;     /* determines the upper half of the cookie; constant */
	uint32_t owner;      /* tgid */
	uint32_t perm;       /* of ATTACH */
	uint32_t num_interrupts;
	uint8_t on_error_list;
	uint8_t unavailable;
	uint8_t busy;   /* an ioctl uses it; may drop the adapter lock */
	uint8_t leaked; /* never freed: its fd2 is gone */
	uint32_t busy_pid;
	uint64_t busy_start;
	uint32_t refs; /* attached LUNs; with "bugs", fewer than in luns[] after a clone */
	uint64_t luns[EMUL_MAX_RECORDS / 64]; /* bit per LUN record */
	uint32_t prev_pe;    /* after RECOVER: old PE + 1, until its fd2 is closed */
	uint32_t first_free; /* handle; all below it are open */
	uint64_t prev_generation;
};

/** An ioctl in progress; a reset completes when none is left. */
struct emul_running {
	uint32_t pid; /* 0: free */
	uint32_t reserved;
	uint64_t start;
};

struct emul_driver {
	_Atomic uint32_t state; /* enum emul_adapter_state */
	uint32_t reset_kind;
	uint64_t reset_until_ns; /* CLOCK_MONOTONIC; earliest end of the reset */
	uint32_t recovering_pid; /* process in RECOVER_AFU, at most one; 0: none */
	uint32_t recoverers;     /* calls of RECOVER_AFU, running or waiting */
	uint64_t recovering_start;
	char boot_id[40];
	struct emul_running running[EMUL_MAX_RUNNING];
	uint64_t heap_next[EMUL_LXT_CLASSES];     /* offset of the first block never used */
	uint64_t heap_reserved[EMUL_LXT_CLASSES]; /* offset up to which the disk has blocks */
	uint64_t heap_free[EMUL_LXT_CLASSES];     /* free lists, linked through the first word */
	uint64_t next_generation;
	uint64_t next_process_check_ns; /* of the owners of PEs, CLOCK_MONOTONIC */
	uint32_t next_multi_port;
	int32_t next_single_port[EMUL_MAX_PORTS];
	uint64_t nr_resets, nr_recoveries, nr_owner_deaths;
};

/* ---- audit ---- */

/** Breaches of the superpipe rules by the programs that use the adapter. */
enum emul_breach {
	/* After the last detach until fd1 is closed, or after a recovery until the next. A process
	 * that is killed between detach and close breaks no rule. */
	EMUL_FD2_LEFT_OPEN,
	EMUL_FD2_CLOSED_EARLY,    /* the last close while LUNs were attached */
	EMUL_FD2_FORK_LEAK,       /* an inherited copy outlived the owner's without a detach */
	EMUL_FD2_STRANGER_CLOSED, /* close of a descriptor that is no fd2 (older drivers) */
	EMUL_FD2_FOREIGN_MAP,     /* mapping of another process's context */
	EMUL_FOREIGN_IOCTL,       /* an ioctl on another process's context */
	EMUL_MMIO_FOREIGN,        /* register access through an inherited mapping */
	EMUL_MMIO_MISALIGNED,     /* not an aligned 64-bit register */
	EMUL_MMIO_WRITE_LOST,     /* stores went on after all ones had been read */
	EMUL_CMD_ROOM_EXCEEDED,
	EMUL_IOARCB_MISALIGNED,
	EMUL_IOARCB_OVERLAP,   /* command block or IOASA reused before completion */
	EMUL_RRQ_OVERRUN,      /* more commands outstanding than RRQ entries */
	EMUL_BAD_ADDRESS,      /* IOARCB, IOASA, RRQ or data not in memory */
	EMUL_BUFFER_TOUCHED,   /* data changed or freed while the device owned it */
	EMUL_WRITE_SAME_ASKED, /* NEED_WRITE_SAME zeroes other people's blocks */
	EMUL_CLONE_MULTI_LUN,  /* clone of a context with several LUNs */
	EMUL_CLONE_PHYSICAL,   /* clone of a physical handle: crashes the real driver */
	EMUL_TAIL_IO,          /* command on chunks that were being released */
	EMUL_NR_BREACHES,
};

struct emul_audit_note {
	_Atomic uint64_t seq; /* number of the note + 1; 0 while being written */
	_Atomic uint32_t breach, pid;
	_Atomic uint64_t detail; /* process element << 48 | what the breach is about */
};

struct emul_audit {
	_Atomic uint64_t count[EMUL_NR_BREACHES];
	_Atomic uint64_t next_note;
	struct emul_audit_note notes[EMUL_AUDIT_NOTES];
};

/* ---- the whole ---- */

struct emul_shm {
	_Alignas(4096) struct emul_head head;
	_Alignas(4096) pthread_mutex_t lock;    /* robust, process-shared; see emul_lock() */
	_Alignas(64) _Atomic uint32_t wake_seq; /* futex: a sleeper's condition may have changed */
	_Atomic uint32_t nr_sleepers;           /* at most too large, by those who died asleep */
	_Alignas(64) _Atomic uint32_t pe_seq;   /* futex: flags of some PE have changed */
	struct emul_driver driver;
	/* AFU LUN table: index of the disk + 1, 0 for an empty slot */
	_Atomic uint32_t lun_table[EMUL_MAX_PORTS][EMUL_LUN_TABLE];
	struct emul_disk disk[EMUL_MAX_LUNS];
	struct emul_lun lun[EMUL_MAX_RECORDS];
	_Alignas(64) struct emul_pe pe[EMUL_MAX_PES];
	_Alignas(64) struct emul_fault_table fault;
	_Alignas(64) struct emul_audit audit;
};

#endif

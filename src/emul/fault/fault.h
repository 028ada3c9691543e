/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault - fault injection of the emulated adapter.
 *
 * A rule is one line of text, such as `at=command n=1000 action=reset kind=eeh`. Rules are part of
 * the shared state of the adapter, so every process that uses it, and cxlfsadm, sees the same ones.
 * Which events a rule hits depends only on its text, the seed of the adapter and the order of the
 * events.
 *
 *   when     at=POINT                  at events of this kind; rule_names.c lists the kinds
 *            every=TIME                periodically (100ms, 2s, 50us), in one process each time
 *   which    n=N                       only the Nth match; implies times=1
 *            every=N                   every Nth match
 *            prob=A/B                  each match with this probability
 *            times=N                   at most N times
 *            ctx=N handle=N lun=N      only this process element, resource handle, LUN
 *            lba=A[-B]                 only commands on these blocks, counted as in the CDB
 *            media=A[-B]               the same, in device blocks of the LUN
 *   what     action=ACTION             with its parameters
 *
 * Actions: for commands medium, busy, full, conflict, attention [asc= ascq=], underrun and overrun
 * [resid=], ioasa ioasc= [sense= resid= extra=], lose, and for their interrupt drop-interrupt and
 * spurious-interrupt; for these and for ioctls late ms=; for commands and ioctls kill, which kills
 * the process before it executes the command, after it has executed the ioctl and before that
 * returns, or in the middle of an AFU sync; for anything reset [kind=eeh|host|freeze], fail,
 * link-down and link-up [port=] [ms=]; for ioctls the errno names eagain, ebusy, eintr, eio,
 * emfile, enodev, enomem, enospc, and, for growth, short [chunks=].
 *
 * Threads: emul_fault_take() takes no lock and may run in any thread of any process. To add or
 * clear rules, hold the adapter lock.
 */
#ifndef CXLFS_EMUL_FAULT_FAULT_H
#define CXLFS_EMUL_FAULT_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUL_FAULT_RULES     32
#define EMUL_FAULT_TEXT_MAX  512
#define EMUL_FAULT_SENSE_MAX 20
#define EMUL_FAULT_PORTS     4

/** Where in the adapter an event happens. */
enum emul_fault_point {
	EMUL_FAULT_AT_TIME,    /* timed rules: only for emul_fault_take_due() */
	EMUL_FAULT_AT_COMMAND, /* any command; commands also match READ or WRITE */
	EMUL_FAULT_AT_READ,
	EMUL_FAULT_AT_WRITE,
	EMUL_FAULT_AT_INTERRUPT, /* a completion interrupt is about to be raised */
	EMUL_FAULT_AT_IOCTL,     /* entry of any ioctl; ioctls also match their own point */
	EMUL_FAULT_AT_ATTACH,
	EMUL_FAULT_AT_DIRECT,
	EMUL_FAULT_AT_RELEASE,
	EMUL_FAULT_AT_DETACH,
	EMUL_FAULT_AT_VERIFY,
	EMUL_FAULT_AT_RECOVER,
	EMUL_FAULT_AT_MANAGE,
	EMUL_FAULT_AT_VIRTUAL,
	EMUL_FAULT_AT_RESIZE,
	EMUL_FAULT_AT_CLONE,
	EMUL_FAULT_AT_SYNC, /* AFU sync made by any ioctl; errno actions are its result */
	EMUL_FAULT_NR_POINTS,
};

enum emul_fault_action {
	EMUL_FAULT_NONE,
	EMUL_FAULT_RESET, /* kind */
	EMUL_FAULT_FAIL,  /* permanent failure */
	EMUL_FAULT_ERRNO, /* err; ioctls only */
	EMUL_FAULT_SHORT, /* chunks: the most that growth may grant */
	EMUL_FAULT_MEDIUM,
	EMUL_FAULT_BUSY,
	EMUL_FAULT_FULL,
	EMUL_FAULT_CONFLICT,
	EMUL_FAULT_ATTENTION, /* asc, ascq */
	EMUL_FAULT_UNDERRUN,  /* resid */
	EMUL_FAULT_OVERRUN,   /* resid */
	EMUL_FAULT_IOASA,     /* ioasc, sense, resid, extra */
	EMUL_FAULT_LOSE,      /* the command never completes */
	EMUL_FAULT_LATE,      /* ms */
	EMUL_FAULT_DROP_INTERRUPT,
	EMUL_FAULT_SPURIOUS_INTERRUPT,
	EMUL_FAULT_LINK_DOWN, /* port, ms (0: until LINK_UP) */
	EMUL_FAULT_LINK_UP,   /* port */
	EMUL_FAULT_KILL,      /* the process: SIGKILL */
	EMUL_FAULT_NR_ACTIONS,
};

enum emul_reset_kind {
	EMUL_RESET_EEH,    /* PCI error: reading events of a lost context returns -EIO */
	EMUL_RESET_HOST,   /* programs see it in MMIO only */
	EMUL_RESET_FREEZE, /* the same; an EEH reset follows when the driver notices */
};

/** The effect of a rule. */
struct emul_fault {
	uint8_t action; /* enum emul_fault_action */
	uint8_t kind;   /* enum emul_reset_kind */
	uint8_t port;
	uint8_t asc, ascq;
	uint8_t extra[3]; /* afu_extra, scsi_extra, fc_extra */
	uint8_t sense_len;
	uint8_t sense[EMUL_FAULT_SENSE_MAX];
	uint8_t pad[3];
	int32_t err;      /* negative */
	uint8_t ioasc[4]; /* flags, afu_rc, scsi_rc, fc_rc */
	uint32_t resid;
	uint32_t ms;
	uint64_t chunks;
};

_Static_assert(sizeof(struct emul_fault) == 56, "emul_fault");

/** An event that rules may match; fields that do not apply are -1 or 0. */
struct emul_fault_event {
	int64_t ctx;         /* process element, or -1 */
	int64_t handle;      /* or -1 */
	int64_t lun;         /* or -1 */
	uint64_t lba, media; /* device blocks */
	uint64_t nr_blocks;  /* 0: the event has no blocks */
};

#define EMUL_FAULT_EVENT_NONE                      \
	{                                          \
		.ctx = -1, .handle = -1, .lun = -1 \
	}

#define EMUL_FAULT_RULE_WORDS 20

/** One slot of the table; private to fault.c. */
struct emul_fault_slot {
	_Atomic uint64_t seq; /* odd during a write; 0: never used */
	_Atomic uint64_t seen;
	_Atomic uint64_t taken;
	_Atomic uint64_t due_ns; /* next time of a timed rule, CLOCK_MONOTONIC */
	_Atomic uint64_t words[EMUL_FAULT_RULE_WORDS];
};

/** Part of the shared state of an adapter. All zeros is an empty table. */
struct emul_fault_table {
	_Atomic uint32_t armed;                        /* bit per point with an active rule */
	_Atomic uint32_t links_down;                   /* bit per port */
	_Atomic uint64_t link_up_ns[EMUL_FAULT_PORTS]; /* when it comes up again; 0: never */
	_Atomic uint64_t seed;
	struct emul_fault_slot slots[EMUL_FAULT_RULES];
};

/** emul_reset_kind_parse() - eeh, host or freeze; false for other texts */
bool emul_reset_kind_parse(const char *text, enum emul_reset_kind *ret_kind);

/** emul_fault_armed() - false if no rule can hit at @point; cheap enough for hot paths */
static inline bool emul_fault_armed(const struct emul_fault_table *table,
				    enum emul_fault_point point)
{
	return atomic_load_explicit(&table->armed, memory_order_relaxed) & (1u << point);
}

/**
 * emul_fault_take() - count an event and check whether a rule hits it
 * @event:     NULL for EMUL_FAULT_EVENT_NONE
 * @ret_fault: what the caller must do; written only if a rule hits
 *
 * If several rules hit, the first in the table wins. Every matching rule counts the event. For
 * EMUL_FAULT_LINK_DOWN and _UP, the caller calls emul_fault_link(). emul_fault_add() has rejected
 * actions that do not apply to the point.
 * Return: true if a rule hits.
 */
bool emul_fault_take(struct emul_fault_table *table, enum emul_fault_point point,
		     const struct emul_fault_event *event, struct emul_fault *ret_fault);

/**
 * emul_fault_take_due() - take a timed rule that is due
 * @now_ns:      CLOCK_MONOTONIC
 * @ret_next_ns: when to call again, UINT64_MAX for never; always written
 * Only the first caller of all processes gets a rule each time it is due.
 * Return: true if a rule hits; call again at once, another may be due.
 */
bool emul_fault_take_due(struct emul_fault_table *table, uint64_t now_ns,
			 struct emul_fault *ret_fault, uint64_t *ret_next_ns);

/** emul_fault_link() - carry out LINK_DOWN or LINK_UP */
void emul_fault_link(struct emul_fault_table *table, const struct emul_fault *fault,
		     uint64_t now_ns);

/** emul_fault_links_down() - bit per port whose link is down; first brings up those that are due */
uint32_t emul_fault_links_down(struct emul_fault_table *table, uint64_t now_ns);

/** emul_fault_is_valid() - true if every active rule equals the result of parsing its text */
bool emul_fault_is_valid(const struct emul_fault_table *table);

/** emul_fault_seed() - set the seed of prob=, before the first rule is added */
void emul_fault_seed(struct emul_fault_table *table, uint64_t seed);

/**
 * emul_fault_add() - parse a rule and add it
 * @why:    EMUL_FAULT_TEXT_MAX bytes for the reason of a failure; may be NULL
 * @now_ns: CLOCK_MONOTONIC; the first period of a timed rule starts then
 * Return: the rule's number; -EINVAL invalid rule; -ENOSPC the table is full.
 */
int emul_fault_add(struct emul_fault_table *table, const char *text, uint64_t now_ns, char *why);

/**
 * emul_fault_print() - return the text of a rule, as emul_fault_add() takes it
 * @rule:      0 .. EMUL_FAULT_RULES - 1
 * @text:      EMUL_FAULT_TEXT_MAX bytes
 * @ret_seen:  number of matching events
 * @ret_taken: number of hits
 * Return: 0; -ENOENT no active rule has that number.
 */
int emul_fault_print(const struct emul_fault_table *table, unsigned rule, char *text,
		     uint64_t *ret_seen, uint64_t *ret_taken);

/** emul_fault_clear() - remove rule @rule; if negative, remove all and bring all links up */
int emul_fault_clear(struct emul_fault_table *table, int rule);

#endif

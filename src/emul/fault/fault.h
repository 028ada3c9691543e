/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault - faults of the emulated adapter, as data.
 *
 * A rule is one line of text, `at=command n=1000 action=reset kind=eeh`. Rules live in the shared
 * state of the adapter, so that every process which uses it, and cxlfsadm, sees the same ones.
 * What a rule hits depends only on its text, on the adapter's seed and on the order in which
 * matching events happen.
 *
 *   when     at=POINT                  at the matching events of one kind (rule_names.c lists them)
 *            every=TIME                by the clock (100ms, 2s, 50us); taken by one process
 *   which    n=N                       only the Nth match (so times=1 unless said otherwise)
 *            every=N                   each Nth match
 *            prob=A/B                  each match with this probability
 *            times=N                   at most N times
 *            ctx=N handle=N lun=N      only this process element, resource handle, LUN
 *            lba=A[-B]                 only commands that touch these blocks, as the CDB counts
 *            media=A[-B]               the same, in device blocks of the LUN
 *   what     action=ACTION             and its parameters
 *
 * Actions: for commands medium, busy, full, conflict, attention [asc= ascq=], underrun and overrun
 * [resid=], ioasa ioasc= [sense= resid= extra=], lose, late ms=, and for their interrupt
 * drop-interrupt and spurious-interrupt; for anything reset [kind=eeh|host|freeze], fail, link-down
 * and link-up [port=] [ms=]; for ioctls the errno names eagain, ebusy, eintr, eio, emfile, enodev,
 * enomem, enospc, and, for growth, short [chunks=].
 *
 * Threads: emul_fault_take() takes no lock, from any thread of any process. Adding and clearing
 * is for one caller at a time (it holds the adapter lock).
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
	EMUL_FAULT_AT_TIME, /* by the clock; never given to emul_fault_take() by the driver side */
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
	EMUL_FAULT_SHORT, /* chunks: grant at most so many; growth only */
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
	EMUL_FAULT_LINK_DOWN, /* port, ms (0: for good) */
	EMUL_FAULT_LINK_UP,   /* port */
	EMUL_FAULT_NR_ACTIONS,
};

enum emul_reset_kind {
	EMUL_RESET_EEH,    /* PCI error: the events of lost contexts end in -EIO */
	EMUL_RESET_HOST,   /* seen in MMIO only */
	EMUL_RESET_FREEZE, /* seen in MMIO only; an EEH reset follows when the driver notices */
};

/** What to do, as taken from a rule. */
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

/** What an event is about; fields that make no sense at a point are left at -1 or 0. */
struct emul_fault_event {
	int64_t ctx;         /* process element, or -1 */
	int64_t handle;      /* or -1 */
	int64_t lun;         /* or -1 */
	uint64_t lba, media; /* device blocks */
	uint64_t nr_blocks;  /* 0 when the event is not about blocks */
};

#define EMUL_FAULT_EVENT_NONE                      \
	{                                          \
		.ctx = -1, .handle = -1, .lun = -1 \
	}

#define EMUL_FAULT_RULE_WORDS 20

/** One slot of the table; opaque but for its size. */
struct emul_fault_slot {
	_Atomic uint64_t seq; /* odd while being written; 0 when never used */
	_Atomic uint64_t seen;
	_Atomic uint64_t taken;
	_Atomic uint64_t due_ns; /* next time of a timed rule, CLOCK_MONOTONIC */
	_Atomic uint64_t words[EMUL_FAULT_RULE_WORDS];
};

/** Part of the shared state of an adapter. All zeros is an empty table. */
struct emul_fault_table {
	_Atomic uint32_t armed;                        /* bit per point with a live rule */
	_Atomic uint32_t links_down;                   /* bit per port */
	_Atomic uint64_t link_up_ns[EMUL_FAULT_PORTS]; /* when it comes back by itself, 0 never */
	_Atomic uint64_t seed;
	struct emul_fault_slot slots[EMUL_FAULT_RULES];
};

/** emul_reset_kind_parse() - eeh, host or freeze; false for other texts */
bool emul_reset_kind_parse(const char *text, enum emul_reset_kind *ret_kind);

/** emul_fault_armed() - false when no rule can hit at @point; the cheap test for hot paths */
static inline bool emul_fault_armed(const struct emul_fault_table *table,
				    enum emul_fault_point point)
{
	return atomic_load_explicit(&table->armed, memory_order_relaxed) & (1u << point);
}

/**
 * emul_fault_take() - count an event and see whether a rule hits it
 * @event:     what it is about; NULL for EMUL_FAULT_EVENT_NONE
 * @ret_fault: what to do; written only when a rule hits
 *
 * The first live rule in table order that hits wins; the others have counted the event too.
 * The caller does what the fault says; EMUL_FAULT_LINK_DOWN and _UP are done by emul_fault_link().
 * An action that makes no sense at its point is refused when the rule is added.
 * Return: true when a rule hits.
 */
bool emul_fault_take(struct emul_fault_table *table, enum emul_fault_point point,
		     const struct emul_fault_event *event, struct emul_fault *ret_fault);

/**
 * emul_fault_take_due() - take the timed rule that is due
 * @now_ns:      CLOCK_MONOTONIC
 * @ret_next_ns: when to ask again, UINT64_MAX for never; always written
 * Each time of a rule is taken by one caller only, whichever process comes first.
 * Return: true when a rule hits; ask again at once then.
 */
bool emul_fault_take_due(struct emul_fault_table *table, uint64_t now_ns,
			 struct emul_fault *ret_fault, uint64_t *ret_next_ns);

/** emul_fault_link() - carry out LINK_DOWN or LINK_UP */
void emul_fault_link(struct emul_fault_table *table, const struct emul_fault *fault,
		     uint64_t now_ns);

/** emul_fault_links_down() - bit per port whose link is down; brings up those whose time is over */
uint32_t emul_fault_links_down(struct emul_fault_table *table, uint64_t now_ns);

/** emul_fault_is_valid() - is every live rule one that its own text makes? */
bool emul_fault_is_valid(const struct emul_fault_table *table);

/** emul_fault_seed() - the seed that probabilities come from; before the first rule is added */
void emul_fault_seed(struct emul_fault_table *table, uint64_t seed);

/**
 * emul_fault_add() - parse a rule and add it
 * @why:    receives one plain sentence on failure, EMUL_FAULT_TEXT_MAX bytes; may be NULL
 * @now_ns: CLOCK_MONOTONIC, from which a timed rule counts
 * Return: the rule's number; -EINVAL not a rule; -ENOSPC the table is full.
 */
int emul_fault_add(struct emul_fault_table *table, const char *text, uint64_t now_ns, char *why);

/**
 * emul_fault_print() - the text of a rule, as emul_fault_add() takes it
 * @rule:      0 .. EMUL_FAULT_RULES - 1
 * @text:      EMUL_FAULT_TEXT_MAX bytes
 * @ret_seen:  matching events so far
 * @ret_taken: how often the rule has hit
 * Return: 0; -ENOENT no live rule there.
 */
int emul_fault_print(const struct emul_fault_table *table, unsigned rule, char *text,
		     uint64_t *ret_seen, uint64_t *ret_taken);

/** emul_fault_clear() - remove rule @rule, or all and every lasting effect if negative */
int emul_fault_clear(struct emul_fault_table *table, int rule);

#endif

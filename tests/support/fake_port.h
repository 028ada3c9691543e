/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_port - a devport implementation that does what a test tells it to.
 *
 * An adapter of a few hundred lines without a life of its own: it executes commands inside run(),
 * or only when the test says so, answers chosen commands with chosen status areas, refuses chosen
 * ioctls, loses its context on request, and keeps a record of what it was asked. It checks nothing
 * that a test did not ask for; being a faithful adapter is the emulator's business.
 *
 * Several fakes can live side by side; a fake is found through its device name.
 */
#ifndef CXLFS_TESTS_SUPPORT_FAKE_PORT_H
#define CXLFS_TESTS_SUPPORT_FAKE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "devport/devport.h"
#include "wire/sisl.h"

#define FAKE_MAX_HANDLES 8
#define FAKE_MEDIA_LBAS  2048 /* of each handle; beyond is LXT out of bounds */

struct fake_port_config {
	bool sq_mode;
	bool driver_closes_fd;  /* no APP_CLOSE_ADAP_FD */
	bool manual;            /* commands end by fake_port_complete() only */
	bool silent;            /* and without an interrupt */
	unsigned block_bytes;   /* default 4096 */
	unsigned cmd_room;      /* IOARRIN credits, default 16 */
	uint64_t nr_chunks;     /* default 16 */
	uint64_t max_xfer_lbas; /* default 256 */
};

struct fake_port;

extern const struct devport_ops fake_port_ops;

struct fake_port *fake_port_new(const struct fake_port_config *config);

/** fake_port_free() - everything opened on it must have been closed. */
void fake_port_free(struct fake_port *fake);

/** fake_port_device() - the device name of a LUN; valid as long as the fake. */
const char *fake_port_device(struct fake_port *fake, unsigned lun);

/** fake_port_answer() - the next @count commands end with this status, without moving data. */
void fake_port_answer(struct fake_port *fake, unsigned count, const struct sisl_ioasa *ioasa);

/** fake_port_answer_after() - the same, but for @skip commands before. */
void fake_port_answer_after(struct fake_port *fake, unsigned skip, unsigned count,
			    const struct sisl_ioasa *ioasa);

/** fake_port_swallow() - the next @count commands are never answered, unless a reset ends them. */
void fake_port_swallow(struct fake_port *fake, unsigned count);

/** fake_port_lose_at() - the command after @skip others is lost, and the context with it. */
void fake_port_lose_at(struct fake_port *fake, unsigned skip);

/** fake_port_complete() - end up to @count held commands, oldest first. Return: how many. */
unsigned fake_port_complete(struct fake_port *fake, unsigned count);

/** fake_port_nr_held() - commands fetched and not ended. */
unsigned fake_port_nr_held(struct fake_port *fake);

/** fake_port_refuse() - the next @count ioctls @request fail with @rc, without effect. */
void fake_port_refuse(struct fake_port *fake, unsigned long request, int rc, unsigned count);

/** fake_port_refuse_after_effect() - the same, but tables change as if it had succeeded. */
void fake_port_refuse_after_effect(struct fake_port *fake, unsigned long request, int rc,
				   unsigned count);

/** fake_port_refuse_map() - the next @count calls of map() fail with @rc. */
void fake_port_refuse_map(struct fake_port *fake, int rc, unsigned count);

/** fake_port_grant() - the next growth gets no more than this many chunks in total. */
void fake_port_grant(struct fake_port *fake, uint64_t nr_chunks);

/**
 * fake_port_lose() - the context is lost: registers read all ones, commands are gone
 * @say_so: the event fd reports it as well
 */
void fake_port_lose(struct fake_port *fake, bool say_so);

/** fake_port_fail() - permanent failure: the context is lost, RECOVER_AFU gives ENODEV. */
void fake_port_fail(struct fake_port *fake);

/** fake_port_raise() - interrupt with this LISN, after setting bits of intr_status. */
void fake_port_raise(struct fake_port *fake, unsigned lisn, uint64_t status_bits);

/** fake_port_stop_resets() - context resets never end from now on. */
void fake_port_stop_resets(struct fake_port *fake);

/** fake_port_set_room() - what cmd_room reads from now on, whatever is in flight. */
void fake_port_set_room(struct fake_port *fake, unsigned room);

/**
 * fake_port_trace() - the devport calls so far, one word each with a blank before it
 * Words: open attach reuse map unmap close-fd detach recover renewed virtual resize release
 * direct verify clone reset.
 */
const char *fake_port_trace(struct fake_port *fake);
void fake_port_trace_clear(struct fake_port *fake);

/** fake_port_trace_count() - how often a word is in the trace. */
unsigned fake_port_trace_count(struct fake_port *fake, const char *word);

/** fake_port_nr_doorbells() - stores to ioarrin or sq_tail; _nr_commands() - IOARCBs fetched. */
unsigned fake_port_nr_doorbells(struct fake_port *fake);
unsigned fake_port_nr_commands(struct fake_port *fake);

/** fake_port_last_ioarcb() - a copy of the last IOARCB fetched. */
struct sisl_ioarcb fake_port_last_ioarcb(struct fake_port *fake);

/** fake_port_media() - what a handle holds, FAKE_MEDIA_LBAS * 4096 bytes. */
unsigned char *fake_port_media(struct fake_port *fake, unsigned res_hndl);

/** fake_port_nr_breaches() - credit overrun, or an ioctl with a header the driver refuses. */
unsigned fake_port_nr_breaches(struct fake_port *fake);

#endif

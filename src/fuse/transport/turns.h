/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns - whether the requests that a thread serves come from several programs in turns.
 *
 * A program that waits for each answer has one request at a time, so how many there are says little
 * of how many wait; who sends them does. Pure.
 */
#ifndef CXLFS_FUSE_TRANSPORT_TURNS_H
#define CXLFS_FUSE_TRANSPORT_TURNS_H

#include <stdbool.h>
#include <sys/types.h>

/* Requests in a row of one program, after which it has the thread to itself. */
#define TURNS_ALONE 32

/** All zeros: nothing has been served. */
struct turns {
	pid_t last;
	unsigned nr_recent; /* requests for which a change of programs still counts */
};

/**
 * turns_note() - a request of thread @tid of some program is served
 * Return: whether the programs have changed now, and a short while ago.
 */
bool turns_note(struct turns *turns, pid_t tid);

/** turns_are_taken() - several programs have had requests served a short while ago */
bool turns_are_taken(const struct turns *turns);

#endif

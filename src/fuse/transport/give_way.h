/* SPDX-License-Identifier: Apache-2.0 */
/*
 * give_way - have threads of rings, and lanes, give way to the programs they serve.
 *
 * manners.h says when.
 *
 * One thread looks after all of them, a few hundred times a second while they work, and sleeps
 * while they do not.
 */
#ifndef CXLFS_FUSE_TRANSPORT_GIVE_WAY_H
#define CXLFS_FUSE_TRANSPORT_GIVE_WAY_H

#include <stdbool.h>
#include <sys/types.h>

struct bystander;
struct give_way;
struct give_way_member;

/**
 * give_way_new() - start looking after threads
 * Return: 0; -EPERM a thread that has given way could not come back (RLIMIT_NICE, CAP_SYS_NICE);
 * -ENOTSUP there is one processor only, or the kernel does not tell how long threads wait;
 * -ENOMEM; -EAGAIN no thread.
 */
int give_way_new(struct give_way **ret_gw);

/** give_way_free() - the threads that joined must have ended. Accepts NULL. */
void give_way_free(struct give_way *gw);

/** give_way_is_wanted - whether somebody waits for members now; on a thread of its own */
typedef bool give_way_is_wanted(void *arg);

/**
 * give_way_join() - the calling thread gives way from now on
 * @is_wanted: called until @gw is freed, whether the thread is still there or not, so that one for
 *             which nobody waits is not taken to starve; NULL: somebody always does
 * @arg: for @is_wanted
 * Return: for give_way_note(), freed with @gw; NULL when it does not: no memory, or the thread was
 * given a policy of its own. Accepts NULL.
 */
struct give_way_member *give_way_join(struct give_way *gw, give_way_is_wanted *is_wanted, void *arg);

/**
 * give_way_note() - the calling thread has served requests, and is about to wait for more
 * @nr_requests: since it last waited. Accepts NULL.
 */
void give_way_note(struct give_way_member *member, unsigned nr_requests);

/**
 * give_way_follow() - if the calling thread gives way now, it goes where a program runs
 * Not where another member has gone that way. It comes back when it no longer gives way.
 * @tid: of the program's thread, as this process sees it
 * Takes some microseconds. Accepts NULL.
 */
void give_way_follow(struct give_way_member *member, pid_t tid);

/**
 * give_way_keep_out() - the calling thread keeps to processors where no member gives way, from now on
 * For threads for which nobody waits: they would go before members, which may be waited for.
 * Accepts NULL. Return: for give_way_leave_alone(); NULL: no memory.
 */
struct bystander *give_way_keep_out(struct give_way *gw);

/** give_way_leave_alone() - the thread is about to end. Accepts NULL for @bystander. */
void give_way_leave_alone(struct give_way *gw, struct bystander *bystander);

/** give_way_note_leaning() - it is about to wait for answers of other threads. Accepts NULL. */
void give_way_note_leaning(struct give_way_member *member);

#endif

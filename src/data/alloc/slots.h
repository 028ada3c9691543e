/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots - the vLUN of a file as the adapter knows it: opened, grown, cut and closed.
 *
 * A vLUN is made with size 0 on the LUN with most room, and then grown. What files hold ahead of
 * need is called back before anybody is told that the flash is full; what is not used for a while
 * goes back by itself, for the LUN may have users besides this volume.
 *
 * All functions are for the volume's worker; call them without the lock of the file.
 */
#ifndef CXLFS_DATA_ALLOC_SLOTS_H
#define CXLFS_DATA_ALLOC_SLOTS_H

#include "data/file.h"

/**
 * slots_grow() - have @wanted slots, or as many as can be got
 * Return: 0, also when there are fewer; -ENOMEM; -EIO.
 */
int slots_grow(struct data_volume *vol, struct data_file *file, uint32_t wanted);

/** slots_grow_ahead() - one more than the file uses, if it uses all it has */
void slots_grow_ahead(struct data_volume *vol, struct data_file *file);

/** slots_settle() - after growth: what was got but not used goes back if it @failed, or is noted */
void slots_settle(struct data_file *file, bool failed);

/** slots_trim() - give back what the file holds beyond its tail. Return: whether any was given. */
bool slots_trim(struct data_file *file);

/**
 * slots_tidy() - give back what files have held ahead of need for @quiet_ns
 * Return: when to look again, by clock_now_ns(); UINT64_MAX: nobody holds anything.
 */
uint64_t slots_tidy(struct data_volume *vol, uint64_t quiet_ns);

/** slots_close() - all of it, of a file that nobody uses any more */
void slots_close(struct data_file *file);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * found - requests that a process has left in its slots when it died.
 *
 * The process that takes over serves them before it takes new ones, one after the other, so that
 * one which makes it die too can be told from the others.
 */
#ifndef CXLFS_FUSE_TRANSPORT_FOUND_H
#define CXLFS_FUSE_TRANSPORT_FOUND_H

struct transport;

/** found_serve() - serve each such request to its end; while no thread takes requests */
void found_serve(struct transport *transport);

#endif

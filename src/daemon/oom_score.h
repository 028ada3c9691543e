/* SPDX-License-Identifier: Apache-2.0 */
/* oom_score - which processes the kernel kills first when memory is short: oom_score_adj. */
#ifndef CXLFS_DAEMON_OOM_SCORE_H
#define CXLFS_DAEMON_OOM_SCORE_H

#define OOM_SCORE_BYTES 16
#define OOM_SCORE_NEVER "-1000" /* to set it, a process needs CAP_SYS_RESOURCE */

/** oom_score_get() - that of this process. @ret_score: OOM_SCORE_BYTES; empty: not known */
void oom_score_get(char *ret_score);

/** oom_score_set() - change it, if this process may. An empty @score changes nothing. */
void oom_score_set(const char *score);

#endif

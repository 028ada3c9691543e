/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_internal - what the files that write and read a snapshot share. */
#ifndef CXLFS_DATA_SNAPSHOT_INTERNAL_H
#define CXLFS_DATA_SNAPSHOT_INTERNAL_H

#define DATA_RECORD_EOF_NEEDS_ZEROING 0x1u /* flag of a file: see struct data_file */

#endif

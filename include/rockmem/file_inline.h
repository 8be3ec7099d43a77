/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The system's types and modes that file.h needs. Included by file.h.
 */
#ifndef ROCKMEM_FILE_INLINE_H
#define ROCKMEM_FILE_INLINE_H

#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <fcntl.h>
#include <sys/types.h>
#else
/* Without a C library: what the players' 32-bit ones are. */
typedef long off_t;
typedef long ssize_t;
#endif

#endif /* ROCKMEM_FILE_INLINE_H */

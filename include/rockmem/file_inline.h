/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The system's types and modes that file.h needs, and rm_open, which takes its last argument or not. Included by file.h.
 */
#ifndef ROCKMEM_FILE_INLINE_H
#define ROCKMEM_FILE_INLINE_H

#include <stdbool.h>
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

#ifdef __cplusplus
extern "C" {
#endif

int rm_open_mode(const char *path, int oflag, int mode);

/* Opens a file: see rm_open_mode. A mode may follow, as open() has it; it has no meaning. */
static inline int rm_open(const char *path, int oflag, ...)
{
    return rm_open_mode(path, oflag, 0666);
}

#ifdef __cplusplus
}
#endif

#endif /* ROCKMEM_FILE_INLINE_H */

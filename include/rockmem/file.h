/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* Files through the segment cache. The names begin with rm_, so that the C library's are never shadowed.
 *
 * Every function sets errno when it fails. Descriptors are 0 to 30 and have nothing to do with the system's.
 * This version reads; a program that asks for writing gets EROFS.
 */

#ifndef ROCKMEM_FILE_H
#define ROCKMEM_FILE_H

#include "prefix.h"
#include "file_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a file: a descriptor, or -1. `oflag` is O_RDONLY, else errno is EROFS; `mode` has no meaning for reading.
 ENOENT and its like come from the system, EMFILE when 31 are open, ENOMEM when the core pool has no room for the
 cache's tables.

 The caller sees to it that:
 * `path` is a C string.
 * The core pool was initialised.
 */
int rm_open(const char *path, int oflag, int mode);

/*
 Closes a descriptor: 0, or -1 with EBADF. Mappings of the file stay; what is cached of it is found again when the
 same file is opened.
 */
int rm_close(int fd);

/*
 Reads from the offset on: the number of bytes, 0 at the end of the file, or -1. Bytes that were read before an
 error are a short count; the next call reports the error.

 The caller sees to it that:
 * `buf` is writable for `count` bytes, and does not move meanwhile.
 */
ssize_t rm_read(int fd, void *buf, size_t count);

/*
 Moves the offset (SEEK_SET, SEEK_CUR, SEEK_END): where it is now, or -1: EINVAL for a place before the start or
 beyond the end, EBADF.
 */
off_t rm_lseek(int fd, off_t offset, int whence);

/*
 The length of the file in bytes, or -1 with EBADF.
 */
off_t rm_filesize(int fd);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_FILE_H */

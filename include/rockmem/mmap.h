/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* Memory-mapped files without an MMU. A mapping is a range of a file in the core pool: it may move while nobody has
 * got it, and its bytes come when they are declared.
 *
 * mmap_create; then, as often as needed, mmap_read (declare), mmap_get (where is it), use, mmap_put; mmap_destroy.
 * A mapping outlives the descriptor it was made from. Bytes past the end of the file read as zero.
 *
 * The functions without a result cannot report; beside each stands one that ends in _wait and does, and mmap_error
 * tells the first error since it was last asked. This version reads: mappings for writing are refused with EACCES.
 */

#ifndef ROCKMEM_MMAP_H
#define ROCKMEM_MMAP_H

#include "prefix.h"
#include "mmap_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Maps `length` bytes of an open file from `offset` on: a number above 0, or -1 with errno: EBADF, EACCES for
 MMAP_WRITE and MMAP_READWRITE, EINVAL for what is no mode, a length of 0, an offset that is no multiple of the page or a
 range that no file has, ENOMEM, EMFILE when there are as many mappings as the pool can have.

 The caller sees to it that:
 * The core pool was initialised.
 */
int mmap_create(int fd,
                int mode,
                off_t offset,
                size_t length);

/*
 Ends a mapping; `length` is the length it was made with. As `mmap_destroy_wait`, without the answer.
 */
void mmap_destroy(int md, size_t length);

/*
 Ends a mapping: 0, or -1 and the mapping stays: EBADF, EINVAL for a wrong length, EBUSY while a get is outstanding.
 */
int mmap_destroy_wait(int md, size_t length);

/*
 Declares that a range of a mapping will be read, and waits until its bytes are there. As `mmap_read_wait`, without
 the answer: ask `mmap_error`.
 */
void mmap_read(int md, size_t offset, size_t length);

/*
 Declares that a range of a mapping will be read, and waits until its bytes are there: 0, or -1 with errno: EBADF,
 EINVAL for a range outside the mapping, EIO and its like from storage.
 */
int mmap_read_wait(int md, size_t offset, size_t length);

/*
 Holds a mapping where it is until `mmap_put`: the address of its first byte, or NULL with errno EBADF. Gets nest.
 What was not declared has any content.

 The caller sees to it that:
 * The bytes are read only between get and put.
 */
void *mmap_get(int md);

/*
 Ends one get. One too many, or a number that is no mapping, does nothing but set errno to EINVAL or EBADF.

 The caller sees to it that:
 * The pointer of the get is not used any more.
 */
void mmap_put(int md);

/*
 The first error of storage in this mapping since the last call, as errno has it; 0 if there was none; -1 with EBADF
 for a number that is no mapping.
 */
int mmap_error(int md);

/*
 The unit in which bytes come and to which offsets are aligned: a constant of the build, a power of two.
 */
size_t mmap_pagesize(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_MMAP_H */

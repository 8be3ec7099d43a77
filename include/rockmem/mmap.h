/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* Memory-mapped files without an MMU. A mapping is a range of a file: its bytes come when they are declared.
 *
 * mmap_create; then, as often as needed, mmap_read or mmap_write (declare), mmap_get (where is it), use, mmap_put;
 * mmap_destroy. A mapping outlives the descriptor it was made from. Bytes past the end of the file read as zero, and what
 * is written there is lost. rm_read, rm_write and all mappings of a file agree; one for reading that overlaps only in part
 * what somebody holds is a copy, in which changes through another mapping show after its next mmap_read.
 *
 * There are two engines. Where files are cached in the core pool (players, disk images), a mapping lies in that pool, and
 * may be moved while nobody has got it. Where the operating system caches them, it is the system's own mmap: a page that
 * was declared before costs no call of the system and no lock.
 *
 * Threads may share a mapping. What a thread declared with mmap_write lasts until its own mmap_put, or until it syncs
 * the whole mapping, whatever the others do.
 *
 * Functions that return nothing cannot report, but set errno; beside each stands one that ends in _wait and does, and
 * mmap_error tells the first error of storage since it was last asked. Nothing is changed by a call that is refused.
 */

#ifndef ROCKMEM_MMAP_H
#define ROCKMEM_MMAP_H

#include "prefix.h"
#include "mmap_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Maps `length` bytes of an open file from `offset` on: a number above 0, or -1 with errno: EBADF; EACCES when the
 descriptor was not opened for what `mode` (MMAP_READ, MMAP_WRITE, MMAP_READWRITE) says, and, where the operating system
 caches the file, for MMAP_WRITE of a descriptor that only writes; EINVAL for what is no mode, a length of 0, an offset
 that is no multiple of the page or a range that no file has; ENOMEM; EBUSY, in the pool only, when it is for writing and
 somebody has got a mapping that it overlaps in part, or one that lies in one piece with what it overlaps because a third
 one, which may be destroyed by now, overlapped both; EMFILE when there are as many as there can be.

 The caller sees to it that:
 * The core pool was initialised, where files are cached in it.
 */
int mmap_create(int fd,
                int mode,
                off_t offset,
                size_t length);

/*
 Ends a mapping; `length` is the length it was made with. As `mmap_destroy_wait`, without the answer; where the
 operating system caches the file, it writes what was changed in its own time.
 */
void mmap_destroy(int md, size_t length);

/*
 Ends a mapping, with all that was changed on the disk: 0, or -1. EBADF, EINVAL for a wrong length, EBUSY while a get is
 outstanding: the mapping stays. EIO and its like: it has ended, and the next rm_fsync or rm_close of the file fails too.
 */
int mmap_destroy_wait(int md,
                      size_t length);

/*
 Declares that a range of a mapping will be read, and waits until its bytes are there. As `mmap_read_wait`, without
 the answer: ask `mmap_error`.
 */
void mmap_read(int md, size_t offset, size_t length);

/*
 Declares that a range of a mapping will be read, and waits until its bytes are there: 0, or -1 with errno: EBADF,
 EINVAL for a range outside the mapping, EACCES in one for MMAP_WRITE, EIO and its like from storage.

 Where the operating system caches the file, bytes are there until another process shortens the file: who touches
 them after that gets the signal SIGBUS, as with the system's mmap.
 */
int mmap_read_wait(int md, size_t offset, size_t length);

/*
 Declares that bytes of a range of a mapping will be changed, waits until it is there, and remembers to write it. As
 `mmap_write_wait`, without the answer: ask `mmap_error`.
 */
void mmap_write(int md, size_t offset, size_t length);

/*
 Declares that bytes of a range of a mapping will be changed, and waits until it is there: what is not changed keeps
 its value. 0, or -1 with errno: as `mmap_read_wait`, EACCES in a mapping for MMAP_READ, and ENOSPC.
 */
int mmap_write_wait(int md, size_t offset, size_t length);

/*
 Declares that every byte of a range will be changed: as `mmap_write_wait`, but what was there need not be read. Until
 they are all changed, the bytes have any value.
 */
int mmap_overwrite(int md, size_t offset, size_t length);

/*
 Brings what was changed in a range of a mapping to the disk, and waits. As `mmap_sync_wait`, without the answer: ask
 `mmap_error`.
 */
void mmap_sync(int md, size_t offset, size_t length);

/*
 Brings what was changed in a range of a mapping to the disk, and waits: 0, or -1 with errno: EBADF, EINVAL for a range
 outside the mapping, EIO and its like from storage. Pages that will be changed again are declared again.
 */
int mmap_sync_wait(int md, size_t offset, size_t length);

/*
 Holds a mapping where it is until `mmap_put`: the address of its first byte, or NULL with errno: EBADF, EBUSY after
 65,535 gets. Gets nest. What was not declared has any content.

 The caller sees to it that:
 * The bytes are used only between get and put, and only as they were declared.
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
 The unit in which bytes come and to which offsets are aligned: a constant, a power of two; the operating system's page
 where there is one.
 */
size_t mmap_pagesize(void);

/*
 Switches the checks of mappings on or off, for those made from now on in the core pool: pages that were not declared
 hold 0xDB, and a change of a page that was not declared with mmap_write ends in `panicf` at the next put or sync,
 with the mapping and the offset named. Each put reads the clean pages again, so this is for programs that are
 looked at. Where the operating system caches a file it does nothing.
 */
void mmap_debug(bool on);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_MMAP_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* For the glue in the tree: what it calls around the tree's own file.c. Descriptors, offsets, modes and lengths stay
 * file.c's; the bytes go through the segment cache.
 *
 * A descriptor is known from its first use on: the library then asks rmport_claim for a stream of its file. The functions
 * answer a negative error number when they fail, and leave errno to the caller. None of them is called with a lock of the
 * file system held that rmport_ functions take.
 */

#ifndef ROCKMEM_TREE_H
#define ROCKMEM_TREE_H

#include "prefix.h"
#include "file_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Reads `bytes` bytes at `offset` for file.c's read(): the count, less than asked only at the end of the file or before an
 error, which the next call reports; or a negative error number. The glue moves the offset.

 The caller sees to it that:
 * `buffer` is writable for `bytes` bytes, and does not move meanwhile.
 */
int32_t rm_tree_read(int32_t fd,
                     uint64_t offset,
                     uint8_t *buffer,
                     uint32_t bytes);

/*
 Writes `bytes` bytes for file.c's write(), at `offset` or, with all bits of it set, at the end of the file: the count,
 less than given only when the volume or the file is full or before an error, which the next call reports; or a negative
 error number. Where the next byte would go is in `end` then: the glue sets the offset, and the length if it is shorter.

 The caller sees to it that:
 * `buffer` is readable for `bytes` bytes, and does not move meanwhile; `end` is writable.
 */
int32_t rm_tree_write(int32_t fd, uint64_t offset, const uint8_t *buffer, uint32_t bytes, uint64_t *end);

/*
 The length of a descriptor's file with what is not written back yet, or a negative error number. All descriptors of the
 file have it.
 */
int64_t rm_tree_size(int32_t fd);

/*
 Makes a file shorter, for file.c's ftruncate() and O_TRUNC: 0, or a negative error number.
 */
int32_t rm_tree_truncate(int32_t fd, uint64_t size);

/*
 Brings a descriptor's file to the disk, for file.c's fsync(): 0, or a negative error number, also for a write that failed
 earlier. A descriptor that is not known has nothing to bring.
 */
int32_t rm_tree_sync(int32_t fd);

/*
 Lets go of a descriptor before file.c closes it, or closes it by force: 0 when everything that was written through it
 is on the disk, or a negative error number; it is let go of in any case.
 */
int32_t rm_tree_close(int32_t fd);

/*
 Says whether writes may wait in memory, as they do at first. Without that every rm_tree_write goes to storage at once,
 and what waits now goes there too: 0, or a negative error number of that.
 */
int32_t rm_tree_write_behind(bool on);

/*
 Says that the last name of a file is gone, after file.c's remove(), or after a rename() that took its place. Its data
 stays for whoever has it open. `volume` and `file` are those of its identity.
 */
void rm_tree_removed(uint64_t volume, uint64_t file);

/*
 Before a volume is unmounted: writes back what is dirty of it and forgets it. Descriptors of its files answer ENXIO from
 then on to everything but rm_tree_close. 0, or a negative error number when something could not be written and is lost.
 */
int32_t rm_tree_unmount(uint64_t volume);

/*
 A volume has vanished: forgets it with what is dirty of it.
 */
void rm_tree_gone(uint64_t volume);

/*
 The disk is awake and will soon sleep: writes back what is dirty; `forced`: it will be switched off, so lengths and
 dates go there too. 0, or a negative error number. It may block and yield: a storage idle callback that may not posts
 to a thread that calls this.
 */
int32_t rm_tree_idle(bool forced);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_TREE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* Files through the segment cache, with what the tree's own calls mean. The names begin with rm_, so that the C library's
 * are never shadowed.
 *
 * Descriptors are 0 to 30 and have nothing to do with the system's. A file has at most 2^31 - 1 bytes. Every function
 * answers -1 and sets errno when it fails, and changes nothing then. What rm_close and rm_fsync confirmed is on the disk.
 *
 * Paths are the operating system's, whose own cache is the cache then; or, between rm_mount_image and rm_unmount, those
 * of a disk image with a FAT filesystem, whose files are cached in the core pool.
 */

#ifndef ROCKMEM_FILE_H
#define ROCKMEM_FILE_H

#include "prefix.h"
#include "file_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a file: the lowest free descriptor, or -1. `oflag` is O_RDONLY, O_WRONLY or O_RDWR with any of O_CREAT, O_EXCL,
 O_TRUNC and O_APPEND; `mode` has no meaning, new files get what the system gives. ENOENT, EEXIST, EISDIR, EACCES and
 their like; EINVAL for O_TRUNC without writing; EMFILE when 31 are open; ENOSPC; ENOMEM when the core pool has no
 room for the cache's tables. Programs call it as rm_open, with or without the last argument.

 The caller sees to it that:
 * `path` is a C string.
 * The core pool was initialised, while an image is mounted.
 */
int rm_open_mode(const char *path, int oflag, int mode);

/*
 Makes an empty file, or empties one, and opens it for writing: as rm_open with O_WRONLY, O_CREAT and O_TRUNC.

 The caller sees to it that:
 * As `rm_open_mode`.
 */
int rm_creat(const char *path, int mode);

/*
 Closes a descriptor: 0, when everything that was written through it is on the disk. Else -1, and it is closed all the
 same: EBADF, or why it could not be written; what could not be stays with the file, and whoever opens or syncs it next
 tries again. Mappings of the file stay; what is cached of it is found again when it is opened.
 */
int rm_close(int fd);

/*
 Reads from the offset on and moves it: the number of bytes, 0 at the end of the file, or -1: EBADF, also for a
 descriptor that only writes; ENXIO when the volume is gone; EIO and its like. Bytes that were read before an error are a
 short count; the next call reports the error.

 The caller sees to it that:
 * `buf` is writable for `count` bytes, and does not move meanwhile.
 */
ssize_t rm_read(int fd,
                void *buf,
                size_t count);

/*
 Writes at the offset, or at the end of the file with O_APPEND, and moves the offset behind it: the number of bytes, or
 -1: EBADF, also for a descriptor that only reads; ENOSPC; EFBIG at the largest size; ENXIO; EIO and its like. Bytes that
 were written before an error are a short count; the next call reports the error. EBUSY in a full pool only: a stream's
 pointer leads to where the file ends, or ended before it grew, and there is no memory for more beside it.

 The caller sees to it that:
 * `buf` is readable for `count` bytes, and does not move meanwhile.
 */
ssize_t rm_write(int fd,
                 const void *buf,
                 size_t count);

/*
 Moves the offset (SEEK_SET, SEEK_CUR, SEEK_END): where it is now, or -1: EINVAL for a place before the start or
 beyond the end, EBADF, ENXIO.
 */
off_t rm_lseek(int fd, off_t offset, int whence);

/*
 Makes a file shorter: 0. Never longer: then it does nothing and answers 0 too. -1: EBADF, also for a descriptor that only
 reads; EINVAL below 0; ENXIO; EIO and its like.
 */
int rm_ftruncate(int fd,
                 off_t length);

/*
 Brings a file to the disk: 0 when its bytes, length and date are there. -1: EBADF; EINVAL for a descriptor that only
 reads; ENXIO; EIO and its like, for a write that failed earlier too: what is not on the disk is tried again by the next
 call.
 */
int rm_fsync(int fd);

/*
 The length of the file in bytes, or -1 with EBADF, ENXIO, or EOVERFLOW for a file that is too long.
 */
off_t rm_filesize(int fd);

/*
 Whether two descriptors are of the same file: 1 or 0, or -1 with EBADF or ENXIO.
 */
int rm_fsamefile(int fd1, int fd2);

/*
 Whether there is a file or directory of this name.

 The caller sees to it that:
 * `path` is a C string.
 */
bool rm_file_exists(const char *path);

/*
 Removes a file: 0, or -1 with ENOENT, EISDIR and its like. Its data stays until the last descriptor is closed.

 The caller sees to it that:
 * `path` is a C string.
 */
int rm_remove(const char *path);

/*
 Gives a file another name, in the place of a file that has it: 0, or -1 with ENOENT, EISDIR, EINVAL, EBUSY for
 the root, and their like. Descriptors of both stay what they are.

 The caller sees to it that:
 * `from` and `to` are C strings.
 */
int rm_rename(const char *from, const char *to);

/*
 Makes an image file: an empty volume of so many bytes in clusters of so many, 512 to 32768. `bits` is 16 (4085 to 65524
 clusters) or 32 (65525 and more). 0, or -1: EINVAL for what is no such volume, EEXIST, ENOSPC and their like.

 The caller sees to it that:
 * `image` is a C string.
 */
int rm_make_image(const char *image, uint64_t bytes, uint32_t cluster, int bits);

/*
 Mounts the FAT16 or FAT32 volume of an image file: 0. From then on paths are the image's; descriptors that are open stay
 what they are. -1: EBUSY when one is mounted; EINVAL for no such volume; ENOENT and its like.

 The caller sees to it that:
 * `image` is a C string.
 */
int rm_mount_image(const char *image);

/*
 Unmounts the image, once everything dirty is on it: 0. Descriptors of its files answer ENXIO from then on to
 everything but rm_close. -1: ENXIO when none is mounted; EIO and its like when something could not be written, which is
 lost; it is unmounted all the same.
 */
int rm_unmount(void);

/*
 Says whether writes may wait in memory, as they do at first. Without that every rm_write goes to storage at once, and what
 waits now goes there too: 0, or -1 with the first error of that.
 */
int rm_write_behind(bool on);

/*
 Brings everything that is dirty to the disk: 0, or -1 with the first error; the others are tried all the same, and the
 files' own next rm_fsync or rm_close reports theirs.
 */
int rm_flush(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_FILE_H */

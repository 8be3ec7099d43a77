/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's file.c, wrapped: descriptors, names and directories stay its own; the bytes go through the segment cache.
 *
 *     read(fd), write(fd) … ──► rm_tree_… ──► the library ──► rmport_… (rm_stream.h) ──► fat_readwrite
 *           │                                                       │
 *           └ its descriptor: mode, offset                          └ a stream of the same file: its position
 *
 * file.c's functions of these names become rm_below_… and stay in use for directories opened as files, and for
 * descriptors that the file system itself opened: those are read with its lock held, where nobody may wait for others. And
 * for files for which the library has no stream left.
 * The length in a file's binding is what the disk has of it. The library knows the length with what is not written yet.
 */
#define RB_FILESYSTEM_OS
#include "config.h"
#include "system.h"
#include <string.h>
#include <errno.h>
#include "debug.h"
#include "file.h"
#include "fileobj_mgr.h"
#include "disk_cache.h"
#include "rb_namespace.h"
#include "string-extra.h"
#include "rm_below.h"
#include "rockmem/tree.h"

#define RM_BELOW static __attribute__((unused))
RM_BELOW int rm_below_open_noiso(const char *path, int oflag);
RM_BELOW int rm_below_open(const char *path, int oflag);
RM_BELOW int rm_below_creat(const char *path);
RM_BELOW int rm_below_close(int fildes);
RM_BELOW int rm_below_ftruncate(int fildes, off_t length);
RM_BELOW int rm_below_fsync(int fildes);
RM_BELOW off_t rm_below_lseek(int fildes, off_t offset, int whence);
RM_BELOW ssize_t rm_below_read(int fildes, void *buf, size_t nbyte);
RM_BELOW ssize_t rm_below_write(int fildes, const void *buf, size_t nbyte);
RM_BELOW off_t rm_below_filesize(int fildes);

#define open_noiso_internal rm_below_open_noiso
#define open rm_below_open
#define creat rm_below_creat
#define close rm_below_close
#define ftruncate rm_below_ftruncate
#define fsync rm_below_fsync
#define lseek rm_below_lseek
#define read rm_below_read
#define write rm_below_write
#define filesize(fildes) rm_below_filesize(fildes) /* there is a member of this name */

#include "../common/file.c"

#undef open_noiso_internal
#undef open
#undef creat
#undef close
#undef ftruncate
#undef fsync
#undef lseek
#undef read
#undef write
#undef filesize

/* One bit a descriptor. */
static uint32_t plain;   /* the file system's own: never through the library */
static uint32_t closing; /* the library has let go of it and must not learn of it again */
/* Counts who had a descriptor: a call that comes back after its close moves nobody's offset. */
static uint8_t turns[MAX_OPEN_FILES];

#include "rm_stream.h"

static bool rm_is_plain(int fildes, const struct filestr_desc *file)
{
    const struct rm_beside *beside = rm_beside(&file->stream);
    return (plain & (1u << fildes)) || (beside && beside->past) || (fileobj_get_flags(&file->stream) & FO_DIRECTORY);
}

/* What a call answers when the library failed. */
static int rm_fail(int32_t error)
{
    errno = -error;
    return error * 10 - 3;
}

/* The length of a file. Where the library has no stream of it, nothing waits to be written. */
static file_size_t rm_size(int fildes, const struct filestr_desc *file)
{
    if (rm_beside(&file->stream)->streams == 0 || rm_is_plain(fildes, file))
        return *file->sizep;
    int64_t size = rm_tree_size(fildes);
    return size < 0 ? *file->sizep : (file_size_t)size;
}

/* Nobody who has the file open is behind its end. */
static void rm_clip(const struct filestr_desc *file, file_size_t size)
{
    struct filestr_base *s = NULL;
    while ((s = fileobj_get_next_stream(&file->stream, s)))
    {
        struct filestr_desc *f = (struct filestr_desc *)s;
        if (f->offset > size)
            f->offset = size;
    }
}

/* Whether others have the file open, beside the library. */
static bool rm_has_others(const struct filestr_desc *file)
{
    int count = 0;
    struct filestr_base *s = NULL;
    while ((s = fileobj_get_next_stream(&file->stream, s)))
        count++;
    return count > 1 + rm_beside(&file->stream)->streams;
}

int open_noiso_internal(const char *path, int oflag)
{
    int fildes = rm_below_open_noiso(path, oflag);
    if (fildes >= 0)
        plain |= 1u << fildes;
    return fildes;
}

/* O_TRUNC is a truncation like any other, once the file is open. */
int open(const char *path, int oflag)
{
    bool empty = (oflag & O_TRUNC) && (oflag & O_ACCMODE);
    int fildes = rm_below_open(path, empty ? oflag & ~O_TRUNC : oflag);
    if (fildes < 0 || !empty || rm_size(fildes, &open_streams[fildes]) == 0)
        return fildes;

    int32_t error = rm_tree_truncate(fildes, 0);
    if (error == -EMFILE && rm_goes_past(fildes))
        error = rm_below_ftruncate(fildes, 0) < 0 ? -errno : 0;
    if (error < 0)
    {
        close(fildes);
        return rm_fail(error);
    }
    rm_clip(&open_streams[fildes], 0);
    return fildes;
}

int creat(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC);
}

int close(int fildes)
{
    struct filestr_desc *file = &open_streams[fildes];
    if ((unsigned int)fildes >= MAX_OPEN_FILES || !file->stream.flags)
        return rm_below_close(fildes);
    if (rm_is_plain(fildes, file))
    {
        plain &= ~(1u << fildes);
        return rm_below_close(fildes);
    }

    /* What is dirty of a file without a name goes with the library's last user of it; others may be open that the library
     * does not know yet. */
    if (rm_is_nameless(&file->stream) && rm_has_others(file))
        rm_tree_sync(fildes);
    closing |= 1u << fildes;
    int32_t error = rm_tree_close(fildes);

    file_internal_lock_WRITER();
    /* The library brought length and date to the disk; or it could not, and keeps what it has for the next who opens it. */
    const struct rm_beside *beside = rm_beside(&file->stream);
    bool done = beside && (beside->clean || (error < 0 && beside->streams));
    int rc = done ? close_stream_internal(&file->stream) : close_internal(file);
    turns[fildes]++;
    closing &= ~(1u << fildes);
    file_internal_unlock_WRITER();

    if (error < 0)
        return rm_fail(error);
    return rc < 0 ? rc * 10 - 3 : rc;
}

int ftruncate(int fildes, off_t length)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (!file || rm_is_plain(fildes, file) || !(file->stream.flags & FD_WRITE) || length < 0)
        return rm_below_ftruncate(fildes, length); /* none of which changes a file */

    int32_t error = rm_tree_truncate(fildes, length);
    if (error == -EMFILE && rm_goes_past(fildes))
        return rm_below_ftruncate(fildes, length);
    if (error < 0)
        return rm_fail(error);
    rm_clip(file, length);
    return 0;
}

int fsync(int fildes)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (file && !rm_is_plain(fildes, file) && (file->stream.flags & FD_WRITE))
    {
        int32_t error = rm_tree_sync(fildes);
        if (error < 0)
            return rm_fail(error);
        if (rm_beside(&file->stream)->clean)
            return 0;
    }
    return rm_below_fsync(fildes);
}

off_t lseek(int fildes, off_t offset, int whence)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (!file)
        return -1;

    file_size_t size = rm_size(fildes, file), *sizep = file->sizep;
    file->sizep = &size;
    off_t rc = lseek_internal(file, offset, whence);
    file->sizep = sizep;
    return rc < 0 ? rc * 10 - 2 : rc;
}

off_t filesize(int fildes)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (!file)
        return -1;

    file_size_t size = rm_size(fildes, file);
    if (size <= FILE_SIZE_MAX)
        return (off_t)size;
    errno = EOVERFLOW;
    return -2;
}

ssize_t read(int fildes, void *buf, size_t nbyte)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (!file || rm_is_plain(fildes, file) || (file->stream.flags & FD_WRONLY))
        return rm_below_read(fildes, buf, nbyte);

    size_t left = FILE_SIZE_MAX - file->offset;
    if (left == 0 && nbyte > 0 && rm_size(fildes, file) > FILE_SIZE_MAX)
    {
        errno = EOVERFLOW;
        return -2;
    }

    uint8_t turn = turns[fildes];
    int32_t got = rm_tree_read(fildes, file->offset, buf, MIN(nbyte, left));
    if (got == -EMFILE && rm_goes_past(fildes))
        return rm_below_read(fildes, buf, nbyte);
    if (got < 0)
        return rm_fail(got);
    if (turns[fildes] == turn)
        file->offset += got;
    return got;
}

ssize_t write(int fildes, const void *buf, size_t nbyte)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (!file || rm_is_plain(fildes, file) || !(file->stream.flags & FD_WRITE))
        return rm_below_write(fildes, buf, nbyte);

    bool append = file->stream.flags & FD_APPEND;
    if (nbyte == 0)
    {
        file->offset = append ? MIN(rm_size(fildes, file), FILE_SIZE_MAX) : file->offset;
        return 0;
    }

    uint8_t turn = turns[fildes];
    uint64_t end = 0;
    int32_t put = rm_tree_write(fildes, append ? UINT64_MAX : file->offset, buf, nbyte, &end);
    if (put == -EMFILE && rm_goes_past(fildes))
        return rm_below_write(fildes, buf, nbyte);
    if (put < 0)
        return rm_fail(put);
    if (turns[fildes] == turn && put > 0)
        file->offset = end;
    rm_wants_idle();
    return put;
}

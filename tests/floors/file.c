/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What stands for the tree's own file.c, with the glue around it: descriptors with offset and mode over files of this
 * machine, whose bytes go through the library. A program sees the calls of file.h.
 */
#include "world.h"

#include <rockmem/tree.h>

#include <sys/stat.h>
#include <unistd.h>

#define FILES 31
#define LARGEST 0x7fffffff

static struct { int below, flags, used; off_t offset; } table[FILES];

static int fail(int32_t error)
{
    errno = error < 0 ? -error : errno;
    return -1;
}

static int is_open(int fd)
{
    if (fd >= 0 && fd < FILES && table[fd].used)
        return 1;
    errno = EBADF;
    return 0;
}

static int writes(int fd)
{
    return (table[fd].flags & O_ACCMODE) != O_RDONLY;
}

/* The library asks for a stream of a descriptor's file. */
int32_t rmport_claim(int32_t fd, uint32_t *mode, uint64_t *identity)
{
    static const uint32_t modes[] = { [O_RDONLY] = 1, [O_WRONLY] = 2, [O_RDWR] = 3 };
    struct stat found;
    if (!is_open(fd))
        return -EBADF;
    int stream = dup(table[fd].below);
    if (stream < 0 || fstat(stream, &found) < 0)
        return -errno;
    *mode = modes[table[fd].flags & O_ACCMODE];
    identity[0] = found.st_dev;
    identity[1] = found.st_ino;
    identity[2] = (uint64_t)found.st_size;
    identity[3] = (uint64_t)found.st_mtim.tv_sec * 1000000000 + (uint64_t)found.st_mtim.tv_nsec;
    return stream;
}

off_t rm_filesize(int fd)
{
    if (!is_open(fd))
        return -1;
    int64_t size = rm_tree_size(fd);
    if (size < 0 || size > LARGEST)
        return fail(size < 0 ? (int32_t)size : -EOVERFLOW);
    return (off_t)size;
}

int rm_ftruncate(int fd, off_t length)
{
    if (!is_open(fd))
        return -1;
    if (!writes(fd) || length < 0)
        return fail(writes(fd) ? -EINVAL : -EBADF);
    int32_t error = rm_tree_truncate(fd, (uint64_t)length);
    if (error < 0)
        return fail(error);
    for (int other = 0; other < FILES; other++)
        if (table[other].used && rm_fsamefile(fd, other) == 1 && table[other].offset > length)
            table[other].offset = length;
    return 0;
}

int rm_open_mode(const char *path, int oflag, int mode)
{
    if (!path)
        return fail(-EFAULT);
    if ((oflag & O_TRUNC) && (oflag & O_ACCMODE) == O_RDONLY)
        return fail(-EINVAL);
    for (int fd = 0; fd < FILES; fd++)
    {
        if (table[fd].used)
            continue;
        /* A stream of the library's both reads and writes. */
        int access = (oflag & O_ACCMODE) == O_WRONLY ? O_RDWR : oflag & O_ACCMODE;
        int below = open(path, access | (oflag & (O_CREAT | O_EXCL)), mode);
        if (below < 0)
            return -1;
        table[fd].below = below;
        table[fd].flags = oflag;
        table[fd].offset = 0;
        table[fd].used = 1;
        if ((oflag & O_TRUNC) && rm_ftruncate(fd, 0) < 0)
        {
            rm_close(fd);
            return -1;
        }
        return fd;
    }
    return fail(-EMFILE);
}

int rm_creat(const char *path, int mode)
{
    return rm_open_mode(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int rm_close(int fd)
{
    if (!is_open(fd))
        return -1;
    int32_t error = rm_tree_close(fd);
    table[fd].used = 0;
    close(table[fd].below);
    return error < 0 ? fail(error) : 0;
}

ssize_t rm_read(int fd, void *buf, size_t count)
{
    if (!is_open(fd))
        return -1;
    int32_t got = rm_tree_read(fd, (uint64_t)table[fd].offset, buf, (uint32_t)count);
    if (got < 0)
        return fail(got);
    table[fd].offset += got;
    return got;
}

ssize_t rm_write(int fd, const void *buf, size_t count)
{
    uint64_t end;
    if (!is_open(fd))
        return -1;
    uint64_t at = table[fd].flags & O_APPEND ? UINT64_MAX : (uint64_t)table[fd].offset;
    int32_t put = rm_tree_write(fd, at, buf, (uint32_t)count, &end);
    if (put < 0)
        return fail(put);
    if (put > 0)
        table[fd].offset = (off_t)end;
    return put;
}

off_t rm_lseek(int fd, off_t offset, int whence)
{
    off_t size = rm_filesize(fd);
    if (size < 0)
        return -1;
    off_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? table[fd].offset : size;
    if (whence < 0 || whence > 2 || base + offset < 0 || base + offset > size)
        return fail(-EINVAL);
    return table[fd].offset = base + offset;
}

int rm_fsync(int fd)
{
    if (!is_open(fd))
        return -1;
    int32_t error = writes(fd) ? rm_tree_sync(fd) : -EINVAL;
    return error < 0 ? fail(error) : 0;
}

int rm_fsamefile(int fd1, int fd2)
{
    struct stat one, two;
    if (!is_open(fd1) || !is_open(fd2) || fstat(table[fd1].below, &one) || fstat(table[fd2].below, &two))
        return -1;
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

bool rm_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int rm_remove(const char *path)
{
    struct stat found;
    if (!path)
        return fail(-EFAULT);
    if (stat(path, &found) || unlink(path))
        return -1;
    rm_tree_removed(found.st_dev, found.st_ino);
    return 0;
}

int rm_rename(const char *from, const char *to)
{
    struct stat found;
    if (!from || !to)
        return fail(-EFAULT);
    int victim = stat(to, &found) == 0;
    if (rename(from, to))
        return -1;
    if (victim)
        rm_tree_removed(found.st_dev, found.st_ino);
    return 0;
}

int rm_flush(void)
{
    int32_t error = rm_tree_idle(true);
    return error < 0 ? fail(error) : 0;
}

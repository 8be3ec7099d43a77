/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's filesystem-sim.c, wrapped: paths, directories and descriptors stay its own; the bytes of files go through
 * the segment cache. It is included as it is, so it follows its tree.
 *
 *     sim_read(fd), sim_write(fd) … ──► rm_tree_… ──► the library ──► rmport_… ──► pread, pwrite
 *             │                                                        │
 *             └ the system's descriptor: mode, offset                  └ one of the library's own, of the same file
 *
 * The offset of a descriptor is the one that the system keeps for it. Its length the system knows only without what is not
 * written yet.
 */
#define sim_open rm_below_open
#define sim_creat rm_below_creat
#define sim_close rm_below_close
#define sim_ftruncate rm_below_ftruncate
#define sim_fsync rm_below_fsync
#define sim_lseek rm_below_lseek
#define sim_read rm_below_read
#define sim_write rm_below_write
#define sim_remove rm_below_remove
#define sim_rename rm_below_rename
#define sim_filesize rm_below_filesize

#include "../../uisimulator/common/filesystem-sim.c"

#undef sim_open
#undef sim_creat
#undef sim_close
#undef sim_ftruncate
#undef sim_fsync
#undef sim_lseek
#undef sim_read
#undef sim_write
#undef sim_remove
#undef sim_rename
#undef sim_filesize

#include "rm_kernel.h"
#include "rm_posix.h"
#include "rockmem/tree.h"

int sim_open(const char *path, int oflag, ...);
int sim_creat(const char *path, mode_t mode);
int sim_close(int fildes);
int sim_ftruncate(int fildes, off_t length);
int sim_fsync(int fildes);
off_t sim_lseek(int fildes, off_t offset, int whence);
ssize_t sim_read(int fildes, void *buf, size_t nbyte);
ssize_t sim_write(int fildes, const void *buf, size_t nbyte);
int sim_remove(const char *path);
int sim_rename(const char *old, const char *new);
off_t sim_filesize(int fildes);

enum
{
    READS = 1,
    WRITES = 2
};

int32_t rmport_open(const char *path, uint32_t how, struct identity *identity)
{
    char ospath[SIM_TMPBUF_MAX_PATH];
    if (sim_get_os_path(ospath, path, sizeof(ospath)) < 0)
        return -errno;
    return stream_of(os_open(ospath, O_BINARY | flags_of(how), 0666), identity);
}

int32_t rmport_claim(int32_t fd, uint32_t *mode, struct identity *identity)
{
    struct filestr_desc *filestr = get_filestr(fd);
    if (!filestr)
        return -errno;
    int flags = fcntl(filestr->osfd, F_GETFL);
    if (flags < 0)
        return -errno;
    int access = flags & O_ACCMODE;
    *mode = (access == O_WRONLY ? 0 : READS) | (access == O_RDONLY ? 0 : WRITES);

    /* The file itself, which may have lost its name or got another one; whoever writes a part of a sector reads the rest. */
    char self[40];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", filestr->osfd);
    return stream_of(os_open(self, access == O_RDONLY ? O_RDONLY : O_RDWR), identity);
}

/* The tree's own calls. */

static int fail(int32_t error)
{
    errno = -error;
    return -1;
}

/* O_TRUNC is a truncation like any other, once the file is open. */
int sim_open(const char *path, int oflag, ...)
{
    bool empty = (oflag & O_TRUNC) && (oflag & O_ACCMODE) != O_RDONLY;
    mode_t mode = 0666;

    if (oflag & O_CREAT)
    {
        va_list list;
        va_start(list, oflag);
        mode = va_arg(list, unsigned int);
        va_end(list);
    }
    rm_kernel_init();
    int fildes = rm_below_open(path, empty ? oflag & ~O_TRUNC : oflag, mode);
    if (fildes < 0 || !empty)
        return fildes;
    int32_t error = rm_tree_truncate(fildes, 0);
    if (error >= 0)
        return fildes;
    sim_close(fildes);
    return fail(error);
}

int sim_creat(const char *path, mode_t mode)
{
    return sim_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int sim_close(int fildes)
{
    int32_t error = rm_tree_close(fildes);
    int rc = rm_below_close(fildes);
    return rc >= 0 && error < 0 ? fail(error) : rc;
}

off_t sim_filesize(int fildes)
{
    if (!get_filestr(fildes))
        return -1;
    int64_t size = rm_tree_size(fildes);
    return size < 0 ? fail(size) : size;
}

off_t sim_lseek(int fildes, off_t offset, int whence)
{
    if (whence != SEEK_END)
        return rm_below_lseek(fildes, offset, whence);
    off_t size = sim_filesize(fildes);
    if (size < 0)
        return -1;
    return rm_below_lseek(fildes, size + offset, SEEK_SET);
}

ssize_t sim_read(int fildes, void *buf, size_t nbyte)
{
    off_t offset = rm_below_lseek(fildes, 0, SEEK_CUR);
    if (offset < 0)
        return -1;
    int32_t got = rm_tree_read(fildes, offset, buf, MIN(nbyte, (size_t)INT32_MAX));
    if (got < 0)
        return fail(got);
    rm_below_lseek(fildes, offset + got, SEEK_SET);
    return got;
}

ssize_t sim_write(int fildes, const void *buf, size_t nbyte)
{
    off_t offset = rm_below_lseek(fildes, 0, SEEK_CUR);
    if (offset < 0)
        return -1;
    bool append = fcntl(openfiles[fildes].osfd, F_GETFL) & O_APPEND;
    uint64_t end = 0;
    int32_t put = rm_tree_write(fildes, append ? UINT64_MAX : (uint64_t)offset, buf, MIN(nbyte, (size_t)INT32_MAX), &end);
    if (put < 0)
        return fail(put);
    if (put > 0)
    {
        rm_below_lseek(fildes, end, SEEK_SET);
        rm_wants_idle();
    }
    return put;
}

int sim_ftruncate(int fildes, off_t length)
{
    off_t size = sim_filesize(fildes);
    if (size < 0 || length >= size)
        return size < 0 ? -1 : 0;
    if (length < 0)
        return fail(-EINVAL);
    int32_t error = rm_tree_truncate(fildes, length);
    return error < 0 ? fail(error) : 0;
}

int sim_fsync(int fildes)
{
    if (!get_filestr(fildes))
        return -1;
    int32_t error = rm_tree_sync(fildes);
    return error < 0 ? fail(error) : rm_below_fsync(fildes);
}

/* Which file a path names, if any. */
static bool is_there(const char *path, struct stat *found)
{
    char ospath[SIM_TMPBUF_MAX_PATH];
    return sim_get_os_path(ospath, path, sizeof(ospath)) >= 0 && stat(ospath, found) == 0;
}

int sim_remove(const char *path)
{
    struct stat gone;
    bool there = is_there(path, &gone);
    int rc = rm_below_remove(path);
    if (rc >= 0 && there)
        rm_tree_removed(gone.st_dev, gone.st_ino);
    return rc;
}

int sim_rename(const char *old, const char *new)
{
    struct stat self, gone;
    bool there = is_there(new, &gone) && is_there(old, &self) && self.st_ino != gone.st_ino;
    int rc = rm_below_rename(old, new);
    if (rc >= 0 && there)
        rm_tree_removed(gone.st_dev, gone.st_ino);
    return rc;
}

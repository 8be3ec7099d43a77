/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Puts our files under a program that knows only the system's: loaded before the C library, it takes the calls for one
 * file, named by RM_FILE, to a disk image (RM_IMAGE, made anew), with a core pool of RM_POOL bytes.
 *
 *     program ── open, pread, pwrite, ftruncate, fsync, mmap … ──► RM_FILE? ── rm_*, mmap_* ──► cache ──► image
 *                                                                     └ no ──► the C library
 *
 * What our files cannot do, and the program may ask for, is made of what they can: a write behind the end and a longer
 * length are zeros first. From time to time somebody else takes all memory, so that segments go, dirty ones too; and the
 * volume is unmounted when the program ends, and mounted again to compare what was written with what is there.
 */
#define _GNU_SOURCE
#include <rockmem/core_alloc.h>
#include <rockmem/file.h>
#include <rockmem/mmap.h>
#include <rockmem/stats.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS 10000 /* descriptors from here up are ours */
#define MAPS 16
#define PAGE 4096

static const char *file;
static unsigned long calls, evictions, mappings;
static struct { char *data; size_t length; int md; } maps[MAPS];

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void give_up(const char *what)
{
    fprintf(stderr, "shim: %s: %s\n", what, strerror(errno));
    abort();
}

void core_allocator_init(void)
{
    size_t bytes = strtoul(getenv("RM_POOL"), NULL, 0);
    buflib_init(&core_ctx, malloc(bytes), bytes);
}

__attribute__((constructor)) static void begin(void)
{
    const char *image = getenv("RM_IMAGE");
    file = getenv("RM_FILE");
    if (!file || !image || !getenv("RM_POOL"))
        return;
    core_allocator_init();
    NEXT(unlink)(image);
    if (rm_make_image(image, 40 << 20, 2048, 16) || rm_mount_image(image))
        give_up("no image");
}

__attribute__((destructor)) static void end(void)
{
    if (!file)
        return;
    struct rm_stats stats;
    rm_get_stats(&stats);
    if (rm_unmount())
        give_up("unmount");
    fprintf(stderr, "shim: %lu calls, %lu mappings, %lu times without memory, %llu segments given up, %llu transfers past "
            "the cache\n", calls, mappings, evictions, (unsigned long long)stats.evictions,
            (unsigned long long)stats.direct);
}

/* The program forgets mappings that it only reads: they end with its next call. */
static void forget_maps(void)
{
    for (int i = 0; i < MAPS; i++)
        if (maps[i].data && munmap(maps[i].data, maps[i].length))
            give_up("munmap");
}

/* Every so often there is no memory for anybody. */
static int ours(int fd)
{
    if (fd < OURS)
        return 0;
    forget_maps();
    if (++calls % 37 == 0)
    {
        int handle = core_alloc(core_allocatable());
        if (handle > 0)
            core_free(handle), evictions++;
    }
    return 1;
}

static int is_file(const char *path)
{
    return file && path && strcmp(path, file) == 0;
}

static int open_ours(int flags)
{
    int fd = rm_open("file under test", flags & (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND));
    return fd < 0 ? fd : fd + OURS;
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return is_file(path) ? open_ours(flags) : NEXT(open64)(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return is_file(path) ? open_ours(flags) : NEXT(open)(path, flags, mode);
}

int close(int fd)
{
    return ours(fd) ? rm_close(fd - OURS) : NEXT(close)(fd);
}

/* The file gets this length, with zeros. */
static int lengthen(int fd, off_t length)
{
    static const char zeros[4096];
    off_t size = rm_filesize(fd);
    off_t place = rm_lseek(fd, 0, SEEK_CUR);
    if (size < 0 || place < 0 || rm_lseek(fd, 0, SEEK_END) < 0)
        return -1;
    while (size < length)
    {
        size_t some = length - size < (off_t)sizeof zeros ? (size_t)(length - size) : sizeof zeros;
        ssize_t put = rm_write(fd, zeros, some);
        if (put <= 0)
            return -1;
        size += put;
    }
    return rm_lseek(fd, place, SEEK_SET) < 0 ? -1 : 0;
}

int ftruncate64(int fd, off64_t length)
{
    if (!ours(fd))
        return NEXT(ftruncate64)(fd, length);
    return lengthen(fd - OURS, length) ? -1 : rm_ftruncate(fd - OURS, length);
}

int fsync(int fd)
{
    return ours(fd) ? rm_fsync(fd - OURS) : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    return ours(fd) ? rm_fsync(fd - OURS) : NEXT(fdatasync)(fd);
}

ssize_t read(int fd, void *buf, size_t count)
{
    return ours(fd) ? rm_read(fd - OURS, buf, count) : NEXT(read)(fd, buf, count);
}

ssize_t write(int fd, const void *buf, size_t count)
{
    return ours(fd) ? rm_write(fd - OURS, buf, count) : NEXT(write)(fd, buf, count);
}

off64_t lseek64(int fd, off64_t offset, int whence)
{
    return ours(fd) ? rm_lseek(fd - OURS, offset, whence) : NEXT(lseek64)(fd, offset, whence);
}

ssize_t pread64(int fd, void *buf, size_t count, off64_t offset)
{
    if (!ours(fd))
        return NEXT(pread64)(fd, buf, count, offset);
    if (offset >= rm_filesize(fd - OURS))
        return 0;
    return rm_lseek(fd - OURS, offset, SEEK_SET) < 0 ? -1 : rm_read(fd - OURS, buf, count);
}

ssize_t pwrite64(int fd, const void *buf, size_t count, off64_t offset)
{
    if (!ours(fd))
        return NEXT(pwrite64)(fd, buf, count, offset);
    if (lengthen(fd - OURS, offset) || rm_lseek(fd - OURS, offset, SEEK_SET) < 0)
        return -1;
    return rm_write(fd - OURS, buf, count);
}

int fstat64(int fd, struct stat64 *found)
{
    if (!ours(fd))
        return NEXT(fstat64)(fd, found);
    memset(found, 0, sizeof *found);
    found->st_mode = S_IFREG | 0644;
    found->st_blksize = 4096;
    found->st_size = rm_filesize(fd - OURS);
    return found->st_size < 0 ? -1 : 0;
}

int statx(int dir, const char *path, int flags, unsigned mask, struct statx *found)
{
    if (!ours(dir))
        return NEXT(statx)(dir, path, flags, mask, found);
    struct stat64 plain;
    if (fstat64(dir, &plain))
        return -1;
    memset(found, 0, sizeof *found);
    found->stx_mask = STATX_BASIC_STATS;
    found->stx_mode = plain.st_mode;
    found->stx_blksize = 4096;
    found->stx_size = (uint64_t)plain.st_size;
    return 0;
}

int posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
    return ours(fd) ? 0 : NEXT(posix_fadvise)(fd, offset, length, advice);
}

/* Programs expect whole pages at the start of one: they get a copy, and what they changed in it goes to ours. */
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
    if (!ours(fd))
        return NEXT(mmap64)(address, length, protection, flags, fd, offset);
    length = (length + PAGE - 1) & ~(size_t)(PAGE - 1);
    for (int i = 0; i < MAPS; i++)
    {
        if (maps[i].data)
            continue;
        int md = mmap_create(fd - OURS, MMAP_READWRITE, offset, length);
        if (md < 0 || mmap_read_wait(md, 0, length))
            return MAP_FAILED;
        char *copy = aligned_alloc(PAGE, length);
        memcpy(copy, mmap_get(md), length);
        mmap_put(md);
        maps[i].data = copy;
        maps[i].length = length;
        maps[i].md = md;
        mappings++;
        return copy;
    }
    return MAP_FAILED;
}

/* Brings what the program changed to ours, page by page. */
static int bring(int i)
{
    for (size_t page = 0; page < maps[i].length; page += PAGE)
    {
        int md = maps[i].md;
        char *data = mmap_get(md);
        int same = memcmp(data + page, maps[i].data + page, PAGE) == 0;
        mmap_put(md);
        if (same)
            continue;
        if (mmap_write_wait(md, page, PAGE))
            return -1;
        data = mmap_get(md);
        memcpy(data + page, maps[i].data + page, PAGE);
        mmap_put(md);
    }
    return 0;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    return fd < OURS ? NEXT(mmap)(address, length, protection, flags, fd, offset)
                     : mmap64(address, length, protection, flags, fd, offset);
}

int msync(void *address, size_t length, int flags)
{
    for (int i = 0; i < MAPS; i++)
        if (maps[i].data && maps[i].data == (char *)address)
            return bring(i) || mmap_sync_wait(maps[i].md, 0, maps[i].length) ? -1 : 0;
    return NEXT(msync)(address, length, flags);
}

int munmap(void *address, size_t length)
{
    for (int i = 0; i < MAPS; i++)
        if (maps[i].data && maps[i].data == (char *)address)
        {
            int failed = bring(i);
            free(maps[i].data);
            maps[i].data = NULL;
            return mmap_destroy_wait(maps[i].md, maps[i].length) || failed ? -1 : 0;
        }
    return NEXT(munmap)(address, length);
}

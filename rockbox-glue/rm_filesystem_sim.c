/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's filesystem-sim.c, wrapped: the streams below the segment cache (docs/porting.md of rockmem) are files of
 * the system, found where filesystem-sim.c finds the tree's. It is included as it is, so it follows its tree.
 */
#include "../../uisimulator/common/filesystem-sim.c"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#ifdef HAVE_SDL_THREADS
#include "thread-sdl.h"
#endif

/* By rockmem's layout. */
struct identity
{
    uint64_t volume;
    uint64_t file;
    uint64_t size;
    uint64_t stamp;
};

int32_t rmport_open(const char *path, uint32_t how, struct identity *identity);
int32_t rmport_close(int32_t stream);
int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes);
int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes);
int32_t rmport_truncate(int32_t stream, uint64_t size);
int32_t rmport_sync(int32_t stream, struct identity *identity);
uint32_t rmport_space(int32_t stream, uint64_t *free);
int32_t rmport_claim(int32_t fd, uint32_t *mode, struct identity *identity);

enum
{
    FOR_WRITING = 1,
    MAKE = 2,
    ONLY_IF_NONE = 4,
    READS = 1,
    WRITES = 2
};

static int32_t identify(int osfd, struct identity *identity)
{
    struct stat found;
    if (fstat(osfd, &found) < 0)
        return -errno;
    identity->volume = found.st_dev;
    identity->file = found.st_ino;
    identity->size = found.st_size;
    identity->stamp = found.st_mtim.tv_sec * UINT64_C(1000000000) + found.st_mtim.tv_nsec;
    return 0;
}

/* An opened file as a stream, or closed again if it cannot be one. */
static int32_t stream_of(int osfd, struct identity *identity)
{
    if (osfd < 0)
        return -errno;
    int32_t error = identify(osfd, identity);
    if (error < 0)
        os_close(osfd);
    return error < 0 ? error : osfd;
}

int32_t rmport_open(const char *path, uint32_t how, struct identity *identity)
{
    char ospath[SIM_TMPBUF_MAX_PATH];
    if (sim_get_os_path(ospath, path, sizeof(ospath)) < 0)
        return -errno;
    int flags = O_BINARY | (how & FOR_WRITING ? O_RDWR : O_RDONLY) | (how & MAKE ? O_CREAT : 0) |
                (how & ONLY_IF_NONE ? O_EXCL : 0);
    return stream_of(os_open(ospath, flags, 0666), identity);
}

int32_t rmport_close(int32_t stream)
{
    return os_close(stream) == 0 ? 0 : -errno;
}

/* With a thread of the system for each of the tree's, the others run while this one waits for the disk. */
static void *others_may_run(uint32_t bytes)
{
#ifdef HAVE_SDL_THREADS
    return bytes > 512 ? sim_thread_unlock() : NULL;
#else
    (void)bytes;
    return NULL;
#endif
}

static void others_stop(void *me)
{
#ifdef HAVE_SDL_THREADS
    if (me)
        sim_thread_lock(me);
#else
    (void)me;
#endif
}

int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes)
{
    void *me = others_may_run(bytes);
    ssize_t got = pread(stream, buffer, bytes, offset);
    int32_t answer = got < 0 ? -errno : (int32_t)got;
    others_stop(me);
    return answer;
}

int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes)
{
    void *me = others_may_run(bytes);
    ssize_t put = pwrite(stream, buffer, bytes, offset);
    int32_t answer = put < 0 ? -errno : (int32_t)put;
    others_stop(me);
    return answer;
}

int32_t rmport_truncate(int32_t stream, uint64_t size)
{
    return os_ftruncate(stream, size) == 0 ? 0 : -errno;
}

int32_t rmport_sync(int32_t stream, struct identity *identity)
{
    return identify(stream, identity);
}

uint32_t rmport_space(int32_t stream, uint64_t *free)
{
    struct statvfs found;
    if (fstatvfs(stream, &found) < 0)
        return 512; /* nobody has counted */
    *free = (uint64_t)found.f_bavail * found.f_frsize;
    return found.f_frsize;
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

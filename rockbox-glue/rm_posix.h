/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The library's own streams where there is a system below the tree: each is a descriptor of that system's. A part of
 * rm_filesystem_sim.c (the simulator) and of rm_filesystem_app.c (applications), which know paths and the tree's descriptors.
 *
 *     library ──► rmport_read_at, rmport_write_at … ──► pread, pwrite …        descriptor = stream
 *                 rmport_open, rmport_claim: the includer's
 */
#ifndef RM_POSIX_H
#define RM_POSIX_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

/* What rmport_open is told, in flags of open(). */
static int flags_of(uint32_t how)
{
    return (how & 1 ? O_RDWR : O_RDONLY) | (how & 2 ? O_CREAT : 0) | (how & 4 ? O_EXCL : 0);
}

static int32_t identify(int osfd, struct identity *identity)
{
    struct stat found;
    if (fstat(osfd, &found) < 0)
        return -errno;
    if (S_ISDIR(found.st_mode))
        return -EISDIR;
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

#endif /* RM_POSIX_H */

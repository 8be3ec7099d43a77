/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rockbox port on this machine: the functions of docs/porting.md over threads that are cooperative as a player's
 * are. One lock stands for the one processor: whoever has it runs, and gives it up only where the tree would change
 * threads: in a wait, inside a transfer, or where a program says so.
 */
#include "world.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t processor = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t unlocked = PTHREAD_COND_INITIALIZER;
static pthread_cond_t channels[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static int locked;

__attribute__((constructor)) static void boot(void)
{
    pthread_mutex_lock(&processor);
}

void other_threads(void)
{
    pthread_mutex_unlock(&processor);
    sched_yield();
    pthread_mutex_lock(&processor);
}

struct start
{
    void *(*work)(void *);
    void *argument;
};

static void *run(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    pthread_mutex_lock(&processor);
    start.work(start.argument);
    pthread_mutex_unlock(&processor);
    return NULL;
}

pthread_t thread_start(void *(*work)(void *), void *argument)
{
    struct start *start = malloc(sizeof *start);
    pthread_t thread;
    start->work = work;
    start->argument = argument;
    CHECK(pthread_create(&thread, NULL, run, start) == 0);
    return thread;
}

void thread_join(pthread_t thread)
{
    pthread_mutex_unlock(&processor);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&processor);
}

void panicf(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    abort();
}

void rmport_lock(void)
{
    while (locked)
        pthread_cond_wait(&unlocked, &processor);
    locked = 1;
}

void rmport_unlock(void)
{
    CHECK(locked);
    locked = 0;
    pthread_cond_signal(&unlocked);
}

void rmport_wait(uint32_t channel, int32_t ticks)
{
    CHECK(channel < 2);
    rmport_unlock();
    if (ticks < 0)
        pthread_cond_wait(&channels[channel], &processor);
    else
    {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)(ticks % 100) * 10000000;
        until.tv_sec += ticks / 100 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&channels[channel], &processor, &until);
    }
    rmport_lock();
}

void rmport_wake(uint32_t channel)
{
    CHECK(channel < 2);
    pthread_cond_broadcast(&channels[channel]);
}

uint32_t rmport_asker(void)
{
    return 2;
}

uint32_t rmport_ticks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(now.tv_sec * 100 + now.tv_nsec / 10000000);
}

static void *enter(void *argument)
{
    ((void (*)(void))argument)();
    return NULL;
}

int32_t rmport_thread_start(void (*entry)(void))
{
    pthread_detach(thread_start(enter, (void *)entry));
    return 0;
}

const void *rmport_thread(void)
{
    return &errno;
}

void rmport_set_errno(int32_t error)
{
    errno = error;
}

void buffering_init(void)
{
}

/* While a driver waits for its disk others run; one that polls (DISK_POLLS) keeps the processor, so that nobody else runs
 * before the thread that reads has nothing more to do. */
static void disk_begins(void)
{
#ifndef DISK_POLLS
    pthread_mutex_unlock(&processor);
#endif
}

static void disk_ends(void)
{
#ifndef DISK_POLLS
    pthread_mutex_lock(&processor);
#endif
}

static int32_t identify(int stream, uint64_t *identity)
{
    struct stat found;
    if (fstat(stream, &found) < 0)
        return -errno;
    if (S_ISDIR(found.st_mode))
        return -EISDIR;
    identity[0] = found.st_dev;
    identity[1] = found.st_ino;
    identity[2] = (uint64_t)found.st_size;
    identity[3] = (uint64_t)found.st_mtim.tv_sec * 1000000000 + (uint64_t)found.st_mtim.tv_nsec;
    return 0;
}

int32_t rmport_open(const char *path, uint32_t how, uint64_t *identity)
{
    CHECK(!locked && how < 8);
    int flags = (how & 1 ? O_RDWR : O_RDONLY) | (how & 2 ? O_CREAT : 0) | (how & 4 ? O_EXCL : 0);
    int stream = open(path, flags, 0666);
    if (stream < 0)
        return -errno;
    int32_t error = identify(stream, identity);
    if (error < 0)
        close(stream);
    return error < 0 ? error : stream;
}

int32_t rmport_close(int32_t stream)
{
    return close(stream) == 0 ? 0 : -errno;
}

uint32_t skewed;

/* Memory that a DMA could not take without a copy. */
static void look(const uint8_t *buffer, uint32_t bytes)
{
    skewed += bytes % 512 == 0 && (uintptr_t)buffer % 64 != 0;
}

int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes)
{
    CHECK(bytes <= 128 * 1024);
    look(buffer, bytes);
    disk_begins();
    disk_gate();
    ssize_t got = pread(stream, buffer, bytes, (off_t)offset);
    int error = errno;
    disk_ends();
    return got < 0 ? -error : (int32_t)got;
}

int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes)
{
    CHECK(bytes <= 128 * 1024);
    look(buffer, bytes);
    disk_begins();
    ssize_t put = pwrite(stream, buffer, bytes, (off_t)offset);
    int error = errno;
    disk_ends();
    return put < 0 ? -error : (int32_t)put;
}

int32_t rmport_truncate(int32_t stream, uint64_t size)
{
    return ftruncate(stream, (off_t)size) == 0 ? 0 : -errno;
}

int32_t rmport_sync(int32_t stream, uint64_t *identity)
{
    disk_begins();
    int answer = fsync(stream);
    int error = errno;
    disk_ends();
    return answer < 0 ? -error : identify(stream, identity);
}

uint32_t rmport_space(int32_t stream, uint64_t *free)
{
    struct statvfs found;
    if (fstatvfs(stream, &found) < 0)
        return 512;
    *free = (uint64_t)found.f_bavail * found.f_frsize;
    return (uint32_t)found.f_frsize;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/syscall.h>

void core_allocator_init(void)
{
    buflib_init(&core_ctx, malloc(pool_bytes), pool_bytes);
}

unsigned char *make_file(const char *path, size_t bytes)
{
    unsigned char *data = malloc(bytes + 1);
    unsigned state = 1;
    for (size_t i = 0; i < bytes; i++)
    {
        state = state * 1103515245 + 12345;
        data[i] = state >> 16;
    }
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
    return data;
}

size_t dice(unsigned *seed, size_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (size_t)(((unsigned long long)(*seed >> 4) * n) >> 28);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int stopped, waiters, reads;

void disk_stop(int stop)
{
    pthread_mutex_lock(&gate);
    stopped = stop;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

int disk_waiters(void)
{
    pthread_mutex_lock(&gate);
    int n = waiters;
    pthread_mutex_unlock(&gate);
    return n;
}

int disk_reads(void)
{
    pthread_mutex_lock(&gate);
    int n = reads;
    pthread_mutex_unlock(&gate);
    return n;
}

void disk_gate(void)
{
    pthread_mutex_lock(&gate);
    reads++;
    waiters++;
    while (stopped)
        pthread_cond_wait(&opened, &gate);
    waiters--;
    pthread_mutex_unlock(&gate);
}

#ifndef COOPERATIVE

/* In place of the C library's: the archive reads files with it. */
ssize_t pread(int fd, void *into, size_t bytes, off_t at)
{
    disk_gate();
    return syscall(SYS_pread64, fd, into, bytes, at);
}

void other_threads(void)
{
    sched_yield();
}

pthread_t thread_start(void *(*work)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, argument) == 0);
    return thread;
}

void thread_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the programs of tests/floors share: a core pool, a file on disk, and threads that run on either port.
 */
#ifndef WORLD_H
#define WORLD_H

#include <rockmem/buffering.h>
#include <rockmem/core_alloc.h>
#include <rockmem/file.h>
#include <rockmem/mmap.h>
#include <rockmem/stats.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) \
    do \
    { \
        if (!(condition)) \
        { \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1); \
        } \
    } while (0)

/* The bytes of the core pool; each program says. */
extern const size_t pool_bytes;

#ifdef COOPERATIVE
/* How many transfers of whole sectors the glue has seen from or to memory that is not aligned to a line of the cache. */
extern uint32_t skewed;
#endif

/* Where threads of the rockbox port change over; on the host they do so anywhere. */
void other_threads(void);
/* Starts a thread; waits for one. */
pthread_t thread_start(void *(*work)(void *), void *argument);
void thread_join(pthread_t thread);

/* A file of `bytes` bytes that tell their place, in the current folder; its bytes too. */
unsigned char *make_file(const char *path, size_t bytes);
/* Stops the disk, or lets it go on: whoever reads from it meanwhile waits. How many do; how many reads there were. */
void disk_stop(int stopped);
int disk_waiters(void);
int disk_reads(void);
/* Where a read of either port waits while the disk is stopped. */
void disk_gate(void);
/* A number below `n`. */
size_t dice(unsigned *seed, size_t n);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the segment cache asks of the tree's kernel (docs/porting.md of rockmem): one mutex, two channels to wait on, and
 * moments at which the disk is awake.
 */
#include "config.h"

#if ROCKMEM_LEVEL >= 2

#include "system.h"
#include "kernel.h"
#include "ata_idle_notify.h"
#include "rm_kernel.h"
#include "rockmem/tree.h"
#include <errno.h>
#include <stdbool.h>

/* Some trees leave it out. */
#include "semaphore.h"
#ifndef HAVE_SEMAPHORE_OBJECTS
#include "../kernel/semaphore.c"
#endif

static struct mutex lock SHAREDBSS_ATTR;

/* Who waits goes by the count of wakes: it changes before anybody is woken, and nobody else runs between a look at it and
 * falling asleep. A wake that comes too early for its sleeper stays in the semaphore, and ends some later wait early. */
static struct
{
    struct semaphore woken;
    unsigned wakes;
    int waiting;
} channels[2] SHAREDBSS_ATTR;

static bool idle_wanted;

void rm_kernel_init(void)
{
    static bool ready;

    if (ready)
        return;
    ready = true;
    mutex_init(&lock);
    for (int n = 0; n < 2; n++)
        semaphore_init(&channels[n].woken, 255, 0);
}

void rmport_lock(void)
{
    mutex_lock(&lock);
}

void rmport_unlock(void)
{
    mutex_unlock(&lock);
}

void rmport_wait(uint32_t channel, int32_t ticks)
{
    unsigned seen = channels[channel].wakes;

    channels[channel].waiting++;
    mutex_unlock(&lock);
    bool late = channels[channel].wakes == seen &&
                semaphore_wait(&channels[channel].woken, ticks < 0 ? TIMEOUT_BLOCK : ticks) == OBJ_WAIT_TIMEDOUT;
    mutex_lock(&lock);
    if (late && channels[channel].wakes == seen)
        channels[channel].waiting--;
}

void rmport_wake(uint32_t channel)
{
    int waiting = channels[channel].waiting;

    channels[channel].waiting = 0;
    channels[channel].wakes++;
    while (waiting-- > 0)
        semaphore_release(&channels[channel].woken);
}

const void *rmport_thread(void)
{
    return &errno;
}

void rmport_set_errno(int32_t error)
{
    errno = error;
}

/* The storage thread calls this before it lets the disk sleep, and does here what it does in the tree's own callbacks, which
 * save settings: it writes files. Whoever switches off calls it too. */
static void idle(void)
{
    idle_wanted = false;
    rm_tree_idle(true);
}

void rm_wants_idle(void)
{
    if (idle_wanted)
        return;
    idle_wanted = true;
    register_storage_idle_func(idle);
}

#endif /* ROCKMEM_LEVEL */

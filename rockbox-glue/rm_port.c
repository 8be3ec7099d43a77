/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the pool asks of the tree (docs/porting.md of rockmem): the clock, and what the running thread is to it.
 */
#include "config.h"
#include "system.h"
#include "kernel.h"
#include "kernel/thread-internal.h"
#include "panic.h"
#include <stdint.h>
#include <string.h>

/* What a thread may have the pool do for it, from the least to the most. */
enum
{
    FILE_PATH = 0, /* take free space, or drop clean blocks: nothing moves, nothing blocks */
    PLAYBACK = 1,  /* also move blocks; no shrink callback, which would wait for the asking thread */
    ANYONE = 2     /* everything */
};

uint32_t rmport_ticks(void);
uint32_t rmport_asker(void);

uint32_t rmport_ticks(void)
{
    return current_tick;
}

/* The threads that playback's shrink callback waits for are known by the names the tree gives them. */
static uint32_t asker_called(const char *name)
{
    static const struct
    {
        char name[10];
        unsigned char asker;
    } special[] = {
        { "buffering", FILE_PATH },
        { "codec", PLAYBACK },
        { "voice", PLAYBACK },
    };

    for (unsigned i = 0; name && i < sizeof(special) / sizeof(special[0]); i++)
        if (strcmp(name, special[i].name) == 0)
            return special[i].asker;
    return ANYONE;
}

uint32_t rmport_asker(void)
{
#if NUM_CORES > 1 && defined(DEBUG)
    if (CURRENT_CORE != CPU)
        panicf("rockmem: called on the coprocessor");
#endif
    const struct thread_entry *self = __running_self_entry();
    return self ? asker_called(self->name) : ANYONE; /* none while the kernel starts */
}

/* Says whose pool it has, what the first handle is, and, with the library, what each kind of thread is to it. */
#include "config.h"
#include "core_alloc.h"
#include "kernel.h"
#include "kernel/thread-internal.h"
#include <stdint.h>
#include <stdio.h>

extern const char *whose_pool __attribute__((weak));
uint32_t rmport_asker(void) __attribute__((weak));
uint32_t rmport_ticks(void) __attribute__((weak));
extern int taken_at_start __attribute__((weak));

int main(void)
{
    core_allocator_init();
    int handle = core_alloc(100);
    printf("%s pool: handle %d\n", &whose_pool ? whose_pool : "rockmem's", handle);
    if (core_free(handle) != 0)
        return 1;
    if (&taken_at_start)
        printf("taken at start: %d\n", taken_at_start);
    if (rmport_asker)
    {
        printf("askers: %u", rmport_asker());
        static const char *const names[] = { NULL, "main", "codec", "voice", "buffering", "voices" };
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        {
            struct thread_entry thread = { names[i] };
            running = &thread;
            printf(" %u", rmport_asker());
        }
        running = NULL;
        printf("; ticks %u\n", rmport_ticks());
    }
    return 0;
}

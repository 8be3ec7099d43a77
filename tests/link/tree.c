/* A stand-in for the tree: what build/rockbox/librockmem.a needs from it, and a program that uses the pool with the
 * inline functions, as code in the tree does. tests/link.rs links it as the tree links: --gc-sections, no C library of
 * Rust's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROCKMEM_THREADS 0
#include <rockmem/core_alloc.h>

void panicf(const char *fmt, ...);

void panicf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    exit(fmt[0] == 'b' ? 42 : 1);
}

/* The two that the pool alone asks for. */
unsigned rmport_ticks(void);
unsigned rmport_asker(void);

unsigned rmport_ticks(void)
{
    return 0;
}

unsigned rmport_asker(void)
{
    return 2;
}

static unsigned char audiobuffer[64 * 1024];

void core_allocator_init(void)
{
    buflib_init(&core_ctx, audiobuffer, sizeof(audiobuffer));
}

int main(void)
{
    int handle;
    void *data;

    core_allocator_init();
    handle = core_alloc(1000);
    if (handle <= 0)
        return 1;
    data = core_get_data_pinned(handle);
    memset(data, 7, 1000);
    if (core_pin_count(handle) != 1)
        return 2;
    core_put_data_pinned(data);
    if (core_pin_count(handle) != 0)
        return 3;
    if (core_alloc(10) <= 0) /* a younger neighbour: the freed handle stays one that was given */
        return 4;
    if (core_free(handle) != 0)
        return 5;
    core_unpin(handle); /* freed: the last thing this program does, in panicf */
    return 6;
}

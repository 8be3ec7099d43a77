/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * get_data_pinned and its put, on 256 blocks in turn. In the unlocked headers both are inline;
 * the build with locks on (the host's default) pays for a lock and an unlock in each.
 */
#include "bench.h"

#define LIVE 256
#define PAIRS 4000000

int main(void)
{
    static struct buflib_context ctx;
    size_t size = LIVE * 1024 + 16384;
    int handles[LIVE];

    buflib_init(&ctx, pool_get(size), size);
    for (int i = 0; i < LIVE; i++)
        if ((handles[i] = buflib_alloc(&ctx, 900)) <= 0)
            give_up("pin: block %d refused", i);

    double start = cpu_ns();
    for (int i = 0; i < PAIRS; i++) {
        char *data = buflib_get_data_pinned(&ctx, handles[i % LIVE]);
        __asm__ volatile("" : : "r"(data) : "memory");
        buflib_put_data_pinned(&ctx, data);
    }
    emit((cpu_ns() - start) / PAIRS, "ns", "pin");

    for (int i = 0; i < LIVE; i++)
        if (buflib_pin_count(&ctx, handles[i]) != 0)
            give_up("pin: a pin was left on block %d", i);
    return 0;
}

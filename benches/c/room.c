/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What small needs cost: 16-byte blocks beside a wall at the top of the pool, where the handle
 * table cannot grow; and what is taken from an empty pool before the first block.
 */
#include "world.h"
#include <string.h>

#define MB (1u << 20)

static void must(int got, const char *what)
{
    if (got < 0)
        give_up("room: %s refused (%d)", what, got);
}

/*
 * 1 MB: `count` large blocks that hold four fifths of it, small ones between them, and a block
 * that cannot move from there to the handle table. The large ones go; how far do 16-byte blocks
 * get? The wall is either locked from the start or pinned later, when it is too late to place
 * it well.
 */
static void wall(int count, bool pinned)
{
    const char *kind = pinned ? "pinned" : "locked";

    world_start(MB);
    for (int i = 0; i < count; i++) {
        must(world_alloc(MB / 5 * 4 / count - BUFLIB_ALLOC_OVERHEAD, false), "a large block");
        must(world_alloc(64, false), "a small block");
    }
    size_t size = world_free_bytes();
    int got;
    while ((got = world_alloc(size, !pinned)) < 0 && size > MB / 10)
        size -= WORD;
    must(got, "the wall");
    if (pinned)
        world_pin(got, true);
    for (int i = 2 * count - 2; i >= 0; i -= 2)
        world_free(i);

    size_t before = world_free_bytes();
    int fit = 0;
    while (world_alloc(16, false) >= 0)
        fit++;
    emit(fit, "n", "wall.%s.%d.fit", kind, count);
    emit(100.0 * (before - world_free_bytes()) / before, "%", "wall.%s.%d.used", kind, count);
    world_end();
}

static bool fits(struct buflib_context *ctx, char *pool, size_t size, size_t want)
{
    buflib_init(ctx, pool, size);
    return buflib_alloc(ctx, want) > 0;
}

/* In words, beyond the header and the handle of the block itself. */
static void taken(const char *name, size_t size)
{
    char *pool = pool_get(size);
    struct buflib_context ctx;
    size_t low = 0, high = size / WORD;

    buflib_init(&ctx, pool, size);
    emit((size - buflib_available(&ctx)) / WORD, "n", "taken.%s.available", name);
    if (!fits(&ctx, pool, size, 0))
        give_up("room: not even an empty block fits in %zu bytes", size);
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (fits(&ctx, pool, size, middle * WORD))
            low = middle;
        else
            high = middle;
    }
    emit((size - footprint(low * WORD)) / WORD - 1, "n", "taken.%s.largest", name);
    pool_put(pool, size);
}

int main(void)
{
    static const int counts[] = { 1, 4, 16 };

    for (int i = 0; i < 3; i++)
        wall(counts[i], false);
    for (int i = 0; i < 3; i++)
        wall(counts[i], true);
    taken("4k", 4096);
    taken("1m", MB);
    taken("64m", 64 * MB);
    return 0;
}

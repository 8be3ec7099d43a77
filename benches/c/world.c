/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See world.h. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

#define MAX_BLOCKS 65536

struct place {
    size_t start, end; /* offsets in the pool, header included */
    bool wall;
};

struct span {
    size_t start, end;
    int first, count; /* its blocks in `places` */
    size_t room; /* bytes of its holes */
};

struct world world;
static int index_of[MAX_BLOCKS + 1]; /* of a handle */
static struct place places[MAX_BLOCKS];
static struct span spans[MAX_BLOCKS + 1];
static int span_count;

static int count_move(int handle, void *current, void *new_place)
{
    (void)current;
    (void)new_place;
    world.moved += footprint(world.blocks[index_of[handle]].size);
    world.moves++;
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks counted = { .move_callback = count_move };

void world_start(size_t pool_size)
{
    memset(&world, 0, sizeof world);
    world.pool = pool_get(pool_size);
    world.pool_size = pool_size;
    world.blocks = malloc(MAX_BLOCKS * sizeof *world.blocks);
    buflib_init(&world.ctx, world.pool, pool_size);
}

void world_end(void)
{
    pool_put(world.pool, world.pool_size);
    free(world.blocks);
}

int world_alloc(size_t size, bool locked)
{
    int handle = buflib_alloc_ex(&world.ctx, size, locked ? &buflib_ops_locked : &counted);

    if (handle < 0)
        return handle;
    if (handle == 0 || handle > MAX_BLOCKS || world.count == MAX_BLOCKS)
        give_up("handle %d out of range", handle);
    char *data = buflib_get_data(&world.ctx, handle);
    if (data < world.pool || data + size > world.pool + world.pool_size)
        give_up("block %d outside the pool", handle);
    if (size >= 2 * sizeof size) {
        memcpy(data, &size, sizeof size);
        memcpy(data + size - sizeof handle, &handle, sizeof handle);
    }
    world.blocks[world.count] = (struct block){ .handle = handle, .size = size, .locked = locked };
    index_of[handle] = world.count;
    world.taken += footprint(size);
    return world.count++;
}

void world_free(int index)
{
    struct block b = world.blocks[index];
    char *data = buflib_get_data(&world.ctx, b.handle);

    if (b.size >= 2 * sizeof b.size && (memcmp(data, &b.size, sizeof b.size) != 0
            || memcmp(data + b.size - sizeof b.handle, &b.handle, sizeof b.handle) != 0))
        give_up("block %d lost its data", b.handle);
    buflib_free(&world.ctx, b.handle);
    world.taken -= footprint(b.size);
    world.blocks[index] = world.blocks[--world.count];
    index_of[world.blocks[index].handle] = index;
}

void world_pin(int index, bool on)
{
    struct block *b = &world.blocks[index];

    if (b->pinned == on)
        return;
    if (on)
        buflib_pin(&world.ctx, b->handle);
    else
        buflib_unpin(&world.ctx, b->handle);
    b->pinned = on;
}

static size_t handle_bytes(void)
{
    int highest = 0;

    for (int i = 0; i < world.count; i++)
        if (world.blocks[i].handle > highest)
            highest = world.blocks[i].handle;
    return highest * WORD;
}

size_t world_free_bytes(void)
{
    return world.pool_size - world.taken - handle_bytes();
}

/* What the allocator may keep for itself: 64 words or 1/8192 of the pool; and a new handle. */
static size_t kept_bytes(void)
{
    size_t share = world.pool_size / 8192;
    return (share > 64 * WORD ? share : 64 * WORD) + WORD;
}

static int by_start(const void *a, const void *b)
{
    size_t x = ((const struct place *)a)->start, y = ((const struct place *)b)->start;
    return (x > y) - (x < y);
}

static void open_span(size_t start, int first)
{
    spans[span_count] = (struct span){ .start = start, .first = first };
}

static void close_span(size_t end, int last)
{
    struct span *s = &spans[span_count];

    s->end = end;
    if (end <= s->start)
        return;
    s->count = last - s->first;
    s->room = end - s->start;
    for (int i = s->first; i < last; i++)
        s->room -= places[i].end - places[i].start;
    span_count++;
}

static void draw_map(void)
{
    size_t end = world.pool_size - handle_bytes() - kept_bytes();

    for (int i = 0; i < world.count; i++) {
        const struct block *b = &world.blocks[i];
        size_t data = (char *)buflib_get_data(&world.ctx, b->handle) - world.pool;
        size_t start = data - BUFLIB_ALLOC_OVERHEAD;
        places[i] = (struct place){ start, start + footprint(b->size), b->locked || b->pinned };
    }
    qsort(places, world.count, sizeof *places, by_start);
    span_count = 0;
    open_span(0, 0);
    for (int i = 0; i < world.count; i++) {
        if (i + 1 < world.count && places[i].end > places[i + 1].start)
            give_up("two blocks overlap at offset %zu", places[i + 1].start);
        if (!places[i].wall)
            continue;
        close_span(places[i].start, i);
        open_span(places[i].end, i + 1);
    }
    /* Blocks may lie in the words that were taken off for the allocator itself. */
    if (world.count > 0 && places[world.count - 1].end > end)
        end = places[world.count - 1].end;
    close_span(end, world.count);
}

bool room_by_sliding(size_t need)
{
    draw_map();
    for (int s = 0; s < span_count; s++)
        if (spans[s].room >= need)
            return true;
    return false;
}

bool room_by_length(size_t need)
{
    draw_map();
    for (int s = 0; s < span_count; s++)
        if (spans[s].end - spans[s].start >= need)
            return true;
    return false;
}

static int larger_first(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    size_t x = p->end - p->start, y = q->end - q->start;
    return (x < y) - (x > y);
}

static int smaller_first(const void *a, const void *b)
{
    return larger_first(b, a);
}

/* Can span `from` be given `need` bytes of room? `bins` is the room of every span, scratch. */
static bool evacuate(int from, size_t need, size_t *bins, int (*order)(const void *, const void *))
{
    static struct place leaving[MAX_BLOCKS];
    const struct span *s = &spans[from];
    size_t room = s->room;

    for (int i = 0; i < span_count; i++)
        bins[i] = i == from ? 0 : spans[i].room;
    memcpy(leaving, places + s->first, s->count * sizeof *leaving);
    qsort(leaving, s->count, sizeof *leaving, order);
    for (int i = 0; i < s->count && room < need; i++) {
        size_t size = leaving[i].end - leaving[i].start;
        int best = -1;
        for (int k = 0; k < span_count; k++)
            if (bins[k] >= size && (best < 0 || bins[k] < bins[best]))
                best = k;
        if (best >= 0) {
            bins[best] -= size;
            room += size;
        }
    }
    return room >= need;
}

bool room_by_evacuation(size_t need)
{
    static size_t bins[MAX_BLOCKS + 1];

    draw_map();
    for (int s = 0; s < span_count; s++)
        if (spans[s].end - spans[s].start >= need
                && (evacuate(s, need, bins, larger_first) || evacuate(s, need, bins, smaller_first)))
            return true;
    return false;
}

/* Cheapest place in one span. All blocks lie in address order, so two indices that only go
   forward hold the overlapped ones as the place moves to the right. */
static size_t least_in_span(const struct span *s, size_t need)
{
    const struct place *p = places + s->first;
    size_t best = SIZE_MAX;

    for (int side = 0; side < 2; side++) {
        size_t cost = 0;
        int in = 0, out = 0;
        /* Only places that begin at the end of a block, or end at the start of one, can be
           cheapest: any other slides to one of these without meeting a further block. */
        for (int i = 0; i <= s->count; i++) {
            size_t left, right;
            if (side == 0) {
                left = i == 0 ? s->start : p[i - 1].end;
            } else {
                right = i == s->count ? s->end : p[i].start;
                if (right < s->start + need)
                    continue;
                left = right - need;
            }
            right = left + need;
            if (right > s->end)
                break;
            for (; in < s->count && p[in].start < right; in++)
                cost += p[in].end - p[in].start;
            for (; out < in && p[out].end <= left; out++)
                cost -= p[out].end - p[out].start;
            if (cost < best)
                best = cost;
        }
    }
    return best;
}

size_t least_moved(size_t need)
{
    size_t best = SIZE_MAX;

    draw_map();
    for (int s = 0; s < span_count && best > 0; s++) {
        if (spans[s].end - spans[s].start < need)
            continue;
        size_t cost = least_in_span(&spans[s], need);
        if (cost < best)
            best = cost;
    }
    return best;
}

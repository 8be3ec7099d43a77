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
static int *index_of; /* of a handle; any word of the pool may become one's entry */
static struct place places[2 * MAX_BLOCKS];
static struct span spans[2 * MAX_BLOCKS + 1];
static int place_count, span_count;

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
    index_of = calloc(pool_size / WORD + 1, sizeof *index_of);
    if (!world.blocks || !index_of)
        give_up("no memory for the record of the blocks");
    buflib_init(&world.ctx, world.pool, pool_size);
}

void world_end(void)
{
    pool_put(world.pool, world.pool_size);
    free(world.blocks);
    free(index_of);
}

int world_alloc(size_t size, bool locked)
{
    int handle = buflib_alloc_ex(&world.ctx, size, locked ? &buflib_ops_locked : &counted);

    if (handle < 0)
        return handle;
    if (handle == 0 || (size_t)handle > world.pool_size / WORD || world.count == MAX_BLOCKS)
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

int world_find(int handle)
{
    return index_of[handle];
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

size_t world_free_bytes(void)
{
    return world.pool_size - world.taken - world.count * WORD;
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

/*
 * The entry of handle n is the word n words below the top of the table. Entries above the last
 * block are the table; one further down means that the allocator put a piece of the table there,
 * which is a wall. The bytes of the table proper.
 */
static size_t map_handles(size_t blocks_end)
{
    size_t top = (char *)world.ctx.handle_table - world.pool, table = 0;

    for (int i = 0; i < world.count; i++) {
        size_t below = world.blocks[i].handle * WORD, entry = top - below;
        if (entry < blocks_end)
            places[place_count++] = (struct place){ entry, entry + WORD, true };
        else if (below > table)
            table = below;
    }
    return table;
}

static void draw_map(void)
{
    size_t blocks_end = 0;

    place_count = 0;
    for (int i = 0; i < world.count; i++) {
        const struct block *b = &world.blocks[i];
        size_t data = (char *)buflib_get_data(&world.ctx, b->handle) - world.pool;
        size_t start = data - BUFLIB_ALLOC_OVERHEAD, end = start + footprint(b->size);
        places[place_count++] = (struct place){ start, end, b->locked || b->pinned };
        if (end > blocks_end)
            blocks_end = end;
    }
    size_t end = world.pool_size - map_handles(blocks_end) - kept_bytes();
    /* Blocks may lie in the words that were taken off for the allocator itself. */
    if (blocks_end > end)
        end = blocks_end;
    qsort(places, place_count, sizeof *places, by_start);
    span_count = 0;
    open_span(0, 0);
    for (int i = 0; i < place_count; i++) {
        if (i + 1 < place_count && places[i].end > places[i + 1].start)
            give_up("two blocks overlap at offset %zu", places[i + 1].start);
        if (!places[i].wall)
            continue;
        close_span(places[i].start, i);
        open_span(places[i].end, i + 1);
    }
    close_span(end, place_count);
}

bool room_by_sliding(size_t need)
{
    draw_map();
    for (int s = 0; s < span_count; s++)
        if (spans[s].room >= need)
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

/* Puts a block into the bin that it fills best; false if it fits into none. */
static bool best_fit(size_t *bins, size_t size)
{
    int best = -1;

    for (int k = 0; k < span_count; k++)
        if (bins[k] >= size && (best < 0 || bins[k] < bins[best]))
            best = k;
    if (best >= 0)
        bins[best] -= size;
    return best >= 0;
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
        if (best_fit(bins, size))
            room += size;
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

/* All movable blocks, the largest first; their number. */
static int movable_blocks(struct place *into)
{
    int count = 0;

    for (int i = 0; i < place_count; i++)
        if (!places[i].wall)
            into[count++] = places[i];
    qsort(into, count, sizeof *into, larger_first);
    return count;
}

bool room_by_repacking(size_t need)
{
    static struct place blocks[MAX_BLOCKS];
    static size_t bins[MAX_BLOCKS + 1];

    draw_map();
    int count = movable_blocks(blocks);
    for (int from = 0; from < span_count; from++) {
        if (spans[from].end - spans[from].start < need)
            continue;
        for (int k = 0; k < span_count; k++)
            bins[k] = spans[k].end - spans[k].start;
        bins[from] -= need;
        int placed = 0;
        while (placed < count && best_fit(bins, blocks[placed].end - blocks[placed].start))
            placed++;
        if (placed == count)
            return true;
    }
    return false;
}

/*
 * With `need` taken out of span `from`: can the blocks still all have a place? The k largest
 * ones fit only into spans that hold the smallest of them, so their bytes cannot exceed those
 * spans, nor their number what would fit of the smallest alone.
 */
static bool excluded(int from, size_t need, const struct place *blocks, int count)
{
    size_t bytes = 0;

    for (int k = 0; k < count; k++) {
        size_t least = blocks[k].end - blocks[k].start, room = 0, number = 0;
        bytes += least;
        for (int s = 0; s < span_count; s++) {
            size_t length = spans[s].end - spans[s].start - (s == from ? need : 0);
            if (length >= least) {
                room += length;
                number += length / least;
            }
        }
        if (bytes > room || number < (size_t)k + 1)
            return true;
    }
    return false;
}

bool room_not_excluded(size_t need)
{
    static struct place blocks[MAX_BLOCKS];

    draw_map();
    int count = movable_blocks(blocks);
    for (int from = 0; from < span_count; from++)
        if (spans[from].end - spans[from].start >= need && !excluded(from, need, blocks, count))
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

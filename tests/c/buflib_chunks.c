/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An allocator of many small pieces on top of buflib, as a player's chunk allocator works: an
 * array of handles in a block of its own, held pinned while the next chunk is allocated, filled
 * chunk after chunk, and each chunk cut to what it holds before the next begins.
 */
#include <string.h>

#include "check.h"
#include "pool.h"

enum { CHUNK = 1000, CHUNKS = 64 };

static struct pool pool;

struct chunks {
    int array;      /* the handle of the array of chunk handles */
    int count;      /* chunks begun */
    size_t used;    /* bytes of the last chunk in use */
};

static bool chunks_open(struct chunks *chunks)
{
    memset(chunks, 0, sizeof(*chunks));
    chunks->array = buflib_alloc(&pool.ctx, CHUNKS * sizeof(int));
    if (chunks->array <= 0)
        return false;
    int *handles = buflib_get_data_pinned(&pool.ctx, chunks->array);
    memset(handles, 0, CHUNKS * sizeof(int));
    buflib_put_data_pinned(&pool.ctx, handles);
    return true;
}

/* Stores a piece and gives its place, or -1. The array stays where it is meanwhile. */
static int chunks_add(struct chunks *chunks, int seed, size_t size)
{
    int place = -1;
    int *handles = buflib_get_data_pinned(&pool.ctx, chunks->array);
    if (chunks->count == 0 || chunks->used + size > CHUNK) {
        if (chunks->count > 0)
            CHECK(buflib_shrink(&pool.ctx, handles[chunks->count - 1], NULL, chunks->used));
        if (chunks->count < CHUNKS) {
            int handle = buflib_alloc(&pool.ctx, CHUNK);
            CHECK(data_of(&pool, chunks->array) == (char *)handles);
            if (handle > 0) {
                handles[chunks->count++] = handle;
                chunks->used = 0;
            }
        }
    }
    if (chunks->count > 0 && chunks->used + size <= CHUNK) {
        place = (chunks->count - 1) * CHUNK + (int)chunks->used;
        char *data = buflib_get_data_pinned(&pool.ctx, handles[chunks->count - 1]);
        fill_bytes(data + chunks->used, seed, size);
        buflib_put_data_pinned(&pool.ctx, data);
        chunks->used += size;
    }
    buflib_put_data_pinned(&pool.ctx, handles);
    return place;
}

static bool chunks_hold(struct chunks *chunks, int place, int seed, size_t size)
{
    int *handles = buflib_get_data_pinned(&pool.ctx, chunks->array);
    char *data = buflib_get_data_pinned(&pool.ctx, handles[place / CHUNK]);
    bool same = bytes_are(data + place % CHUNK, seed, size);
    buflib_put_data_pinned(&pool.ctx, data);
    buflib_put_data_pinned(&pool.ctx, handles);
    return same;
}

static void chunks_close(struct chunks *chunks)
{
    int *handles = buflib_get_data_pinned(&pool.ctx, chunks->array);
    for (int i = 0; i < chunks->count; i++)
        CHECK_EQ(buflib_free(&pool.ctx, handles[i]), 0);
    buflib_put_data_pinned(&pool.ctx, handles);
    CHECK_EQ(buflib_free(&pool.ctx, chunks->array), 0);
}

TEST(chunks_fill_a_fragmented_pool_and_give_it_back)
{
    enum { PIECES = 2000 };
    static int place[PIECES];
    static size_t size[PIECES];
    static struct strip strip;
    struct chunks chunks;
    uint32_t seed = 5;
    pool_open(&pool, 60 * KB);
    size_t fresh = buflib_allocatable(&pool.ctx);
    strip_fill(&strip, &pool, 700, NULL);
    for (int i = 0; i < strip.count; i += 2)
        strip_free(&strip, &pool, i); /* chunks larger than the holes: compaction under pins */

    CHECK(chunks_open(&chunks));
    int count = 0;
    while (count < PIECES) {
        size[count] = random_between(&seed, 1, 90);
        place[count] = chunks_add(&chunks, count, size[count]);
        if (place[count] < 0)
            break;
        count++;
    }
    CHECK_GT(count, 300);
    CHECK_GT(chunks.count, 20);
    for (int i = 0; i < count; i++)
        CHECK(chunks_hold(&chunks, place[i], i, size[i]));
    strip_check(&strip, &pool);

    CHECK_EQ(buflib_pin_count(&pool.ctx, chunks.array), 0);
    chunks_close(&chunks);
    for (int i = 1; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    CHECK_GE(buflib_allocatable(&pool.ctx) + KEPT, fresh);
    pool_close(&pool);
}

TEST(two_sets_of_chunks_share_a_pool)
{
    struct chunks first, second;
    int place[200];
    pool_open(&pool, 60 * KB);
    CHECK(chunks_open(&first));
    CHECK(chunks_open(&second));
    for (int i = 0; i < 200; i++) {
        place[i] = chunks_add(i % 2 ? &first : &second, i, 111);
        CHECK_GE(place[i], 0);
    }
    for (int i = 0; i < 200; i++)
        CHECK(chunks_hold(i % 2 ? &first : &second, place[i], i, 111));
    chunks_close(&first);
    for (int i = 0; i < 200; i += 2)
        CHECK(chunks_hold(&second, place[i], i, 111));
    chunks_close(&second);
    pool_close(&pool);
}

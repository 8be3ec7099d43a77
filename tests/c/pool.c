/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool under watch: see pool.h. */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MARGIN = 64, MARGIN_BYTE = 0xA5, FRESH_BYTE = 0xC3 };

void pool_open_at(struct pool *pool, size_t size, size_t misaligned)
{
    /* A checking tool sees accesses outside an exact allocation by itself, reads too. */
    pool->margin = getenv("CHECK_EXACT") && misaligned == 0 ? 0 : MARGIN;
    size_t whole = pool->margin + misaligned + size + pool->margin;
    pool->whole = malloc(whole);
    CHECK(pool->whole != NULL);
    memset(pool->whole, MARGIN_BYTE, whole);
    pool->margin += misaligned;
    pool->memory = pool->whole + pool->margin;
    pool->size = size;
    memset(pool->memory, FRESH_BYTE, size);
    buflib_init(&pool->ctx, pool->memory, size);
    check_watch(pool->memory, size);
    check_watch(&pool->ctx, sizeof(pool->ctx));
}

void pool_open(struct pool *pool, size_t size)
{
    pool_open_at(pool, size, 0);
}

void pool_close(struct pool *pool)
{
    size_t above = pool->margin ? MARGIN : 0;
    for (size_t i = 0; i < pool->margin; i++)
        if ((unsigned char)pool->whole[i] != MARGIN_BYTE)
            check_fail(__FILE__, __LINE__, "written %zu bytes below the pool", pool->margin - i);
    for (size_t i = 0; i < above; i++)
        if ((unsigned char)pool->memory[pool->size + i] != MARGIN_BYTE)
            check_fail(__FILE__, __LINE__, "written %zu bytes above the pool", i);
    check_unwatch(pool->memory);
    check_unwatch(&pool->ctx);
    free(pool->whole);
    pool->whole = NULL;
}

size_t rounded(size_t size)
{
    return (size + WORD - 1) / WORD * WORD;
}

char *data_of(struct pool *pool, int handle)
{
    return buflib_get_data(&pool->ctx, handle);
}

static char pattern(int seed, size_t at)
{
    return (char)((size_t)seed * 151u + at * 7u + at / 256u + 1u);
}

void fill_bytes(char *data, int seed, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = pattern(seed, i);
}

bool bytes_are(const char *data, int seed, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != pattern(seed, i))
            return false;
    return true;
}

void fill(struct pool *pool, int handle, size_t size)
{
    fill_bytes(data_of(pool, handle), handle, size);
}

bool is_filled(struct pool *pool, int handle, size_t size)
{
    return bytes_are(data_of(pool, handle), handle, size);
}

int alloc_filled(struct pool *pool, size_t size, struct buflib_callbacks *ops)
{
    int handle = buflib_alloc_ex(&pool->ctx, size, ops);
    CHECK_GT(handle, 0);
    fill(pool, handle, size);
    return handle;
}

void check_apart(struct pool *pool, const int *handles, const size_t *sizes, int count)
{
    for (int i = 0; i < count; i++) {
        char *start = data_of(pool, handles[i]);
        CHECK(start - HEADER >= pool->memory);
        CHECK(start + sizes[i] <= pool->memory + pool->size);
        for (int j = 0; j < i; j++) {
            char *other = data_of(pool, handles[j]);
            CHECK(start + sizes[i] <= other - HEADER || other + sizes[j] <= start - HEADER);
        }
    }
}

void strip_fill(struct strip *strip, struct pool *pool, size_t size,
                struct buflib_callbacks *ops)
{
    strip->size = size;
    strip->count = 0;
    int handle;
    while ((handle = buflib_alloc_ex(&pool->ctx, size, ops)) > 0) {
        CHECK_LT(strip->count, MAX_BLOCKS);
        fill(pool, handle, size);
        int at = strip->count++;
        while (at > 0 && data_of(pool, strip->handle[at - 1]) > data_of(pool, handle)) {
            strip->handle[at] = strip->handle[at - 1];
            at--;
        }
        strip->handle[at] = handle;
    }
}

void pool_plug(struct pool *pool)
{
    int spare = buflib_alloc(&pool->ctx, 0);
    CHECK_GT(spare, 0);
    for (size_t size = 16 * KB; size > 0; size /= 2) {
        int handle;
        while ((handle = buflib_alloc(&pool->ctx, size)) > 0)
            buflib_pin(&pool->ctx, handle);
    }
    buflib_free(&pool->ctx, spare);
}

int strip_run(struct strip *strip, struct pool *pool, int length, int from)
{
    int run = 1;
    for (int i = from + 1; i < strip->count; i++) {
        ptrdiff_t step = data_of(pool, strip->handle[i]) - data_of(pool, strip->handle[i - 1]);
        run = step == (ptrdiff_t)(rounded(strip->size) + HEADER) ? run + 1 : 1;
        if (run == length)
            return i - length + 1;
    }
    check_fail(__FILE__, __LINE__, "no %d blocks side by side", length);
}

void strip_pin_all(struct strip *strip, struct pool *pool)
{
    for (int i = 0; i < strip->count; i++)
        if (strip->handle[i] > 0)
            buflib_pin(&pool->ctx, strip->handle[i]);
}

void strip_free(struct strip *strip, struct pool *pool, int index)
{
    CHECK_GT(strip->handle[index], 0);
    CHECK(is_filled(pool, strip->handle[index], strip->size));
    strip->handle[index] = buflib_free(&pool->ctx, strip->handle[index]);
    CHECK_EQ(strip->handle[index], 0);
}

void strip_check(struct strip *strip, struct pool *pool)
{
    for (int i = 0; i < strip->count; i++)
        if (strip->handle[i] > 0)
            CHECK(is_filled(pool, strip->handle[i], strip->size));
}

uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

size_t random_between(uint32_t *state, size_t low, size_t high)
{
    return low + random_next(state) % (high - low + 1);
}

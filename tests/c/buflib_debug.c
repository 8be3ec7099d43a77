/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions behind BUFLIB_DEBUG_PRINT and BUFLIB_DEBUG_CHECK_VALID. */
#define BUFLIB_DEBUG_PRINT
#define BUFLIB_DEBUG_CHECK_VALID

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "pool.h"

enum { LINE = 40 }; /* "A 40-byte buffer is enough" */

static struct pool pool;
static struct strip strip;

/* Lists the pool and counts the lines of both kinds. */
static void count_blocks(int *allocated, int *unallocated)
{
    char line[LINE];
    *allocated = 0;
    *unallocated = 0;
    int blocks = buflib_get_num_blocks(&pool.ctx);
    for (int i = 0; i < blocks; i++) {
        memset(line, '?', sizeof(line));
        CHECK(buflib_print_block_at(&pool.ctx, i, line, sizeof(line)));
        CHECK(memchr(line, '\0', sizeof(line)) != NULL);
        if (strstr(line, "unallocated"))
            ++*unallocated;
        else if (strstr(line, "allocated"))
            ++*allocated;
        else
            check_fail(__FILE__, __LINE__, "neither allocated nor not: %s", line);
    }
}

TEST(an_empty_pool_lists_no_allocated_block)
{
    int allocated, unallocated;
    pool_open(&pool, 16 * KB);
    count_blocks(&allocated, &unallocated);
    CHECK_EQ(allocated, 0);
    CHECK_LE(unallocated, 1); /* the tail may or may not be called a block */
    pool_close(&pool);
}

TEST(allocated_blocks_and_holes_are_listed)
{
    int allocated, unallocated, before;
    pool_open(&pool, 16 * KB);
    for (int i = 0; i < 9; i++)
        alloc_filled(&pool, 500, NULL);
    count_blocks(&allocated, &before);
    CHECK_EQ(allocated, 9);
    buflib_free(&pool.ctx, 3);
    buflib_free(&pool.ctx, 6);
    count_blocks(&allocated, &unallocated);
    CHECK_EQ(allocated, 7);
    CHECK_EQ(unallocated, before + 2);
    buflib_free(&pool.ctx, 5); /* joins the hole at 6 */
    count_blocks(&allocated, &unallocated);
    CHECK_EQ(allocated, 6);
    CHECK_EQ(unallocated, before + 2);
    pool_close(&pool);
}

TEST(blocks_are_listed_in_the_order_of_their_addresses)
{
    char line[LINE], place[LINE];
    pool_open(&pool, 16 * KB);
    strip_fill(&strip, &pool, 900, NULL);
    int found = 0;
    for (int i = 0; buflib_print_block_at(&pool.ctx, i, line, sizeof(line)); i++) {
        if (found == strip.count)
            continue;
        char *header = data_of(&pool, strip.handle[found]) - HEADER;
        snprintf(place, sizeof(place), "%p", (void *)header);
        found += strstr(line, place) != NULL;
    }
    CHECK_EQ(found, strip.count);
    pool_close(&pool);
}

TEST(a_block_number_out_of_range_gives_an_empty_line_and_false)
{
    char line[LINE];
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 500, NULL);
    int blocks = buflib_get_num_blocks(&pool.ctx);
    static const int beyond[] = { 0, 1, 100, 1 << 30 };
    for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
        strcpy(line, "something");
        CHECK(!buflib_print_block_at(&pool.ctx, blocks + beyond[i], line, sizeof(line)));
        CHECK_EQ(line[0], '\0');
    }
    strcpy(line, "something");
    CHECK(!buflib_print_block_at(&pool.ctx, -1, line, sizeof(line)));
    CHECK_EQ(line[0], '\0');
    pool_close(&pool);
}

TEST(a_short_buffer_gets_a_cut_line_and_nothing_beyond_it)
{
    char whole[LINE], line[LINE];
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 500, NULL);
    CHECK(buflib_print_block_at(&pool.ctx, 0, whole, sizeof(whole)));
    for (size_t size = 0; size < 20; size++) {
        memset(line, '?', sizeof(line));
        CHECK(buflib_print_block_at(&pool.ctx, 0, line, size));
        if (size > 0) {
            CHECK_EQ(strlen(line), size - 1);
            CHECK(strncmp(line, whole, size - 1) == 0);
        }
        CHECK_EQ(line[size], '?');
    }
    pool_close(&pool);
}

TEST(a_sound_pool_is_valid_through_a_long_churn)
{
    enum { SLOTS = 50 };
    static int handles[SLOTS];
    uint32_t seed = 9;
    pool_open(&pool, 16 * KB);
    buflib_check_valid(&pool.ctx);
    for (int step = 0; step < 3000; step++) {
        size_t slot = random_between(&seed, 0, SLOTS - 1);
        if (handles[slot] <= 0)
            handles[slot] = buflib_alloc(&pool.ctx, random_between(&seed, 0, 900));
        else if (random_between(&seed, 0, 1))
            buflib_shrink(&pool.ctx, handles[slot], NULL, random_between(&seed, 0, 400));
        else
            handles[slot] = buflib_free(&pool.ctx, handles[slot]);
        buflib_check_valid(&pool.ctx);
    }
    pool_close(&pool);
}

static void check_finds(int word, intptr_t value)
{
    pool_open(&pool, 16 * KB);
    for (int i = 0; i < 5; i++)
        alloc_filled(&pool, 500, NULL);
    intptr_t *data = (intptr_t *)(void *)data_of(&pool, 3);
    data[word] = value;
    CHECK_PANIC(buflib_check_valid(&pool.ctx));
    pool_close(&pool);
}

TEST(an_overwritten_length_is_found)
{
    check_finds(-4, 0);
    check_finds(-4, INTPTR_MAX / 2);
    check_finds(-4, 0x41414141);
}

TEST(an_overwritten_handle_word_is_found)
{
    check_finds(-3, 0);
    check_finds(-3, -1);
    check_finds(-3, 0x41414141);
}

TEST(a_table_entry_that_points_elsewhere_is_found)
{
    pool_open(&pool, 16 * KB);
    for (int i = 0; i < 5; i++)
        alloc_filled(&pool, 500, NULL);
    pool.ctx.handle_table[-3].alloc = data_of(&pool, 2);
    CHECK_PANIC(buflib_check_valid(&pool.ctx));
    pool.ctx.handle_table[-3].alloc = pool.memory + pool.size + 1000;
    CHECK_PANIC(buflib_check_valid(&pool.ctx));
    pool_close(&pool);
}

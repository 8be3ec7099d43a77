/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a pool counts, every figure after something that must change it; and its map. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rockmem/buflib_stats.h>
#include <rockmem/core_alloc.h>
#include <rockmem/purgeable.h>

#include "check.h"
#include "victim.h"

static struct buflib_stats stats_of(struct pool *pool)
{
    struct buflib_stats stats;
    memset(&stats, 0x5a, sizeof(stats));
    buflib_get_stats(&pool->ctx, &stats);
    return stats;
}

void core_allocator_init(void)
{
    static char memory[16 * KB] __attribute__((aligned(16)));
    buflib_init(&core_ctx, memory, sizeof(memory));
}

TEST(a_pool_not_used_so_far_has_counted_nothing_and_is_one_span)
{
    pool_open(&pool, 16 * KB);
    struct buflib_stats stats = stats_of(&pool);
    CHECK_EQ(stats.free - HEADER, buflib_available(&pool.ctx));
    CHECK_EQ(stats.largest_hole, stats.free);
    CHECK_EQ(stats.largest_span, stats.free);
    stats.free = stats.largest_hole = stats.largest_span = 0;
    struct buflib_stats none = { 0 };
    CHECK(memcmp(&stats, &none, sizeof(none)) == 0);
    pool_close(&pool);
}

TEST(a_pool_too_small_for_anything_has_figures)
{
    pool_open(&pool, 3 * WORD);
    CHECK_EQ(buflib_alloc(&pool.ctx, 0), -1);
    struct buflib_stats stats = stats_of(&pool);
    CHECK_EQ(stats.allocs + stats.blocks + stats.free, 0);
    pool_close(&pool);
}

TEST(calls_are_counted_by_kind)
{
    pool_open(&pool, 16 * KB);
    int first = alloc_filled(&pool, 1000, NULL);
    int second = alloc_filled(&pool, 1000, &buflib_ops_locked);
    int third = buflib_alloc_purgeable(&pool.ctx, 1000, 0, BUFLIB_CACHED, 0, NULL);
    CHECK_GT(third, 0);
    CHECK(buflib_shrink(&pool.ctx, second, NULL, 500));
    CHECK(!buflib_shrink(&pool.ctx, second, NULL, 5000));
    buflib_free(&pool.ctx, first);
    CHECK_EQ(buflib_alloc(&pool.ctx, 64 * KB), -2);
    CHECK_EQ(buflib_alloc_purgeable(&pool.ctx, 100, 3, BUFLIB_CACHED, 0, NULL), -2);

    struct buflib_stats stats = stats_of(&pool);
    CHECK_EQ(stats.allocs, 3);
    CHECK_EQ(stats.frees, 1);
    CHECK_EQ(stats.shrinks, 1);
    CHECK_EQ(stats.maximums, 0);
    CHECK_EQ(stats.refused, 2);
    CHECK_EQ(stats.blocks, 2);
    CHECK_EQ(stats.purgeable, 1);
    CHECK_EQ(stats.reclaimed_cached.blocks, 0);

    size_t size;
    size_t served = 0;
    while (buflib_alloc_maximum(&pool.ctx, &size, NULL) > 0)
        served++;
    CHECK_GE(served, 1);
    stats = stats_of(&pool);
    CHECK_EQ(stats.maximums, served + 1);
    CHECK_EQ(stats.allocs, 3 + served);
    CHECK_EQ(stats.refused, 3);
    pool_close(&pool);
}

TEST(freeing_an_empty_handle_counts_nothing)
{
    pool_open(&pool, 16 * KB);
    buflib_free(&pool.ctx, alloc_filled(&pool, 10, NULL));
    buflib_free(&pool.ctx, 0);
    buflib_free(&pool.ctx, -2);
    CHECK_EQ(stats_of(&pool).frees, 1);
    CHECK_EQ(stats_of(&pool).blocks, 0);
    pool_close(&pool);
}

TEST(a_move_counts_its_block_and_bytes_and_a_refusal_its_owner)
{
    victim_with(&moving);
    size_t bytes = rounded(SIZE) + HEADER;
    struct buflib_stats stats = stats_of(&pool);
    CHECK_GE(stats.largest_span, BOTH + HEADER);
    CHECK_LT(stats.largest_hole, BOTH + HEADER);
    CHECK_EQ(stats.moved_blocks, 0);

    seen.refuse = true;
    CHECK_EQ(buflib_alloc(&pool.ctx, BOTH), -2);
    size_t refusals = seen.moves;
    stats = stats_of(&pool);
    CHECK_GE(refusals, 1);
    CHECK_EQ(stats.declined, refusals);
    CHECK_EQ(stats.moved_blocks, 0);

    seen.refuse = false;
    CHECK_GT(buflib_alloc(&pool.ctx, BOTH), 0);
    stats = stats_of(&pool);
    CHECK_EQ(stats.declined, refusals);
    CHECK_EQ(stats.moved_blocks, 1);
    CHECK_EQ(stats.moved_bytes, bytes);
    pool_close(&pool);
}

static int shrinks;

static int gives_nothing(int handle, unsigned hints, void *start, size_t size)
{
    (void)handle, (void)hints, (void)start, (void)size;
    shrinks++;
    return BUFLIB_CB_CANNOT_SHRINK;
}

TEST(owners_that_were_asked_to_shrink_are_counted)
{
    static struct buflib_callbacks ops = { .shrink_callback = gives_nothing };
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 100, &ops);
    alloc_filled(&pool, 100, &ops);
    CHECK_EQ(buflib_alloc(&pool.ctx, buflib_available(&pool.ctx) + WORD), -2);
    CHECK_EQ(shrinks, 2);
    CHECK_EQ(stats_of(&pool).asked, 2);
    pool_close(&pool);
}

static int takes_its_time(int handle, unsigned hints, void *start, size_t size)
{
    (void)handle, (void)hints, (void)start, (void)size;
    check_ticks += 4;
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begun.tv_sec) * 1000000 + (now.tv_nsec - begun.tv_nsec) / 1000 < 31000);
    return BUFLIB_CB_CANNOT_SHRINK;
}

TEST(the_longest_request_is_remembered_callbacks_included)
{
    static struct buflib_callbacks ops = { .shrink_callback = takes_its_time };
    pool_open(&pool, 16 * KB);
    int slow = alloc_filled(&pool, 100, &ops);
    CHECK_EQ(stats_of(&pool).longest_us, 0); /* what finds a hole is not timed */
    CHECK_EQ(buflib_alloc(&pool.ctx, buflib_available(&pool.ctx) + WORD), -2);
    size_t longest = stats_of(&pool).longest_us;
    CHECK_GE(longest, 30000);
    buflib_free(&pool.ctx, slow);
    CHECK_EQ(buflib_alloc(&pool.ctx, 16 * KB - 100), -2);
    CHECK_EQ(stats_of(&pool).longest_us, longest);
    pool_close(&pool);
}

static struct buflib_context *cleaning;

static int move_ok(int handle, void *current, void *target)
{
    (void)handle, (void)current, (void)target;
    return BUFLIB_CB_OK;
}

static int clean_ok(int handle)
{
    buflib_set_dirty(cleaning, handle, false);
    return BUFLIB_CB_OK;
}

TEST(what_is_reclaimed_is_counted_by_class_and_stays_counted)
{
    static const struct buflib_purge_callbacks ops = { .base = { .move_callback = move_ok },
                                                       .clean_callback = clean_ok };
    static const int priorities[4] = { BUFLIB_DISPOSABLE, BUFLIB_CACHED, BUFLIB_SOON, BUFLIB_CACHED };
    pool_open(&pool, 32 * KB);
    cleaning = &pool.ctx;
    for (int i = 0; i < 4; i++) {
        int handle = buflib_alloc_purgeable(&pool.ctx, 1000 * (i + 1), 0, priorities[i], 0, &ops);
        CHECK_GT(handle, 0);
        if (i == 3)
            buflib_set_dirty(&pool.ctx, handle, true);
    }
    struct buflib_stats stats = stats_of(&pool);
    CHECK_GE(stats.disposable, 1000);
    CHECK_GE(stats.soon, 3000);
    CHECK_GE(stats.probation, 2000 + 4000);
    CHECK_EQ(stats.purgeable, 4);

    size_t size;
    int all = buflib_alloc_maximum(&pool.ctx, &size, NULL); /* with them the lists go, not the figures */
    CHECK_GT(all, 0);
    stats = stats_of(&pool);
    const struct buflib_reclaimed *classes[4] = { &stats.reclaimed_disposable, &stats.reclaimed_cached,
                                                  &stats.reclaimed_soon, &stats.reclaimed_dirty };
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(classes[i]->blocks, 1);
        CHECK_GE(classes[i]->bytes, 1000 * (size_t)(i + 1));
        CHECK_LT(classes[i]->bytes, 1000 * (size_t)(i + 1) + 20 * WORD);
    }
    CHECK_EQ(stats.purgeable, 0);
    CHECK_EQ(stats.frees, 0);
    CHECK_EQ(stats.blocks, 1);
    CHECK_EQ(stats.allocs, 5);
    pool_close(&pool);
}

TEST(the_largest_span_lies_between_blocks_that_cannot_move)
{
    pool_open(&pool, 16 * KB);
    strip_fill(&strip, &pool, 500, NULL);
    int run = strip_run(&strip, &pool, 8, 1);
    size_t bytes = rounded(500) + HEADER;
    strip_free(&strip, &pool, run + 1);
    strip_free(&strip, &pool, run + 3);
    strip_free(&strip, &pool, run + 6);
    struct buflib_stats stats = stats_of(&pool);
    CHECK_GE(stats.largest_span, 3 * bytes);
    CHECK_GE(stats.free, stats.largest_span);
    buflib_pin(&pool.ctx, strip.handle[run + 4]);
    CHECK_LT(stats_of(&pool).largest_span, 3 * bytes);
    CHECK_GE(stats_of(&pool).largest_span, 2 * bytes);
    CHECK_EQ(stats_of(&pool).free, stats.free);
    pool_close(&pool);
}

TEST(figures_outlive_the_move_of_the_whole_pool)
{
    static char elsewhere[16 * KB] __attribute__((aligned(16)));
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 100, NULL);
    buflib_free(&pool.ctx, alloc_filled(&pool, 200, NULL));
    struct buflib_stats before = stats_of(&pool);
    CHECK(buflib_context_relocate(&pool.ctx, elsewhere));
    memcpy(elsewhere, pool.memory, pool.size);
    struct buflib_stats after = stats_of(&pool);
    CHECK(memcmp(&before, &after, sizeof(after)) == 0);
    CHECK_EQ(after.allocs, 2);
}

TEST(the_core_pool_has_figures_too)
{
    struct buflib_stats stats;
    core_allocator_init();
    CHECK_GT(core_alloc(100), 0);
    core_get_stats(&stats);
    CHECK_EQ(stats.allocs, 1);
    CHECK_EQ(stats.blocks, 1);
}

/* ---- the map --------------------------------------------------------------------------- */

enum { LINE = 96, LINES = 512 };

/* A line of the map, taken apart. */
struct line {
    unsigned long offset, size;
    int handle; /* 0 where there is none */
    char what[LINE];
};

static struct line lines[LINES];

/* Reads the whole map through a buffer of this size; the number of lines. */
static int read_map(size_t bufsize)
{
    static char text[LINE * LINES];
    int count = 0;
    size_t from = 0;
    do {
        memset(text, '?', sizeof(text));
        from = buflib_print_map(&pool.ctx, from, text, bufsize);
        CHECK(memchr(text, '\0', bufsize) != NULL);
        for (char *at = text; *at; count++) {
            char handle[12], *end = strchr(at, '\n');
            CHECK(end != NULL);
            CHECK_LT(end - at, LINE - 1);
            *end = '\0';
            CHECK_LT(count, LINES);
            struct line *line = &lines[count];
            CHECK_EQ(sscanf(at, "%lu %lu %11s  %[^\n]", &line->offset, &line->size, handle, line->what), 4);
            line->handle = strcmp(handle, "-") == 0 ? 0 : atoi(handle);
            at = end + 1;
        }
    } while (from != 0);
    return count;
}

static const char *what_is(int handle, int count)
{
    for (int i = 0; i < count; i++)
        if (lines[i].handle == handle)
            return lines[i].what;
    return "not there";
}

static void check_what(int handle, const char *what)
{
    const char *found = what_is(handle, read_map(LINE * LINES));
    if (strcmp(found, what) != 0)
        check_fail(__FILE__, __LINE__, "handle %d is %s, not %s", handle, found, what);
}

TEST(the_map_covers_the_pool_without_gaps_whatever_the_buffer)
{
    pool_open(&pool, 16 * KB);
    strip_fill(&strip, &pool, 300, NULL);
    for (int i = 0; i < strip.count; i += 3)
        strip_free(&strip, &pool, i);
    buflib_alloc_purgeable(&pool.ctx, 100, 0, BUFLIB_CACHED, 0, NULL);
    static const size_t sizes[] = { LINE * LINES, LINE, 200, 4000 };
    for (int k = 0; k < 4; k++) {
        int count = read_map(sizes[k]);
        CHECK_GT(count, strip.count);
        unsigned long offset = 0;
        for (int i = 0; i < count; i++) {
            CHECK_EQ(lines[i].offset, offset);
            offset += lines[i].size;
        }
        CHECK_EQ(offset, pool.size);
        CHECK(strcmp(lines[count - 1].what, "index") == 0);
        CHECK(strcmp(lines[count - 2].what, "handles") == 0);
        for (int i = 0; i < strip.count; i++) {
            if (i % 3 == 0)
                continue;
            int at = 0;
            while (lines[at].handle != strip.handle[i])
                CHECK_LT(++at, count);
            CHECK_EQ(lines[at].offset + HEADER, data_of(&pool, strip.handle[i]) - pool.memory);
        }
    }
    pool_close(&pool);
}

TEST(the_map_tells_what_holds_for_each_block)
{
    static const struct buflib_purge_callbacks ops = { .base = { .move_callback = move_ok } };
    pool_open(&pool, 32 * KB);
    int used = alloc_filled(&pool, 100, NULL);
    int locked = alloc_filled(&pool, 100, &buflib_ops_locked);
    int hole = alloc_filled(&pool, 100, NULL);
    int block = buflib_alloc_purgeable(&pool.ctx, 100, 0, BUFLIB_DISPOSABLE, 0, &ops);
    buflib_free(&pool.ctx, hole);
    check_what(used, "used");
    check_what(locked, "locked");
    check_what(hole, "not there");
    check_what(block, "disposable");
    buflib_pin(&pool.ctx, used);
    buflib_pin(&pool.ctx, used);
    check_what(used, "used pinned 2");
    buflib_set_priority(&pool.ctx, block, BUFLIB_SOON, 3);
    check_what(block, "soon");
    buflib_set_priority(&pool.ctx, block, BUFLIB_NOW, 0);
    check_what(block, "now");
    buflib_set_priority(&pool.ctx, block, BUFLIB_CACHED, 0);
    buflib_set_dirty(&pool.ctx, block, true);
    check_what(block, "cached dirty");
    buflib_io_begin(&pool.ctx, block);
    check_what(block, "cached dirty io pinned 1");
    int count = read_map(LINE * LINES), lists = 0, holes = 0;
    for (int i = 0; i < count; i++) {
        lists += strcmp(lines[i].what, "lists") == 0;
        holes += strcmp(lines[i].what, "free") == 0;
        CHECK(lines[i].handle > 0 || strcmp(lines[i].what, "used") != 0);
    }
    CHECK_EQ(lists, 1);
    CHECK_GE(holes, 1);
    pool_close(&pool);
}

TEST(a_pool_not_used_so_far_is_one_line)
{
    pool_open(&pool, 16 * KB);
    CHECK_EQ(read_map(LINE), 1);
    CHECK(strcmp(lines[0].what, "unused") == 0);
    CHECK_EQ(lines[0].size, pool.size);
    pool_close(&pool);
}

TEST(a_buffer_for_no_line_gets_its_beginning_and_the_map_ends)
{
    char text[12];
    size_t from = 0;
    int calls = 0;
    pool_open(&pool, 16 * KB);
    alloc_filled(&pool, 100, NULL);
    CHECK_EQ(buflib_print_map(&pool.ctx, 0, text, 0), 0);
    CHECK_EQ(buflib_print_map(&pool.ctx, 0, NULL, 10), 0);
    do {
        memset(text, '?', sizeof(text));
        from = buflib_print_map(&pool.ctx, from, text, sizeof(text));
        CHECK_EQ(strlen(text), sizeof(text) - 1);
    } while (from != 0 && ++calls < 10);
    CHECK_LT(calls, 10);
    memset(text, '?', sizeof(text));
    CHECK_EQ(buflib_print_map(&pool.ctx, 1 << 20, text, sizeof(text)), 0); /* behind the end: nothing */
    CHECK_EQ(text[0], '\0');
    pool_close(&pool);
}

static char seen_while_moving[LINE];

static int looks_at_itself(int handle, void *current, void *target)
{
    (void)current, (void)target;
    strcpy(seen_while_moving, what_is(handle, read_map(LINE * LINES)));
    return BUFLIB_CB_OK;
}

TEST(a_callback_may_look_at_the_map)
{
    static struct buflib_callbacks ops = { .move_callback = looks_at_itself };
    victim_with(&ops);
    CHECK_GT(buflib_alloc(&pool.ctx, BOTH), 0);
    CHECK(strcmp(seen_while_moving, "used moving") == 0);
    pool_close(&pool);
}

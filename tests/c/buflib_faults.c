/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Broken callers and broken pools: each ends in panicf, which is told the handle, before
 * anything in the pool is written.
 *
 * The header of a block is four words below its data: length, handle, ops, pin count.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "pool.h"

static struct pool pool;

enum { LENGTH_WORD = -4, HANDLE_WORD = -3 };

/* Three blocks; the one in the middle is the one that things go wrong with. */
static int three_blocks(void)
{
    pool_open(&pool, 16 * KB);
    for (int i = 0; i < 3; i++)
        alloc_filled(&pool, 500, NULL);
    return 2;
}

static void overwrite(int handle, int word, intptr_t value)
{
    intptr_t *data = (intptr_t *)(void *)data_of(&pool, handle);
    data[word] = value;
}

/* ---- handles that are none ----------------------------------------------------------- */

static const int not_positive[] = { 0, -1, -2, -1000, INT_MIN };

TEST(a_handle_that_is_not_positive_panics_in_the_pin_functions)
{
    three_blocks();
    for (size_t i = 0; i < sizeof(not_positive) / sizeof(*not_positive); i++) {
        int handle = not_positive[i];
        CHECK_PANIC_NAMES(handle, buflib_pin(&pool.ctx, handle));
        CHECK_PANIC_NAMES(handle, buflib_unpin(&pool.ctx, handle));
        CHECK_PANIC_NAMES(handle, buflib_pin_count(&pool.ctx, handle));
    }
    pool_close(&pool);
}

/* divergence: upstream reads its handle table beyond the end. */
DIVERGENCE_TEST(a_handle_that_is_not_positive_panics_in_shrink)
{
    three_blocks();
    for (size_t i = 0; i < sizeof(not_positive) / sizeof(*not_positive); i++) {
        int handle = not_positive[i];
        CHECK_PANIC_NAMES(handle, buflib_shrink(&pool.ctx, handle, NULL, 0));
    }
    pool_close(&pool);
}

static void every_use_panics(int handle)
{
    CHECK_PANIC_NAMES(handle, buflib_free(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_shrink(&pool.ctx, handle, NULL, 0));
    CHECK_PANIC_NAMES(handle, buflib_shrink(&pool.ctx, handle, pool.memory, 1));
    CHECK_PANIC_NAMES(handle, buflib_pin(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_unpin(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_pin_count(&pool.ctx, handle));
#if ROCKMEM_THREADS
    CHECK_PANIC_NAMES(handle, buflib_get_data(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_get_data_pinned(&pool.ctx, handle));
#endif
}

/* divergence: upstream follows the null pointer in the table. */
DIVERGENCE_TEST(a_freed_handle_panics_wherever_it_is_used)
{
    int handle = three_blocks();
    buflib_free(&pool.ctx, handle);
    every_use_panics(handle);
    pool_close(&pool);
}

/* divergence: upstream follows whatever lies below the table. */
DIVERGENCE_TEST(a_handle_never_given_panics_wherever_it_is_used)
{
    static const int never[] = { 4, 5, 17, 100, 1000, 100000, INT_MAX - 1, INT_MAX };
    three_blocks();
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        every_use_panics(never[i]);
    pool_close(&pool);
}

/* divergence: the same; the number means something in another pool. */
DIVERGENCE_TEST(a_handle_of_another_pool_panics)
{
    static struct pool other;
    pool_open(&other, 16 * KB);
    int foreign = 0;
    for (int i = 0; i < 10; i++)
        foreign = alloc_filled(&other, 100, NULL);
    three_blocks();
    every_use_panics(foreign);
    CHECK(is_filled(&other, foreign, 100));
    pool_close(&pool);
    pool_close(&other);
}

/* divergence: the first handle of an empty pool was never given either. */
DIVERGENCE_TEST(any_handle_panics_in_an_empty_pool)
{
    pool_open(&pool, 1 * KB);
    every_use_panics(1);
    every_use_panics(200);
    pool_close(&pool);
}

/* divergence: upstream walks wild memory after a double free. */
DIVERGENCE_TEST(a_double_free_panics_however_the_pool_looks)
{
    for (int last = 1; last <= 3; last++) {
        three_blocks();
        for (int i = 1; i <= last; i++)
            buflib_free(&pool.ctx, i);
        for (int i = 1; i <= last; i++)
            CHECK_PANIC_NAMES(i, buflib_free(&pool.ctx, i));
        pool_close(&pool);
    }
}

/* divergence: a stale handle in a callback's hands is no better. */
DIVERGENCE_TEST(a_freed_handle_panics_after_its_space_was_given_to_another)
{
    int handle = three_blocks();
    buflib_free(&pool.ctx, 1);
    buflib_free(&pool.ctx, handle);
    int big = alloc_filled(&pool, 900, NULL);
    CHECK_EQ(big, 1);
    every_use_panics(handle);
    CHECK(is_filled(&pool, big, 900));
    pool_close(&pool);
}

/* ---- pins ---------------------------------------------------------------------------- */

TEST(one_unpin_too_many_panics)
{
    int handle = three_blocks();
    CHECK_PANIC_NAMES(handle, buflib_unpin(&pool.ctx, handle));
    buflib_pin(&pool.ctx, handle);
    buflib_pin(&pool.ctx, handle);
    buflib_unpin(&pool.ctx, handle);
    buflib_unpin(&pool.ctx, handle);
    CHECK_PANIC_NAMES(handle, buflib_unpin(&pool.ctx, handle));
    pool_close(&pool);
}

#if ROCKMEM_THREADS
/* divergence: upstream's inline put counts below zero. */
DIVERGENCE_TEST(one_put_too_many_panics)
{
    int handle = three_blocks();
    char *data = buflib_get_data_pinned(&pool.ctx, handle);
    buflib_put_data_pinned(&pool.ctx, data);
    CHECK_PANIC_NAMES(handle, buflib_put_data_pinned(&pool.ctx, data));
    pool_close(&pool);
}

/* divergence: the same, with a pointer that is nobody's. No handle is known then. */
DIVERGENCE_TEST(a_put_of_a_pointer_that_is_no_data_panics)
{
    int handle = three_blocks();
    char *data = buflib_get_data_pinned(&pool.ctx, handle);
    static char elsewhere[64];
    CHECK_PANIC(buflib_put_data_pinned(&pool.ctx, NULL));
    CHECK_PANIC(buflib_put_data_pinned(&pool.ctx, elsewhere + 32));
    CHECK_PANIC(buflib_put_data_pinned(&pool.ctx, pool.memory));
    CHECK_PANIC(buflib_put_data_pinned(&pool.ctx, pool.memory + pool.size));
    CHECK_PANIC(buflib_put_data_pinned(&pool.ctx, data + 64));
    buflib_put_data_pinned(&pool.ctx, data);
    pool_close(&pool);
}
#endif

/* ---- overwritten headers ------------------------------------------------------------- */

static const intptr_t wrong_words[] = {
    0, 1, 2, -1, -4, 0x41414141, INTPTR_MAX, INTPTR_MIN, INTPTR_MIN + 1, INTPTR_MAX / WORD, 4096,
};

/* divergence: upstream looks at lengths only when it walks the pool. */
DIVERGENCE_TEST(an_overwritten_length_panics_in_free_and_shrink)
{
    for (size_t i = 0; i < sizeof(wrong_words) / sizeof(*wrong_words); i++) {
        int handle = three_blocks();
        overwrite(handle, LENGTH_WORD, wrong_words[i]);
        CHECK_PANIC_NAMES(handle, buflib_free(&pool.ctx, handle));
        CHECK_PANIC_NAMES(handle, buflib_shrink(&pool.ctx, handle, NULL, 100));
        pool_close(&pool);
    }
}

/* divergence: upstream looks at the handle word only when it moves or asks the block. */
DIVERGENCE_TEST(an_overwritten_handle_word_panics_in_free_and_shrink)
{
    for (size_t i = 0; i < sizeof(wrong_words) / sizeof(*wrong_words); i++) {
        int handle = three_blocks();
        intptr_t *data = (intptr_t *)(void *)data_of(&pool, handle);
        if (data[HANDLE_WORD] == wrong_words[i])
            continue; /* then it is not wrong */
        overwrite(handle, HANDLE_WORD, wrong_words[i]);
        CHECK_PANIC_NAMES(handle, buflib_free(&pool.ctx, handle));
        CHECK_PANIC_NAMES(handle, buflib_shrink(&pool.ctx, handle, NULL, 100));
        pool_close(&pool);
    }
}

/* divergence: two blocks that claim the same handle. */
DIVERGENCE_TEST(a_header_that_names_the_neighbour_panics)
{
    int handle = three_blocks();
    intptr_t *neighbour = (intptr_t *)(void *)data_of(&pool, 1);
    overwrite(handle, HANDLE_WORD, neighbour[HANDLE_WORD]);
    CHECK_PANIC_NAMES(handle, buflib_free(&pool.ctx, handle));
    CHECK_PANIC_NAMES(handle, buflib_shrink(&pool.ctx, handle, NULL, 100));
    pool_close(&pool);
}

/* divergence: upstream merges with what it takes for a neighbour without a look at it. */
DIVERGENCE_TEST(a_block_that_wrote_past_its_end_is_found_when_it_is_freed)
{
    three_blocks();
    char *data = data_of(&pool, 1);
    memset(data, 'A', rounded(500) + HEADER); /* over the header of block 2 */
    CHECK_PANIC(buflib_free(&pool.ctx, 1));
    CHECK_PANIC_NAMES(2, buflib_free(&pool.ctx, 2));
    pool_close(&pool);
}

static void request_panics(int word, intptr_t value)
{
    static struct strip strip;
    pool_open(&pool, 16 * KB);
    strip_fill(&strip, &pool, 500, NULL);
    for (int i = 1; i < strip.count; i += 2)
        strip_free(&strip, &pool, i);
    /* a request that must compact has to look at every block sooner or later */
    size_t most = (size_t)(strip.count / 2) * (500 + HEADER) - HEADER;
    int handle = strip.handle[strip.count / 4 * 2];
    overwrite(handle, word, value);
    CHECK_PANIC(buflib_alloc(&pool.ctx, most));
    pool_close(&pool);
}

TEST(an_overwritten_length_panics_when_the_pool_is_compacted)
{
    request_panics(LENGTH_WORD, 0);
    request_panics(LENGTH_WORD, INTPTR_MAX / 2);
    request_panics(LENGTH_WORD, 0x41414141);
}

TEST(an_overwritten_handle_word_panics_when_the_pool_is_compacted)
{
    request_panics(HANDLE_WORD, 0);
    request_panics(HANDLE_WORD, -1);
    request_panics(HANDLE_WORD, 0x41414141);
}

/* ---- what is said -------------------------------------------------------------------- */

static void letters_of(const char *message, char *letters)
{
    for (; *message; message++)
        if (isalpha((unsigned char)*message))
            *letters++ = *message;
    *letters = '\0';
}

/* divergence: upstream has no words for most of these. */
DIVERGENCE_TEST(different_faults_are_told_in_different_words)
{
    enum { FAULTS = 4 };
    struct check_panic panics[FAULTS];
    char said[FAULTS][512];
    int handle = three_blocks();
    panics[0] = PANIC_OF(buflib_unpin(&pool.ctx, handle));
    panics[1] = PANIC_OF(buflib_pin(&pool.ctx, 1234));
    panics[2] = PANIC_OF(buflib_free(&pool.ctx, handle); buflib_free(&pool.ctx, handle));
    overwrite(handle, HANDLE_WORD, INTPTR_MAX);
    panics[3] = PANIC_OF(buflib_free(&pool.ctx, handle));
    for (int i = 0; i < FAULTS; i++) {
        CHECK(panics[i].raised);
        letters_of(panics[i].message, said[i]);
        for (int j = 0; j < i; j++)
            if (strcmp(said[i], said[j]) == 0)
                check_fail(__FILE__, __LINE__, "two faults, one message: %s", panics[i].message);
    }
    pool_close(&pool);
}

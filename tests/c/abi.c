/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program compiled against another buflib.h relies on. This file includes no header of
 * the library: the layout and the functions are spelled out, as such a program has them inside.
 *
 *     context   six words, the first points at the end of the table of handles
 *     table     handle n is the pointer n words below that end
 *     header    four words below the data, rounded down to a word; the last is the pin count
 */
#include <string.h>

#include "check.h"

struct words {
    void *word[6];
};

struct ops {
    int (*move)(int handle, void *current, void *target);
    int (*shrink)(int handle, unsigned hints, void *start, size_t size);
    void (*sync)(int handle, bool lock);
};

extern struct words core_ctx;
extern struct ops buflib_ops_locked;

void buflib_init(struct words *context, void *memory, size_t size);
int buflib_alloc(struct words *context, size_t size);
int buflib_alloc_ex(struct words *context, size_t size, struct ops *ops);
int buflib_free(struct words *context, int handle);
bool buflib_shrink(struct words *context, int handle, void *start, size_t size);
unsigned buflib_pin_count(struct words *context, int handle);
void buflib_unpin(struct words *context, int handle);
int core_alloc(size_t size);
int core_free(int handle);

enum { WORD = sizeof(void *), POOL = 16 * 1024 };

static char memory[POOL] __attribute__((aligned(16)));

/* Two contexts side by side: a library that thinks its context larger damages the second. */
static struct words contexts[2];

static char *get_data(struct words *context, int handle)
{
    return ((char **)context->word[0])[-handle];
}

static volatile unsigned *pins_of(char *data)
{
    return (volatile unsigned *)((uintptr_t)data / WORD * WORD - WORD);
}

static struct words *open_pool(void)
{
    memset(contexts, 0x7E, sizeof(contexts));
    buflib_init(&contexts[0], memory, POOL);
    return &contexts[0];
}

static void close_pool(void)
{
    struct words untouched;
    memset(&untouched, 0x7E, sizeof(untouched));
    CHECK(memcmp(&contexts[1], &untouched, sizeof(untouched)) == 0);
}

TEST(the_context_is_six_words)
{
    struct words *context = open_pool();
    int handle = buflib_alloc(context, 100);
    CHECK(buflib_shrink(context, handle, NULL, 50));
    buflib_free(context, handle);
    close_pool();
}

TEST(the_table_of_handles_ends_where_the_first_word_says)
{
    struct words *context = open_pool();
    char *table = context->word[0];
    CHECK(table > memory && table <= memory + POOL);
    for (int handle = 1; handle <= 30; handle++) {
        CHECK_EQ(buflib_alloc(context, 100), handle);
        char *data = get_data(context, handle);
        CHECK(data >= memory + 4 * WORD && data + 100 <= memory + POOL);
        memset(data, handle, 100);
    }
    for (int handle = 1; handle <= 30; handle++)
        for (int i = 0; i < 100; i++)
            CHECK_EQ(get_data(context, handle)[i], handle);
    close_pool();
}

TEST(a_freed_handle_reads_as_a_null_pointer)
{
    struct words *context = open_pool();
    buflib_alloc(context, 100);
    buflib_alloc(context, 100);
    buflib_free(context, 1);
    CHECK(get_data(context, 1) == NULL);
    close_pool();
}

TEST(the_pin_count_is_the_word_below_the_data)
{
    struct words *context = open_pool();
    int handle = buflib_alloc(context, 1000);
    char *data = get_data(context, handle);
    CHECK_EQ(*pins_of(data), 0);
    *pins_of(data) += 2; /* as an inline get_data_pinned does */
    CHECK_EQ(buflib_pin_count(context, handle), 2);
    buflib_unpin(context, handle);
    CHECK_EQ(*pins_of(data), 1);
    CHECK(buflib_shrink(context, handle, data + 203, 500));
    CHECK(get_data(context, handle) == data + 203);
    CHECK_EQ(*pins_of(data + 203), 1);
    *pins_of(data + 203) -= 1;
    CHECK_EQ(buflib_pin_count(context, handle), 0);
    close_pool();
}

TEST(a_pin_counted_inline_keeps_the_block_in_place)
{
    struct words *context = open_pool();
    int handles[20];
    int count = 0;
    while (count < 20 && (handles[count] = buflib_alloc(context, 1000)) > 0)
        count++;
    CHECK_LT(count, 20);
    char *pinned = get_data(context, handles[5]);
    *pins_of(pinned) += 1;
    for (int i = 0; i < count; i += 2)
        buflib_free(context, handles[i]);
    CHECK_GT(buflib_alloc(context, 2000), 0);
    CHECK_GT(buflib_alloc(context, 2000), 0);
    CHECK(get_data(context, handles[5]) == pinned);
    CHECK_EQ(*pins_of(pinned), 1);
    close_pool();
}

TEST(the_locked_ops_are_three_null_pointers)
{
    CHECK(!buflib_ops_locked.move);
    CHECK(!buflib_ops_locked.shrink);
    CHECK(!buflib_ops_locked.sync);
}

static int asked;

static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    asked++;
    CHECK_EQ(handle, 1);
    CHECK(hints & (1u << 31)); /* the front */
    CHECK_GT(hints & ~(3u << 30), 0);
    CHECK_LE(hints & ~(3u << 30), 2000 + 4 * WORD); /* a hole before the block counts */
    CHECK(start == get_data(&contexts[0], handle));
    CHECK_GE(size, 15000);
    return 1;
}

TEST(callbacks_are_called_as_three_pointers_in_this_order)
{
    struct words *context = open_pool();
    static struct ops ops = { NULL, on_shrink, NULL };
    CHECK_EQ(buflib_alloc_ex(context, 15000, &ops), 1);
    CHECK_EQ(buflib_alloc(context, 2000), -2);
    CHECK_EQ(asked, 1);
    close_pool();
}

TEST(the_core_context_is_such_a_context)
{
    buflib_init(&core_ctx, memory, POOL);
    int handle = core_alloc(100);
    CHECK_EQ(handle, 1);
    char *data = get_data(&core_ctx, handle);
    CHECK(data >= memory && data + 100 <= memory + POOL);
    CHECK_EQ(core_free(handle), 0);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core_alloc: the functions of buflib on the one pool of the program, which the program opens. */
#define BUFLIB_DEBUG_PRINT
#define BUFLIB_DEBUG_CHECK_VALID

#include <string.h>

#include <rockmem/core_alloc.h>

#include "check.h"
#include "pool.h"

enum { POOL = 64 * KB };

static char memory[POOL] __attribute__((aligned(16)));

void core_allocator_init(void)
{
    buflib_init(&core_ctx, memory, sizeof(memory));
    check_watch(memory, sizeof(memory));
    check_watch(&core_ctx, sizeof(core_ctx));
}

static int core_filled(size_t size, struct buflib_callbacks *ops)
{
    int handle = core_alloc_ex(size, ops);
    CHECK_GT(handle, 0);
    fill_bytes(core_get_data(handle), handle, size);
    return handle;
}

static bool core_is_filled(int handle, size_t size)
{
    return bytes_are(core_get_data(handle), handle, size);
}

TEST(core_blocks_lie_in_the_memory_of_the_program)
{
    core_allocator_init();
    int first = core_alloc(1000);
    int second = core_filled(2000, NULL);
    CHECK_EQ(first, 1);
    CHECK_EQ(second, 2);
    char *data = core_get_data(first);
    CHECK(data >= memory && data + 1000 <= memory + POOL);
    CHECK_EQ(core_free(first), 0);
    CHECK_EQ(core_free(0), 0);
    CHECK_EQ(core_alloc(10), first);
    CHECK(core_is_filled(second, 2000));
    CHECK_EQ(core_alloc(POOL), -2);
}

TEST(core_and_buflib_on_core_ctx_are_the_same_pool)
{
    core_allocator_init();
    int handle = core_filled(3000, NULL);
    CHECK(buflib_get_data(&core_ctx, handle) == core_get_data(handle));
    CHECK_EQ(buflib_available(&core_ctx), core_available());
    CHECK_EQ(buflib_allocatable(&core_ctx), core_allocatable());
    CHECK_EQ(buflib_free(&core_ctx, handle), 0);
    CHECK_EQ(core_alloc(1), handle);
}

TEST(core_pins)
{
    core_allocator_init();
    int handle = core_filled(100, NULL);
    core_pin(handle);
    CHECK_EQ(core_pin_count(handle), 1);
    char *data = core_get_data_pinned(handle);
    CHECK(data == core_get_data(handle));
    CHECK_EQ(core_pin_count(handle), 2);
    core_put_data_pinned(data);
    core_unpin(handle);
    CHECK_EQ(core_pin_count(handle), 0);
    CHECK_PANIC_NAMES(handle, core_unpin(handle));
    CHECK_PANIC_NAMES(0, core_pin(0));
    CHECK_PANIC_NAMES(-2, core_pin_count(-2));
}

TEST(core_shrink_keeps_what_it_is_told_to_keep)
{
    core_allocator_init();
    int handle = core_filled(4000, NULL);
    int other = core_filled(100, NULL);
    size_t available = core_available();
    char *start = core_get_data(handle);
    CHECK(core_shrink(handle, start, 3000));
    CHECK_EQ(core_available(), available + 1000);
    CHECK(core_is_filled(handle, 3000));
    CHECK(core_shrink(handle, start + 1000, 2000));
    CHECK(core_get_data(handle) == start + 1000);
    CHECK(!core_shrink(handle, start, 100));
    CHECK(core_shrink(handle, NULL, 0));
    CHECK(core_is_filled(other, 100));
}

TEST(core_available_and_allocatable_tell_what_is_left)
{
    core_allocator_init();
    size_t fresh = core_available();
    CHECK_GT(fresh, POOL - 100 * WORD);
    CHECK_LE(core_allocatable(), fresh);
    int handle = core_filled(10000, NULL);
    CHECK_LE(core_available(), fresh - 10000);
    int all = core_alloc(core_allocatable());
    CHECK_GT(all, 0);
    core_free(all);
    core_free(handle);
    CHECK_EQ(core_available(), fresh);
}

static int asked;

static int on_shrink(int handle, unsigned hints, void *start, size_t size)
{
    CHECK(core_get_data(handle) == start);
    asked++;
    size_t wanted = hints & BUFLIB_SHRINK_SIZE_MASK;
    if ((hints & BUFLIB_SHRINK_POS_MASK) == BUFLIB_SHRINK_POS_MASK) {
        CHECK_EQ(core_free(handle), 0);
        return BUFLIB_CB_OK;
    }
    CHECK_LE(wanted, size);
    CHECK(core_shrink(handle, (char *)start + wanted, size - wanted));
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks audio = { .shrink_callback = on_shrink };

TEST(core_alloc_maximum_takes_all_and_gives_way)
{
    core_allocator_init();
    int before = core_filled(500, NULL);
    size_t size = 0;
    int handle = core_alloc_maximum(&size, &audio);
    CHECK_GT(handle, 0);
    CHECK_GT(size, POOL - 500 - 100 * WORD);
    memset(core_get_data(handle), 0x33, size);
    int second = core_filled(8000, NULL);
    CHECK_EQ(asked, 1);
    CHECK(core_is_filled(before, 500));
    CHECK(core_is_filled(second, 8000));
    CHECK_EQ(*(char *)core_get_data(handle), 0x33);

    size_t other_size = 0;
    int other = core_alloc_maximum(&other_size, &buflib_ops_locked);
    CHECK_GT(other, 0);
    CHECK_EQ(asked, 2);
    CHECK_GT(other_size, POOL - 500 - 8000 - 200 * WORD);
    CHECK(core_is_filled(second, 8000));
}

TEST(core_debug_functions_look_at_the_core_pool)
{
    char line[40];
    core_allocator_init();
    core_check_valid();
    int empty = core_get_num_blocks();
    int handle = core_filled(500, NULL);
    int behind = core_filled(500, NULL);
    CHECK_EQ(core_get_num_blocks(), empty + 2);
    CHECK(core_print_block_at(0, line, sizeof(line)));
    CHECK(!core_print_block_at(core_get_num_blocks(), line, sizeof(line)));
    CHECK_EQ(line[0], '\0');
    core_check_valid();
    ((intptr_t *)core_get_data(handle))[-4] = 0;
    CHECK_PANIC(core_check_valid());
    CHECK(core_is_filled(behind, 500));
}

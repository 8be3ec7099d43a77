/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How deep the stacks of a player's threads get: each call runs on a stack that was painted, and what it wrote over is
 * counted. It prints a line for each: the bytes, and the call.
 *
 *     main ── on_stack ─► | paint paint … | frames of the call |      a thread that calls the library
 *                 │       | paint paint … | frames             |      the buffering thread
 *                 └─ the two change over where one of them waits
 *
 * Below is what docs/porting.md asks for, over two files in memory, as small as can be: what a tree's own file system
 * needs comes on top of what is told for files.
 */
#include <rockmem/buffering.h>
#include <rockmem/core_alloc.h>
#include <rockmem/file.h>
#include <rockmem/mmap.h>
#include <rockmem/tree.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KB 1024
#define CHECK(condition) \
    do \
    { \
        if (!(condition)) \
        { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* ---- stacks ------------------------------------------------------------------------------------------------------ */

enum
{
    STACK = 16 * KB,
    PAINT = 0xa5,
};

struct stack
{
    uint8_t bytes[STACK];
} __attribute__((aligned(16)));

static struct stack callers, threads;

/* Calls a function on a stack that ends at `top`. */
void on_stack(void *top, void (*call)(void));
__asm__("    .text\n"
        "    .global on_stack\n"
        "    .type on_stack, %function\n"
#if defined(__thumb__)
        "    .syntax unified\n"
        "    .thumb_func\n"
        "on_stack:\n"
        "    push {r4, lr}\n"
        "    mov r4, sp\n"
        "    mov sp, r0\n"
        "    blx r1\n"
        "    mov sp, r4\n"
        "    pop {r4, pc}\n"
#elif defined(__arm__)
        "on_stack:\n"
        "    push {r4, lr}\n"
        "    mov r4, sp\n"
        "    mov sp, r0\n"
        "    mov lr, pc\n" /* ARMv4T has no blx */
        "    bx r1\n"
        "    mov sp, r4\n"
        "    pop {r4, lr}\n"
        "    bx lr\n"
#elif defined(__mips__)
        "    .set push\n"
        "    .set noreorder\n"
        "on_stack:\n"
        "    addiu $sp, $sp, -32\n"
        "    sw $ra, 28($sp)\n"
        "    sw $s0, 24($sp)\n"
        "    move $s0, $sp\n"
        "    addiu $sp, $a0, -16\n"
        "    move $t9, $a1\n"
        "    jalr $t9\n"
        "    nop\n"
        "    move $sp, $s0\n"
        "    lw $s0, 24($sp)\n"
        "    lw $ra, 28($sp)\n"
        "    jr $ra\n"
        "    addiu $sp, $sp, 32\n"
        "    .set pop\n"
#endif
);

static void paint(struct stack *stack)
{
    memset(stack->bytes, PAINT, STACK);
}

static size_t depth(const struct stack *stack)
{
    size_t clean = 0;
    while (clean < STACK && stack->bytes[clean] == PAINT)
        clean++;
    return STACK - clean;
}

static void tell(size_t bytes, const char *what)
{
    CHECK(bytes < STACK);
    printf("%u %s\n", (unsigned)bytes, what);
}

/* Measures a call. */
static void measure(const char *what, void (*call)(void))
{
    paint(&callers);
    on_stack(callers.bytes + STACK, call);
    tell(depth(&callers), what);
}

/* ---- the kernel -------------------------------------------------------------------------------------------------- */

static jmp_buf caller, thread;
static void (*entry)(void);
static bool started, in_thread, locked;

void panicf(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    exit(1);
}

void rmport_lock(void)
{
    CHECK(!locked);
    locked = true;
}

void rmport_unlock(void)
{
    CHECK(locked);
    locked = false;
}

/* A turn of the thread, up to its next wait. */
static void turn(void)
{
    if (!entry || setjmp(caller))
        return;
    in_thread = true;
    if (started)
        longjmp(thread, 1);
    started = true;
    on_stack(threads.bytes + STACK, entry);
}

void rmport_wait(uint32_t channel, int32_t ticks)
{
    (void)channel, (void)ticks;
    rmport_unlock();
    if (!in_thread)
        turn();
    else if (setjmp(thread) == 0)
    {
        in_thread = false;
        longjmp(caller, 1);
    }
    rmport_lock();
}

void rmport_wake(uint32_t channel)
{
    (void)channel;
}

uint32_t rmport_ticks(void)
{
    static uint32_t ticks;
    return ticks++;
}

uint32_t rmport_asker(void)
{
    return in_thread ? 0 : 2;
}

int32_t rmport_thread_start(void (*begin)(void))
{
    entry = begin;
    return 0;
}

const void *rmport_thread(void)
{
    return &errno;
}

void rmport_set_errno(int32_t error)
{
    errno = error;
}

/* ---- the files --------------------------------------------------------------------------------------------------- */

enum
{
    SONG = 0, /* numbers of files, descriptors and streams are one */
    DATA = 1,
    SONG_BYTES = 700 * KB,
    DATA_BYTES = 200 * KB,
};

static uint8_t song[SONG_BYTES], data[DATA_BYTES];
static uint8_t *const contents[] = { song, data };
static uint64_t lengths[] = { SONG_BYTES, DATA_BYTES };

static void identify(int32_t stream, uint64_t *identity)
{
    memcpy(identity, (uint64_t[]){ 1, (uint64_t)stream, lengths[stream], 0 }, 4 * sizeof *identity);
}

int32_t rmport_open(const char *path, uint32_t how, uint64_t *identity)
{
    (void)how;
    if (strcmp(path, "song") != 0)
        return -ENOENT;
    identify(SONG, identity);
    return SONG;
}

int32_t rmport_claim(int32_t fd, uint32_t *mode, uint64_t *identity)
{
    if (fd != SONG && fd != DATA)
        return -EBADF;
    *mode = 3;
    identify(fd, identity);
    return fd;
}

int32_t rmport_close(int32_t stream)
{
    (void)stream;
    return 0;
}

int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes)
{
    if (offset + bytes > lengths[stream])
        bytes = offset < lengths[stream] ? (uint32_t)(lengths[stream] - offset) : 0;
    memcpy(buffer, contents[stream] + offset, bytes);
    return (int32_t)bytes;
}

int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes)
{
    CHECK(offset + bytes <= DATA_BYTES);
    memcpy(contents[stream] + offset, buffer, bytes);
    if (offset + bytes > lengths[stream])
        lengths[stream] = offset + bytes;
    return (int32_t)bytes;
}

int32_t rmport_truncate(int32_t stream, uint64_t size)
{
    lengths[stream] = size;
    return 0;
}

int32_t rmport_sync(int32_t stream, uint64_t *identity)
{
    identify(stream, identity);
    return 0;
}

uint32_t rmport_space(int32_t stream, uint64_t *room)
{
    (void)stream;
    *room = UINT64_MAX;
    return 4096;
}

/* ---- the calls --------------------------------------------------------------------------------------------------- */

static uint8_t memory[400 * KB] __attribute__((aligned(32)));
static int handles[64], last, map;
static unsigned count;
static uint8_t buffer[32 * KB];
static unsigned seed = 1;

void core_allocator_init(void)
{
    buflib_init(&core_ctx, memory, sizeof(memory));
}

static int moves(int handle, void *from, void *to)
{
    (void)handle, (void)from, (void)to;
    return BUFLIB_CB_OK;
}

static int shrinks(int handle, unsigned hints, void *start, size_t bytes)
{
    (void)hints;
    return core_shrink(handle, start, bytes / 2) ? BUFLIB_CB_OK : BUFLIB_CB_CANNOT_SHRINK;
}

static struct buflib_callbacks movable = { .move_callback = moves };
static struct buflib_callbacks yielding = { .move_callback = moves, .shrink_callback = shrinks };

static void alloc(void)
{
    last = core_alloc(1000);
    CHECK(last > 0);
}

static void get(void)
{
    CHECK(core_get_data(last) != NULL);
}

static void pin(void)
{
    core_pin(last);
    core_unpin(last);
}

static void shrink(void)
{
    CHECK(core_shrink(last, core_get_data(last), 500));
}

static void free_it(void)
{
    CHECK(core_free(last) == 0);
}

/* Holes of 5 KB between blocks that can move. */
static void scatter(struct buflib_callbacks *ops)
{
    for (count = 0; count < 64; count++)
        if ((handles[count] = core_alloc_ex(5 * KB, ops)) <= 0)
            break;
    CHECK(count == 64);
    for (unsigned i = 0; i < 64; i += 2)
        handles[i] = core_free(handles[i]);
}

static void gather(void)
{
    for (unsigned i = 0; i < count; i++)
        core_free(handles[i]);
}

static void alloc_large(void)
{
    last = core_alloc(150 * KB);
    CHECK(last > 0);
}

static void alloc_larger(void)
{
    last = core_alloc(260 * KB);
    CHECK(last > 0);
}

static void alloc_all(void)
{
    size_t size;
    last = core_alloc_maximum(&size, NULL);
    CHECK(last > 0 && size > 100 * KB);
}

static void read_some(void)
{
    for (int i = 0; i < 60; i++)
    {
        seed = seed * 1664525 + 1013904223;
        uint32_t at = (seed >> 8) % (SONG_BYTES - sizeof buffer), bytes = 1 + (seed >> 4) % sizeof buffer;
        CHECK(rm_tree_read(SONG, at, buffer, bytes) == (int32_t)bytes);
        CHECK(memcmp(buffer, song + at, bytes) == 0);
    }
}

static void write_some(void)
{
    uint64_t end;
    for (int i = 0; i < 60; i++)
    {
        seed = seed * 1664525 + 1013904223;
        uint32_t at = (seed >> 8) % (uint32_t)(lengths[DATA] - sizeof buffer), bytes = 1 + (seed >> 4) % sizeof buffer;
        memset(buffer, i, bytes);
        CHECK(rm_tree_write(DATA, at, buffer, bytes, &end) == (int32_t)bytes && end == at + bytes);
    }
}

static void sync_it(void)
{
    CHECK(rm_tree_sync(DATA) == 0);
}

static void idle(void)
{
    CHECK(rm_tree_idle(true) == 0);
}

static void truncate_it(void)
{
    CHECK(rm_tree_truncate(DATA, 100 * KB) == 0 && rm_tree_size(DATA) == 100 * KB);
}

static void close_it(void)
{
    CHECK(rm_tree_close(DATA) == 0 && rm_tree_close(SONG) == 0);
}

static void map_it(void)
{
    map = mmap_create(DATA, MMAP_READWRITE, 0, 60 * KB);
    CHECK(map > 0);
}

static void map_read(void)
{
    CHECK(mmap_read_wait(map, 0, 60 * KB) == 0);
    CHECK(mmap_get(map) != NULL);
    mmap_put(map);
}

static void map_write(void)
{
    CHECK(mmap_write_wait(map, 100, 50 * KB) == 0);
    memset((uint8_t *)mmap_get(map) + 100, 1, 50 * KB);
    mmap_put(map);
}

static void map_sync(void)
{
    CHECK(mmap_sync_wait(map, 0, 60 * KB) == 0);
}

static void map_end(void)
{
    CHECK(mmap_destroy_wait(map, 60 * KB) == 0);
}

static void begin(void)
{
    CHECK(buffering_reset(NULL, 0));
}

static void open_song(void)
{
    last = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(last > 0);
}

static void play(void)
{
    for (uint32_t at = 0; at < SONG_BYTES; at += 8 * KB)
    {
        void *now;
        CHECK(bufgetdata(last, 8 * KB, &now) >= (ssize_t)(8 * KB < SONG_BYTES - at ? 8 * KB : SONG_BYTES - at));
        CHECK(memcmp(now, song + at, 8 * KB < SONG_BYTES - at ? 8 * KB : SONG_BYTES - at) == 0);
        if (at < SONG_BYTES - 9 * KB)
            CHECK(bufadvance(last, 8 * KB) == 0);
    }
}

static void seek(void)
{
    CHECK(bufseek(last, 3) == 0 && bufread(last, 20000, buffer) == 20000 && memcmp(buffer, song + 3, 20000) == 0);
}

static void close_song(void)
{
    CHECK(bufclose(last));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 4 * KB);
    for (size_t i = 0; i < SONG_BYTES; i++)
        song[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    core_allocator_init();
    measure("core_alloc", alloc);
    measure("core_get_data", get);
    measure("core_pin, core_unpin", pin);
    measure("core_shrink", shrink);
    measure("core_free", free_it);
    scatter(&movable);
    measure("core_alloc that moves blocks", alloc_large);
    measure("core_free of a large block", free_it);
    gather();
    scatter(&yielding);
    measure("core_alloc that has blocks shrunk", alloc_larger);
    free_it();
    measure("core_alloc_maximum", alloc_all);
    free_it();
    gather();

    measure("rm_tree_read", read_some);
    measure("rm_tree_write", write_some);
    measure("core_alloc that evicts", alloc_larger);
    free_it();
    measure("rm_tree_sync", sync_it);
    write_some();
    measure("rm_tree_idle", idle);
    measure("mmap_create", map_it);
    measure("mmap_read_wait, mmap_get", map_read);
    measure("mmap_write_wait", map_write);
    measure("mmap_sync_wait", map_sync);
    map_write();
    measure("mmap_destroy_wait", map_end);
    measure("rm_tree_truncate", truncate_it);
    write_some();
    measure("rm_tree_close", close_it);

    paint(&threads);
    measure("buffering_reset", begin);
    measure("bufopen", open_song);
    measure("bufgetdata, bufadvance", play);
    measure("bufseek, bufread", seek);
    measure("bufclose", close_song);
    tell(depth(&threads), "the buffering thread");
    return 0;
}

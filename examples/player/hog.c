/* The other user of the memory: a thread that allocates and frees while the music plays, 100 requests for every second
 * of music, from 16 bytes to a quarter of the pool, at most half of the pool at a time.
 *
 * Blocks are of three kinds, as a player's are:
 *   PLAIN     no callbacks: moved at any time, reached through a pinned pointer
 *   TRACKED   sync and move callbacks: its owner keeps the pointer, under a lock that a move has to wait for; one move
 *             in sixteen is refused
 *   LOCKED    never moved; small ones only, as in a player
 * Each is filled with a pattern of its own and compared with it before it is freed. */
#include "player.h"

#include <rockmem/core_alloc.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 96
#define PER_SECOND 100
#define LOCKED_MAX 4096

enum kind { PLAIN, TRACKED, LOCKED };

struct block {
    int handle;            /* 0 = no block here */
    enum kind kind;
    size_t size;
    uint64_t pattern, due; /* freed when that many requests were made */
    unsigned char *data;   /* of a TRACKED block */
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock;  /* everything here but the blocks */
    pthread_cond_t more, met; /* more music; a request was made */
    double music;
    bool stop;
    struct hog_result result;
    size_t pool;
    uint64_t random;
} hog = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .met = PTHREAD_COND_INITIALIZER };

/* Blocks belong to the allocating thread; `moving` guards handle and data of each, which a move in any thread reads
 * and changes, and the two counters. The allocating thread calls nothing of the library while it holds it. */
static struct block blocks[BLOCKS];
static pthread_mutex_t moving = PTHREAD_MUTEX_INITIALIZER;
static uint64_t asked, moved; /* move callbacks, and those that agreed */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x7fb5d329728ea185u;
    x = (x ^ (x >> 27)) * 0x81dadef4bc2dd44du;
    return x ^ (x >> 33);
}

static uint64_t chance(uint64_t below)
{
    return mix(hog.random += 0x9e3779b97f4a7c15u) % below;
}

/* ---- callbacks: in any thread, between sync(true) and sync(false) ---- */

static void on_sync(int handle, bool begins)
{
    (void)handle;
    if (begins)
        pthread_mutex_lock(&moving);
    else
        pthread_mutex_unlock(&moving);
}

static int on_move(int handle, void *current, void *new)
{
    (void)current;
    if (mix(++asked) % 16 == 0)
        return BUFLIB_CB_CANNOT_MOVE;
    moved++;
    for (struct block *b = blocks; b < blocks + BLOCKS; b++)
        if (b->handle == handle)
            b->data = new;
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks tracked = { .move_callback = on_move, .shrink_callback = NULL, .sync_callback = on_sync };

/* ---- pattern ---- */

static void fill(unsigned char *data, size_t size, uint64_t pattern)
{
    uint64_t word = pattern;
    size_t i = 0;
    for (; i + 8 <= size; i += 8, word += 0x9e3779b97f4a7c15u)
        memcpy(data + i, &word, 8);
    for (; i < size; i++)
        data[i] = (unsigned char)pattern;
}

static bool filled(const unsigned char *data, size_t size, uint64_t pattern)
{
    uint64_t word = pattern;
    size_t i = 0;
    for (; i + 8 <= size; i += 8, word += 0x9e3779b97f4a7c15u)
        if (memcmp(data + i, &word, 8) != 0)
            return false;
    for (; i < size; i++)
        if (data[i] != (unsigned char)pattern)
            return false;
    return true;
}

/* ---- blocks ---- */

static void release(struct block *b)
{
    bool good;
    if (b->kind == TRACKED) { /* through the pointer that its callback keeps */
        pthread_mutex_lock(&moving);
        good = filled(b->data, b->size, b->pattern);
        pthread_mutex_unlock(&moving);
    } else {
        void *data = core_get_data_pinned(b->handle);
        good = filled(data, b->size, b->pattern);
        core_put_data_pinned(data);
    }
    int handle = b->handle;
    pthread_mutex_lock(&moving);
    b->handle = 0;
    pthread_mutex_unlock(&moving);
    core_free(handle);

    pthread_mutex_lock(&hog.lock);
    hog.result.checked++;
    hog.result.damaged += !good;
    pthread_mutex_unlock(&hog.lock);
}

static bool request(struct block *b, size_t size, enum kind kind, uint64_t due)
{
    struct buflib_callbacks *ops = kind == TRACKED ? &tracked : kind == LOCKED ? &buflib_ops_locked : NULL;
    int handle = core_alloc_ex(size, ops);
    if (handle <= 0)
        return false;
    /* Pinned until it is known to its callback and filled. */
    unsigned char *data = core_get_data_pinned(handle);
    uint64_t pattern = mix(hog.random + (uint64_t)handle);
    pthread_mutex_lock(&moving);
    *b = (struct block){ .handle = handle, .kind = kind, .size = size, .pattern = pattern, .due = due, .data = data };
    pthread_mutex_unlock(&moving);
    fill(data, size, pattern);
    core_put_data_pinned(data);
    return true;
}

/* Frees what is due, then makes room: a place for a block, and `size` bytes below half of the pool. */
static struct block *make_room(uint64_t now, size_t size)
{
    size_t used = 0;
    struct block *place = NULL;
    for (struct block *b = blocks; b < blocks + BLOCKS; b++) {
        if (b->handle && b->due <= now)
            release(b);
        if (b->handle)
            used += b->size;
        else
            place = b;
    }
    while (!place || used + size > hog.pool / 2) {
        struct block *b = &blocks[chance(BLOCKS)];
        if (!b->handle)
            continue;
        used -= b->size;
        release(b);
        place = b;
    }
    return place;
}

/* As many small requests as large ones: the size's logarithm is even. Every 32nd is the largest there is. */
static size_t any_size(uint64_t number)
{
    double top = log2((double)hog.pool / 4), bits = 4 + (top - 4) * (double)chance(1 << 20) / (1 << 20);
    return number % 32 == 31 ? hog.pool / 4 : (size_t)exp2(bits);
}

static void *run(void *unused)
{
    (void)unused;
    for (uint64_t number = 0;; number++) {
        pthread_mutex_lock(&hog.lock);
        while (!hog.stop && (double)number >= hog.music * PER_SECOND)
            pthread_cond_wait(&hog.more, &hog.lock);
        bool stop = hog.stop;
        pthread_mutex_unlock(&hog.lock);
        if (stop)
            break;
        size_t size = any_size(number);
        enum kind kind = size <= LOCKED_MAX && chance(8) == 0 ? LOCKED : chance(2) ? TRACKED : PLAIN;
        struct block *place = make_room(number, size);
        bool granted = request(place, size, kind, number + 1 + chance(200));
        pthread_mutex_lock(&hog.lock);
        hog.result.requests++;
        if (granted) {
            hog.result.granted++;
            hog.result.bytes += size;
            hog.result.largest = size > hog.result.largest ? size : hog.result.largest;
        }
        pthread_cond_signal(&hog.met);
        pthread_mutex_unlock(&hog.lock);
    }
    for (struct block *b = blocks; b < blocks + BLOCKS; b++)
        if (b->handle)
            release(b);
    return NULL;
}

void hog_start(const struct options *options)
{
    hog.pool = options->pool;
    hog.random = options->seed;
    if (pthread_create(&hog.thread, NULL, run, NULL) != 0) {
        fputs("player: cannot start the allocating thread\n", stderr);
        exit(1);
    }
}

void hog_music(double seconds)
{
    pthread_mutex_lock(&hog.lock);
    hog.music += seconds;
    pthread_cond_signal(&hog.more);
    while (hog.music * PER_SECOND > (double)hog.result.requests + PER_SECOND)
        pthread_cond_wait(&hog.met, &hog.lock);
    pthread_mutex_unlock(&hog.lock);
}

struct hog_result hog_now(void)
{
    pthread_mutex_lock(&hog.lock);
    struct hog_result result = hog.result;
    pthread_mutex_unlock(&hog.lock);
    pthread_mutex_lock(&moving);
    result.moved = moved;
    pthread_mutex_unlock(&moving);
    return result;
}

struct hog_result hog_stop(void)
{
    pthread_mutex_lock(&hog.lock);
    hog.stop = true;
    pthread_cond_signal(&hog.more);
    pthread_mutex_unlock(&hog.lock);
    pthread_join(hog.thread, NULL);
    return hog_now();
}

/* Decoded music on its way to the WAV file: buffers of the audio pool, handed from the decoder to a thread that writes.
 *
 *   decoder:  audio_pool_get ─> decode into it ─> [ queue, at most 16 buffers ] ─> write ─> audio_pool_put  :writer
 *                  ^                                                                            |
 *                  └──────────────────────────── the pool ──────────────────────────────────────┘
 *
 * A decoder that finds the queue full waits for the writer. After an error the writer only puts back what it gets. */
#include "player.h"

#include <rockmem/audio_pool.h>

#include <pthread.h>
#include <stdlib.h>

#define QUEUE 16
#define FRAMES 1024          /* in a buffer at most */
#define BUFFER_MAX 262144    /* bytes: audio_pool_create takes no larger ones */

struct output {
    SNDFILE *file;
    bool integers;
    int pool;
    sf_count_t room;         /* frames in a buffer */
    pthread_t thread;
    pthread_mutex_t lock;    /* what follows */
    pthread_cond_t changed;
    struct chunk { void *frames; sf_count_t count; } queue[QUEUE];
    size_t first, queued;
    bool ended, failed;
};

static bool write_chunk(const struct output *o, const struct chunk *chunk)
{
    sf_count_t put = o->integers ? sf_writef_int(o->file, chunk->frames, chunk->count)
                                 : sf_writef_double(o->file, chunk->frames, chunk->count);
    return put == chunk->count;
}

static void *writer(void *user)
{
    struct output *o = user;
    pthread_mutex_lock(&o->lock);
    for (;;) {
        while (o->queued == 0 && !o->ended)
            pthread_cond_wait(&o->changed, &o->lock);
        if (o->queued == 0)
            break;
        struct chunk chunk = o->queue[o->first];
        o->first = (o->first + 1) % QUEUE;
        o->queued--;
        bool good = !o->failed;
        pthread_cond_signal(&o->changed);
        pthread_mutex_unlock(&o->lock);
        good = good && write_chunk(o, &chunk);
        good = audio_pool_put(o->pool, chunk.frames) == 0 && good;
        pthread_mutex_lock(&o->lock);
        o->failed |= !good;
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

struct output *output_start(SNDFILE *file, const SF_INFO *info)
{
    struct output *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->file = file;
    o->integers = samples_are_integers(info);
    size_t width = (o->integers ? sizeof(int) : sizeof(double)) * (size_t)info->channels;
    o->room = BUFFER_MAX / width < FRAMES ? (sf_count_t)(BUFFER_MAX / width) : FRAMES;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->pool = audio_pool_create((size_t)o->room * width, 2 * QUEUE, 0);
    if (o->pool > 0 && pthread_create(&o->thread, NULL, writer, o) == 0)
        return o;
    if (o->pool > 0)
        audio_pool_destroy(o->pool);
    free(o);
    return NULL;
}

void *output_buffer(struct output *o, sf_count_t *room)
{
    *room = o->room;
    return audio_pool_get(o->pool, NULL);
}

bool output_push(struct output *o, void *frames, sf_count_t count)
{
    if (count <= 0) {
        audio_pool_put(o->pool, frames);
        return false;
    }
    pthread_mutex_lock(&o->lock);
    while (o->queued == QUEUE)
        pthread_cond_wait(&o->changed, &o->lock);
    o->queue[(o->first + o->queued) % QUEUE] = (struct chunk){ frames, count };
    o->queued++;
    bool good = !o->failed;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    return good;
}

bool output_end(struct output *o, struct frame_figures *figures)
{
    pthread_mutex_lock(&o->lock);
    o->ended = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    pthread_join(o->thread, NULL);

    struct audio_pool_stats stats = { 0 };
    bool good = audio_pool_get_stats(o->pool, &stats) == 0 && !o->failed;
    figures->gets = stats.gets;
    figures->hits = stats.hits;
    figures->lost = stats.lent;
    audio_pool_destroy(o->pool);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
    return good;
}

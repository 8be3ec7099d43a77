/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a stream has read ahead is in memory of the pool: whatever becomes of the system's cache, the music goes on.
 */
#include "world.h"

#include <fcntl.h>
#include <sys/mman.h>

const size_t pool_bytes = 8 << 20;

#define SHORT 3000000
#define LONG 30000000
#define STEP 32768
#define SECONDS (2 * 176400) /* two seconds of music */

static void drop(const char *path)
{
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 && close(fd) == 0);
}

/* Pages of the file in the system's cache. */
static size_t cached(const char *path, size_t bytes)
{
    static unsigned char pages[LONG / 4096 + 1];
    int fd = open(path, O_RDONLY);
    void *file = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(fd >= 0 && file != MAP_FAILED && mincore(file, bytes, pages) == 0 && close(fd) == 0);
    munmap(file, bytes);
    size_t sum = 0;
    for (size_t n = 0; n < (bytes + 4095) / 4096; n++)
        sum += pages[n] & 1;
    return sum;
}

static uint64_t underruns(void)
{
    struct rm_stats stats;
    rm_get_stats(&stats);
    return stats.underruns;
}

static void what_was_read_ahead_is_not_read_again(const unsigned char *file)
{
    int id = bufopen("short", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0);
    while (buf_handle_remaining(id) > 0)
        other_threads();
    drop("short");
    if (cached("short", SHORT) > 0)
        fputs("not tested: this system does not drop its cache here\n", stderr);
    size_t before = cached("short", SHORT);
    int reads = disk_reads();
    for (size_t pos = 0; pos < SHORT;)
    {
        void *data;
        ssize_t got = bufgetdata(id, STEP, &data);
        CHECK(got > 0 && memcmp(data, file + pos, (size_t)got) == 0 && bufadvance(id, got) == 0);
        pos += (size_t)got;
    }
    CHECK(reads > 0 && disk_reads() == reads && cached("short", SHORT) <= before && underruns() == 0 && bufclose(id));
}

static volatile int ended;
static volatile int drops;

static void *disturb(void *unused)
{
    unsigned seed = 9;
    int held = 0;
    (void)unused;
    for (; !ended; drops++, other_threads())
    {
        drop("long");
        held = held > 0 ? core_free(held) : core_alloc(dice(&seed, pool_bytes / 3));
    }
    core_free(held);
    return NULL;
}

static void music_goes_on_while_the_systems_cache_is_dropped(const unsigned char *file)
{
    int id = bufopen("long", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0);
    buf_set_base_handle(id);
    buf_set_watermark(4 * SECONDS);
    pthread_t thread = thread_start(disturb, NULL);
    for (size_t pos = 0; pos < LONG || drops < 50;)
    {
        if (pos == LONG)
        {
            pos = 0;
            CHECK(bufseek(id, 0) == 0);
        }
        /* While two seconds play, the thread that fills has its turn. */
        if (pos % SECONDS < STEP)
            while (LONG - pos - (size_t)buf_handle_remaining(id) < SECONDS + 2 * STEP && buf_handle_remaining(id) > 0)
                other_threads();
        void *data;
        ssize_t got = bufgetdata(id, STEP, &data);
        CHECK(got > 0 && memcmp(data, file + pos, (size_t)got) == 0 && bufadvance(id, got) == 0);
        pos += (size_t)got;
    }
    ended = 1;
    thread_join(thread);
    CHECK(underruns() == 0 && bufclose(id));
}

int main(void)
{
    core_allocator_init();
    buffering_init();
    free(make_file("short", SHORT));
    unsigned char *file = make_file("long", LONG);
    CHECK(buffering_reset(NULL, 0));
    what_was_read_ahead_is_not_read_again(file);
    music_goes_on_while_the_systems_cache_is_dropped(file);
    puts("resident as promised");
    return 0;
}

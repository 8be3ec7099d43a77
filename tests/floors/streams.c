/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Buffering through the C face: a long file is played in the steps of a decoder while another thread takes and gives
 * core memory, then everything else that the header declares.
 */
#include "world.h"

#include <sys/resource.h>

const size_t pool_bytes = 2000000;

#define SIZE 6000000

/* Where handles live: in the core pool, or in a region of the player's. */
static char *region;
static size_t memory;

static bool begin_anew(void)
{
    return buffering_reset(region, region ? memory : 0);
}

static volatile int ended;
static volatile int asked, given;

static void *others(void *argument)
{
    int held[3] = { 0, 0, 0 };
    unsigned seed = 5;
    (void)argument;
    while (!ended)
    {
        int *one = &held[dice(&seed, 3)];
        if (*one > 0)
            *one = core_free(*one);
        else
        {
            size_t size = 1000 + dice(&seed, pool_bytes / 4 - 1000);
            *one = core_alloc(size);
            asked++;
            if (*one > 0)
            {
                given++;
                void *data = core_get_data_pinned(*one);
                memset(data, 0x55, size);
                core_put_data_pinned(data);
            }
        }
        other_threads();
    }
    for (int i = 0; i < 3; i++)
        core_free(held[i]);
    return NULL;
}

static void play(const unsigned char *file)
{
    static char copy[70000];
    unsigned seed = 6;
    size_t pos = 0;
    int id = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0 && buf_is_handle(id) && buf_handle_data_type(id) == TYPE_PACKET_AUDIO);
    CHECK(buf_filesize(id) == SIZE && buf_length() > memory / 2 && buf_length() < memory);
    buf_set_base_handle(id);
    buf_set_watermark(200000);
    CHECK(buf_get_watermark() == 200000);
    pthread_t thread = thread_start(others, NULL);
    /* Once through the song at least, and until the others have had their say. */
    while (pos < SIZE || asked < 200)
    {
        void *data = NULL;
        if (pos == SIZE)
        {
            pos = 0;
            CHECK(bufseek(id, 0) == 0);
        }
        size_t want = 1 + dice(&seed, 65552);
        size_t promised = want < SIZE - pos ? want : SIZE - pos;
        if (promised > 32768)
            promised = 32768;
        ssize_t got = bufgetdata(id, want, &data);
        CHECK(got >= (ssize_t)promised && got <= (ssize_t)want);
        CHECK(memcmp(data, file + pos, (size_t)got) == 0);
        if (dice(&seed, 50) == 0)
        {
            want = 1 + dice(&seed, sizeof copy - 1);
            got = bufread(id, want, copy);
            CHECK(got == (ssize_t)(want < SIZE - pos ? want : SIZE - pos));
            CHECK(memcmp(copy, file + pos, (size_t)got) == 0);
        }
        size_t step = 1 + dice(&seed, promised);
        CHECK(bufadvance(id, (off_t)step) == 0);
        pos += step;
        CHECK(bufftell(id) == (off_t)pos && buf_handle_offset(id) <= (off_t)pos && buf_handle_remaining(id) >= 0);
        if (dice(&seed, 300) == 0)
        {
            pos = dice(&seed, SIZE);
            CHECK(bufseek(id, pos) == 0);
        }
        other_threads();
    }
    ended = 1;
    thread_join(thread);
    CHECK(bufseek(id, SIZE) == 0 && bufread(id, 1, copy) == 0 && bufgetdata(id, 0, NULL) == 0);
    CHECK(given * 10 >= asked * 9);
    CHECK(bufclose(id) && !buf_is_handle(id));
}

static void the_rest(const unsigned char *file)
{
    struct buffering_debug figures;
    char text[64];
    void *data;
    int id = bufopen("small", 1000, TYPE_ATOMIC_AUDIO, NULL);
    CHECK(id > 0 && bufftell(id) == 1000 && buf_handle_offset(id) == 1000);
    CHECK(bufgetdata(id, 0, &data) == 99000 && memcmp(data, file + 1000, 99000) == 0);
    CHECK(buf_handle_remaining(id) == 0 && buf_used() >= 99000);
    CHECK(buf_pin_handle(id, true) && buf_pin_handle(id, false) && buf_signal_handle(id, true));
    CHECK(bufread(id, 5, text) == 5 && memcmp(text, file + 1000, 5) == 0); /* nothing to wait for */
    CHECK(bufseek(id, 100001) == ERR_INVALID_VALUE && bufadvance(id, -1001) == ERR_INVALID_VALUE);
    buffering_get_debugdata(&figures);
    CHECK(figures.num_handles == 1 && figures.buffered_data == 99000 && figures.data_rem == 0);
    int copy = bufalloc("a cue sheet", 12, TYPE_CUESHEET);
    CHECK(copy > id && bufgetdata(copy, 0, &data) == 12 && strcmp(data, "a cue sheet") == 0);
    strcpy(data, "written");
    CHECK(bufread(copy, 12, text) == 12 && strcmp(text, "written") == 0);
    int empty = bufalloc(NULL, 100, TYPE_RAW_ATOMIC);
    CHECK(empty > copy && bufgetdata(empty, 0, &data) == 100);

    CHECK(bufopen("nothing", 0, TYPE_PACKET_AUDIO, NULL) == ERR_FILE_ERROR);
    CHECK(bufopen("small", 0, TYPE_UNKNOWN, NULL) == ERR_UNSUPPORTED_TYPE);
    CHECK(bufopen("small", 0, TYPE_BITMAP, NULL) == ERR_UNSUPPORTED_TYPE);
    CHECK(bufopen("song", 0, TYPE_ATOMIC_AUDIO, NULL) == ERR_BUFFER_FULL);
    CHECK(bufalloc(NULL, (size_t)-1, TYPE_RAW_ATOMIC) == ERR_BUFFER_FULL);
    CHECK(bufalloc("x", 1, TYPE_UNKNOWN) == ERR_UNSUPPORTED_TYPE);

    CHECK(bufclose(id) && bufclose(id) && bufclose(0) && bufclose(-7));
    CHECK(bufseek(id, 0) == ERR_HANDLE_NOT_FOUND && bufadvance(id, 0) == ERR_HANDLE_NOT_FOUND);
    CHECK(bufftell(id) == ERR_HANDLE_NOT_FOUND && bufread(id, 1, text) == ERR_HANDLE_NOT_FOUND);
    CHECK(bufgetdata(id, 1, &data) == ERR_HANDLE_NOT_FOUND && buf_filesize(id) == ERR_HANDLE_NOT_FOUND);
    CHECK(buf_handle_offset(id) == ERR_HANDLE_NOT_FOUND && buf_handle_remaining(id) == ERR_HANDLE_NOT_FOUND);
    CHECK(buf_handle_data_type(id) == ERR_HANDLE_NOT_FOUND && !buf_pin_handle(id, true) && !buf_signal_handle(id, 1));

    CHECK(begin_anew() && !buf_is_handle(copy) && !buf_is_handle(empty) && buf_used() == 0);
    CHECK(!buffering_reset(text, sizeof text) && bufopen("song", 0, TYPE_PACKET_AUDIO, NULL) == ERR_BUFFER_FULL);
    CHECK(begin_anew());
}

/* The system, or the glue, has no stream left: with songs open there will be one later. */
static void no_stream_left(void)
{
    struct rlimit before, few;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few = before;
    int first = dup(0);
    CHECK(first >= 0 && close(first) == 0);
    int id = bufopen("small", 0, TYPE_PACKET_AUDIO, NULL);
    int next = dup(0);
    CHECK(id > 0 && next >= 0 && close(next) == 0);

    few.rlim_cur = next;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(bufopen("song", 0, TYPE_PACKET_AUDIO, NULL) == ERR_BUFFER_FULL);
    CHECK(bufclose(id));
    /* The thread that reads may have it a little longer. */
    while ((id = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL)) == ERR_FILE_ERROR)
        other_threads();
    CHECK(id > 0 && bufclose(id));
    few.rlim_cur = first;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(bufopen("song", 0, TYPE_PACKET_AUDIO, NULL) == ERR_FILE_ERROR);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

/* What a player does for buffering. */

struct tags
{
    char title[32];
};

static volatile int resets, finished, bursts;

static void event(unsigned short event, void *data)
{
    if (event == BUFFER_EVENT_BUFFER_RESET)
        resets++;
    if (event == BUFFER_EVENT_FINISHED)
    {
        CHECK(buf_handle_data_type(*(int *)data) == TYPE_ID3);
        finished = *(int *)data;
    }
}

static void parse(const char *path, void *id3)
{
    snprintf(((struct tags *)id3)->title, 32, "title of %s", path);
}

static ssize_t paint(const char *path, uint64_t offset, void *user, void *into, size_t room)
{
    size_t size = *(size_t *)user;
    CHECK(strcmp(path, "cover") == 0 && offset == 7);
    if (into)
        memset(into, 0x77, room < size ? room : size);
    return (ssize_t)(into ? size : size + 1000);
}

static void fill(int begins)
{
    bursts += begins;
}

static void tags_and_pictures(void)
{
    const struct buffering_hooks hooks = { event, sizeof(struct tags), parse, NULL, paint, fill };
    size_t size = 3000;
    void *data;
    CHECK(bufopen("song", 0, TYPE_ID3, NULL) == ERR_UNSUPPORTED_TYPE);
    buffering_set_hooks(&hooks);
    CHECK(begin_anew() && resets == 1);
    int id = bufopen("song", 0, TYPE_ID3, NULL);
    CHECK(id > 0 && buf_filesize(id) == sizeof(struct tags));
    CHECK(bufgetdata(id, 0, &data) == sizeof(struct tags));
    CHECK(strcmp(((struct tags *)data)->title, "title of song") == 0);
    while (finished != id)
        other_threads();
    CHECK(bursts > 0);
    int cover = bufopen("cover", 7, TYPE_BITMAP, &size);
    CHECK(cover > id && buf_filesize(cover) == 3000 && buf_handle_remaining(cover) == 0);
    CHECK(bufgetdata(cover, 0, &data) == 3000 && ((char *)data)[2999] == 0x77);
    size = pool_bytes;
    CHECK(bufopen("cover", 7, TYPE_BITMAP, &size) == ERR_BITMAP_TOO_LARGE);
    CHECK(bufclose(id) && bufclose(cover));
    buffering_set_hooks(NULL);
    CHECK(begin_anew() && resets == 1);
}

int main(void)
{
    unsigned char *song = make_file("song", SIZE);
    core_allocator_init();
    CHECK(bufopen("song", 0, TYPE_PACKET_AUDIO, NULL) == ERR_BUFFER_FULL); /* before the first reset */
    CHECK(buf_length() == 0);
    buffering_init();
    unsigned char *small = make_file("small", 100000);
    for (int home = 0; home < 2; home++)
    {
        memory = home ? 1500000 : pool_bytes;
        region = home ? malloc(memory) : NULL;
        ended = asked = given = resets = finished = bursts = 0;
        CHECK(begin_anew());
        play(song);
        the_rest(small);
        no_stream_left();
        tags_and_pictures();
    }
    CHECK(buffering_reset(NULL, 0));
    free(region);
    puts("streams as promised");
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What buffering tells a player, on which thread, what the player may do in its callbacks, and what stays in place.
 */
#include "world.h"

const size_t pool_bytes = 3000000;

#define SMALL 100000
#define SONG 4000000

struct tags
{
    char title[32];
    char *end; /* into itself, as tags of the tree have it */
};

static char *region;
static size_t memory;
static unsigned char *small, *song;

static void begin_anew(void)
{
    CHECK(buffering_reset(region, region ? memory : 0));
}

/* ---- what was heard ---- */

#define HEARD 256
static struct
{
    unsigned short event;
    int id, type;
    pthread_t thread;
} heard[HEARD];
static volatile int count;
static pthread_t filler; /* the thread that parses tags */
static volatile int parsing, held_up; /* a parser is at work; it shall wait */
static void (*volatile in_event)(unsigned short event, int id);

static void event(unsigned short event, void *data)
{
    int id = data ? *(int *)data : 0;
    CHECK(event == BUFFER_EVENT_BUFFER_LOW || event == BUFFER_EVENT_REBUFFER || event == BUFFER_EVENT_FINISHED
          || event == BUFFER_EVENT_BUFFER_RESET); /* the others of the header are never sent */
    CHECK((data == NULL) == (event == BUFFER_EVENT_BUFFER_LOW || event == BUFFER_EVENT_BUFFER_RESET));
    if (count < HEARD)
    {
        heard[count].event = event;
        heard[count].id = id;
        heard[count].type = buf_handle_data_type(id);
        heard[count].thread = pthread_self();
        count++;
    }
    if (in_event)
        in_event(event, id);
}

static int times(unsigned short event, int id)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        n += heard[i].event == event && heard[i].id == id;
    return n;
}

static void until(unsigned short event, int id)
{
    while (times(event, id) == 0)
        other_threads();
}

/* ---- what the player does ---- */

static void parse(const char *path, void *id3)
{
    struct tags *tags = id3;
    filler = pthread_self();
    parsing = 1;
    while (held_up)
        other_threads();
    snprintf(tags->title, sizeof tags->title, "%s", path);
    tags->end = tags->title + strlen(tags->title);
    parsing = 0;
}

static void copy_tags(void *id3, const void *from)
{
    struct tags *tags = id3;
    memcpy(tags, from, sizeof *tags);
    tags->end = tags->title + strlen(tags->title);
}

static pthread_t painter;
static volatile int painting;

/* Goes on when another thread has used handles meanwhile. */
static ssize_t paint(const char *path, uint64_t offset, void *user, void *into, size_t room)
{
    (void)path;
    (void)offset;
    painter = pthread_self();
    if (into)
    {
        painting = user != NULL;
        while (painting)
            other_threads();
        memset(into, 0x42, room);
    }
    return 5000;
}

static volatile int burst; /* a burst of reading is on */

static void fill(int begins)
{
    CHECK(begins == !burst);
    burst = begins;
    if (filler)
        CHECK(pthread_equal(filler, pthread_self()));
}

static const struct buffering_hooks hooks = { event, sizeof(struct tags), parse, copy_tags, paint, fill };

/* ---- */

static void what_is_finished_is_told_once_on_the_buffering_thread(void)
{
    static const enum data_type types[] = { TYPE_CODEC, TYPE_PACKET_AUDIO, TYPE_ATOMIC_AUDIO, TYPE_CUESHEET,
                                            TYPE_RAW_ATOMIC, TYPE_ID3 };
    int ids[6];
    int empty = bufopen("empty", 0, TYPE_PACKET_AUDIO, NULL), cover = bufopen("cover", 0, TYPE_BITMAP, NULL);
    int copy = bufalloc("copy", 5, TYPE_RAW_ATOMIC), nowhere = bufopen("no/such", 0, TYPE_ID3, NULL);
    CHECK(empty > 0 && cover > 0 && copy > 0 && nowhere > 0);
    for (int n = 0; n < 6; n++)
        CHECK((ids[n] = bufopen("small", 0, types[n], NULL)) > 0);
    for (int n = 0; n < 6; n++)
        until(BUFFER_EVENT_FINISHED, ids[n]);
    until(BUFFER_EVENT_FINISHED, nowhere); /* what cannot be opened is finished all the same */
    for (int i = 0; i < count; i++)
        if (heard[i].event == BUFFER_EVENT_FINISHED)
        {
            CHECK(pthread_equal(heard[i].thread, filler) && !pthread_equal(filler, pthread_self()));
            for (int n = 0; n < 6; n++)
                CHECK(heard[i].id != ids[n] || heard[i].type == (int)types[n]);
        }
    for (int n = 0; n < 6; n++)
        CHECK(times(BUFFER_EVENT_FINISHED, ids[n]) == 1 && bufclose(ids[n]));
    CHECK(!times(BUFFER_EVENT_FINISHED, empty) && !times(BUFFER_EVENT_FINISHED, cover) && !times(BUFFER_EVENT_FINISHED, copy));
    CHECK(bufclose(empty) && bufclose(cover) && bufclose(copy) && bufclose(nowhere));
    int id = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL); /* too long for the buffer, until its end is stripped */
    CHECK(id > 0 && bufstripsize(id, 70000) == 70000);
    until(BUFFER_EVENT_FINISHED, id);
    CHECK(bufclose(id));
}

static void a_low_level_is_told_only_when_a_mark_is_armed(void)
{
    int id = bufopen("small", 0, TYPE_PACKET_AUDIO, NULL);
    until(BUFFER_EVENT_FINISHED, id);
    CHECK(times(BUFFER_EVENT_BUFFER_LOW, 0) == 0);
    buf_set_watermark(SMALL + 1);
    until(BUFFER_EVENT_BUFFER_LOW, 0);
    for (int i = 0; i < count; i++)
        CHECK(heard[i].event != BUFFER_EVENT_BUFFER_LOW || pthread_equal(heard[i].thread, filler));
    buf_set_watermark(0);
    CHECK(bufclose(id));
}

/* Opens the song, which is longer than the buffer, and waits until nothing more of it is read. */
static int full_of_song(void)
{
    begin_anew();
    int id = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0);
    buf_set_base_handle(id);
    while (burst || buf_handle_remaining(id) > SONG - (off_t)buf_length() / 2)
        other_threads();
    CHECK(buf_handle_remaining(id) > 500000);
    return id;
}

/* What playback does: looks at 32 KB, goes on. From its position to a place of the song. */
static void play(int id, off_t to)
{
    while (bufftell(id) < to)
    {
        void *data;
        off_t pos = bufftell(id);
        ssize_t got = bufgetdata(id, 32768, &data);
        CHECK(got == (SONG - pos < 32768 ? SONG - pos : 32768) && memcmp(data, song + pos, (size_t)got) == 0);
        CHECK(bufadvance(id, got) == 0);
    }
}

static uint64_t underruns(void)
{
    struct rm_stats stats;
    rm_get_stats(&stats);
    return stats.underruns;
}

static void *play_to_the_end(void *id)
{
    play((int)(intptr_t)id, SONG);
    return NULL;
}

static void playback_that_a_disk_keeps_waiting_goes_on_when_the_disk_does(void)
{
    intptr_t id = full_of_song();
    play((int)id, 100000);
    uint64_t before = underruns();
    disk_stop(1);
    pthread_t thread = thread_start(play_to_the_end, (void *)id);
    off_t left = buf_handle_remaining((int)id);
    while (SONG - left - bufftell((int)id) >= 32768) /* to the end of what is in memory */
        other_threads();
    while (disk_waiters() == 0)
        other_threads();
    CHECK(underruns() == before && buf_handle_remaining((int)id) == left && bufftell((int)id) < SONG);
    disk_stop(0);
    thread_join(thread);
    CHECK(underruns() > before && bufftell((int)id) == SONG);
    CHECK(times(BUFFER_EVENT_REBUFFER, (int)id) == 0); /* there was room, and no jump */
    CHECK(bufclose((int)id));
}

static void a_jump_that_finds_no_room_is_told_on_the_buffering_thread_and_playback_goes_on(void)
{
    static int blocks[384], others[384];
    int n = 0, m = 0;
    int id = full_of_song(), low = times(BUFFER_EVENT_BUFFER_LOW, 0), heard_before = count;
    free(make_file("other", SMALL)); /* in nobody's memory yet */
    disk_stop(1);
    int other = bufopen("other", 0, TYPE_RAW_ATOMIC, NULL);
    CHECK(other > 0);
    while (disk_waiters() == 0) /* the buffering thread waits for the disk */
        other_threads();
    CHECK(bufseek(id, SONG - 900000) == 0);
    for (size_t size = 65536; size >= 512; size /= 2) /* what the jump left behind is somebody else's */
        while ((blocks[n] = bufalloc(NULL, size, TYPE_RAW_ATOMIC)) > 0)
            CHECK(++n < 384);
    for (size_t size = 65536; size >= 512; size /= 2) /* beside a region, a reader who waits may use the pool */
        while ((others[m] = core_alloc(size)) > 0)
            CHECK(++m < 384);
    CHECK(blocks[n] == ERR_BUFFER_FULL && times(BUFFER_EVENT_REBUFFER, id) == 0);
    buf_set_watermark(1000);
    disk_stop(0);
    play(id, SONG - 800000); /* without any memory for it */
    CHECK(times(BUFFER_EVENT_REBUFFER, id) > 0 && times(BUFFER_EVENT_BUFFER_LOW, 0) > low);
    for (int i = heard_before; i < count; i++)
        CHECK(heard[i].event == BUFFER_EVENT_BUFFER_RESET || pthread_equal(heard[i].thread, filler));
    buf_set_watermark(0);
    while (n > 0) /* as playback, which gives the tracks behind it up */
        CHECK(bufclose(blocks[--n]));
    while (m > 0)
        core_free(others[--m]);
    CHECK(bufclose(other));
    int told = times(BUFFER_EVENT_REBUFFER, id);
    play(id, SONG);
    CHECK(times(BUFFER_EVENT_REBUFFER, id) == told && bufclose(id));
}

static int open_one;

static void at_reset(unsigned short event, int id)
{
    CHECK(event != BUFFER_EVENT_BUFFER_RESET || (id == 0 && buf_is_handle(open_one) && bufclose(open_one)));
}

static void a_reset_is_told_by_its_own_thread_before_anything_is_closed(void)
{
    open_one = bufopen("small", 0, TYPE_PACKET_AUDIO, NULL);
    int before = times(BUFFER_EVENT_BUFFER_RESET, 0), from = count;
    in_event = at_reset;
    begin_anew();
    in_event = NULL;
    CHECK(times(BUFFER_EVENT_BUFFER_RESET, 0) == before + 1 && !buf_is_handle(open_one));
    for (int i = from; i < count; i++)
        CHECK(heard[i].event != BUFFER_EVENT_BUFFER_RESET || pthread_equal(heard[i].thread, pthread_self()));
}

static volatile int next;

static void at_end(unsigned short event, int id)
{
    if (event != BUFFER_EVENT_FINISHED || next)
        return;
    CHECK(bufclose(open_one));
    begin_anew();
    CHECK(!buf_is_handle(id));
    next = bufopen("small", 0, TYPE_PACKET_AUDIO, NULL);
}

static void buffering_may_be_reset_and_used_inside_an_event(void)
{
    char byte;
    next = 0;
    open_one = bufalloc(NULL, 100, TYPE_RAW_ATOMIC);
    in_event = at_end;
    CHECK(bufopen("small", 0, TYPE_ID3, NULL) > 0);
    while (next == 0)
        other_threads();
    in_event = NULL;
    CHECK(next > 0 && bufread(next, 1, &byte) == 1 && (unsigned char)byte == small[0] && bufclose(next));
}

/* As a player that has lent all its memory and is asked for some. */

static int lent;
static size_t lent_size;

static int give_back(int handle, unsigned hints, void *start, size_t size)
{
    (void)hints;
    if (lent_size < 1500000)
        return BUFLIB_CB_CANNOT_SHRINK;
    CHECK(handle == lent && size >= lent_size);
    lent_size -= 1200000;
    CHECK(core_shrink(handle, start, lent_size));
    CHECK(buffering_reset(start, lent_size));
    return BUFLIB_CB_OK;
}

static void buffering_may_be_reset_inside_a_shrink_callback(void)
{
    static struct buflib_callbacks ops = { NULL, give_back, NULL };
    char byte;
    CHECK(buffering_reset(NULL, 0));
    lent = core_alloc_maximum(&lent_size, &ops);
    CHECK(lent > 0 && lent_size > 1500000 && buffering_reset(core_get_data(lent), lent_size));
    int id = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0 && bufread(id, 1, &byte) == 1);
    int resets = times(BUFFER_EVENT_BUFFER_RESET, 0);
    int other = core_alloc(900000);
    CHECK(other > 0 && times(BUFFER_EVENT_BUFFER_RESET, 0) > resets && !buf_is_handle(id));
    memset(core_get_data(other), 0xEE, 900000);
    id = bufopen("song", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0 && bufseek(id, SMALL - 1) == 0 && bufread(id, 1, &byte) == 1 && (unsigned char)byte == small[SMALL - 1]);
    begin_anew();
    core_free(other);
    core_free(lent);
}

static volatile int used;

static void *use_handles(void *unused)
{
    char text[100];
    (void)unused;
    while (!painting)
        other_threads();
    int id = bufopen("small", 0, TYPE_PACKET_AUDIO, NULL), block = bufalloc(text, sizeof text, TYPE_RAW_ATOMIC);
    CHECK(id > 0 && block > 0 && bufread(id, 100, text) == 100 && memcmp(text, small, 100) == 0);
    CHECK(bufadvance(id, 500) == 0 && bufclose(id) && bufclose(block));
    used = 1;
    painting = 0;
    return NULL;
}

static void pictures_are_decoded_by_the_caller_while_others_use_handles(void)
{
    void *data;
    used = 0;
    pthread_t thread = thread_start(use_handles, NULL);
    int cover = bufopen("cover", 0, TYPE_BITMAP, (void *)1);
    CHECK(cover > 0 && used && pthread_equal(painter, pthread_self()));
    CHECK(bufgetdata(cover, 0, &data) == 5000 && ((char *)data)[4999] == 0x42 && bufclose(cover));
    thread_join(thread);
}

static volatile ssize_t answer;

static void *wait_for_tags(void *id)
{
    answer = bufgetdata((int)(intptr_t)id, 0, NULL);
    return NULL;
}

static void *close_it(void *id)
{
    CHECK(bufclose((int)(intptr_t)id));
    return NULL;
}

static void a_wait_ends_when_its_handle_is_signaled_or_closed(void)
{
    held_up = 1;
    intptr_t id = bufopen("small", 0, TYPE_ID3, NULL);
    while (!parsing)
        other_threads();
    pthread_t waiter = thread_start(wait_for_tags, (void *)id);
    other_threads();
    CHECK(buf_signal_handle((int)id, true));
    thread_join(waiter);
    CHECK(answer == ERR_HANDLE_NOT_FOUND && buf_signal_handle((int)id, false));
    waiter = thread_start(wait_for_tags, (void *)id);
    pthread_t closer = thread_start(close_it, (void *)id);
    other_threads();
    CHECK(parsing); /* into memory that is still the handle's */
    held_up = 0;
    thread_join(waiter);
    thread_join(closer);
    CHECK(!buf_is_handle((int)id) && (answer == ERR_HANDLE_NOT_FOUND || answer == sizeof(struct tags)));
}

static volatile int asked, ended;

static void *take_memory(void *unused)
{
    int held[4] = { 0, 0, 0, 0 };
    unsigned seed = 3;
    (void)unused;
    for (; !ended; asked++, other_threads())
    {
        int *one = &held[dice(&seed, 4)];
        *one = *one > 0 ? core_free(*one) : core_alloc(1 + dice(&seed, pool_bytes / 4));
    }
    for (int i = 0; i < 4; i++)
        core_free(held[i]);
    return NULL;
}

static void pointers_stay_good_without_a_pin_while_others_take_memory(void)
{
    struct tags *tags, *copied, mine = { "mine", NULL };
    void *info, *sheet, *cover, *whole;
    asked = ended = 0;
    int ids[6] = { bufalloc(NULL, 48, TYPE_RAW_ATOMIC), bufopen("small", 0, TYPE_ID3, NULL), bufalloc(NULL, 73328, TYPE_CUESHEET),
                   bufopen("cover", 0, TYPE_BITMAP, NULL), bufopen("small", 0, TYPE_RAW_ATOMIC, NULL),
                   bufalloc(&mine, sizeof mine, TYPE_ID3) };
    CHECK(bufgetdata(ids[0], 48, &info) == 48 && bufgetdata(ids[1], 0, (void **)&tags) == sizeof *tags);
    CHECK(bufgetdata(ids[2], 0, &sheet) == 73328 && bufgetdata(ids[3], 0, &cover) == 5000);
    CHECK(bufgetdata(ids[4], 0, &whole) == SMALL && bufgetdata(ids[5], 0, (void **)&copied) == sizeof *copied);
    pthread_t thread = thread_start(take_memory, NULL);
    for (int n = 0; asked < 300; n++)
    {
        void *data;
        memset(info, n, 48); /* shared storage, written in place */
        memset(sheet, ~n, 73328);
        int id = bufopen("song", (n * 4096) % SMALL, TYPE_PACKET_AUDIO, NULL);
        ssize_t got = id > 0 ? bufgetdata(id, 32768, &data) : 0;
        CHECK(got >= 0);
        for (int i = 0; i < 20; i++)
            other_threads();
        /* A stream's pointer is good until the next one, too. */
        size_t here = (size_t)((n * 4096) % SMALL), least = SMALL - here < (size_t)got ? SMALL - here : (size_t)got;
        CHECK(memcmp(data, small + here, least) == 0);
        CHECK(id <= 0 || (bufadvance(id, got / 2) == 0 && memcmp((char *)data + got / 2, small + here + got / 2,
            least > (size_t)got / 2 ? least - (size_t)got / 2 : 0) == 0));
        CHECK(id <= 0 || bufclose(id));
        for (int i = 0; i < 48; i++)
            CHECK(((unsigned char *)info)[i] == (unsigned char)n);
        CHECK(((unsigned char *)sheet)[73327] == (unsigned char)~n && strcmp(tags->title, "small") == 0);
        CHECK(tags->end == tags->title + 5 && copied->end == copied->title + 4 && *copied->end == 0);
        CHECK(((char *)cover)[0] == 0x42 && ((char *)cover)[4999] == 0x42 && memcmp(whole, small, SMALL) == 0);
    }
    ended = 1;
    thread_join(thread);
    for (int n = 0; n < 6; n++)
        CHECK(bufclose(ids[n]));
}

int main(void)
{
    core_allocator_init();
    buffering_init();
    small = make_file("small", SMALL);
    song = make_file("song", SONG);
    free(make_file("empty", 0));
    buffering_set_hooks(&hooks);
    for (int home = 0; home < 2; home++)
    {
        memory = home ? 1500000 : pool_bytes;
        region = home ? malloc(memory) : NULL;
        count = 0;
        begin_anew();
        what_is_finished_is_told_once_on_the_buffering_thread();
        a_low_level_is_told_only_when_a_mark_is_armed();
        playback_that_a_disk_keeps_waiting_goes_on_when_the_disk_does();
        a_jump_that_finds_no_room_is_told_on_the_buffering_thread_and_playback_goes_on();
        a_reset_is_told_by_its_own_thread_before_anything_is_closed();
        buffering_may_be_reset_and_used_inside_an_event();
        buffering_may_be_reset_inside_a_shrink_callback();
        pictures_are_decoded_by_the_caller_while_others_use_handles();
        a_wait_ends_when_its_handle_is_signaled_or_closed();
        pointers_stay_good_without_a_pin_while_others_take_memory();
    }
    CHECK(buffering_reset(NULL, 0));
    free(region);
    puts("events as promised");
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Handles, fact by fact: what players count on of every call of buffering.h, in both homes. streams.c plays with them.
 */
#include "world.h"

#include <sys/stat.h>

const size_t pool_bytes = 8 << 20;

#define HANDLES 384
#define SMALL 100000
#define LARGE 12000000
#define HUGE 0x7fffffff

_Static_assert(TYPE_UNKNOWN == 0 && TYPE_ID3 == 1 && TYPE_CODEC == 2 && TYPE_PACKET_AUDIO == 3
               && TYPE_ATOMIC_AUDIO == 4 && TYPE_CUESHEET == 5 && TYPE_BITMAP == 6 && TYPE_RAW_ATOMIC == 7, "types");
_Static_assert(ERR_HANDLE_NOT_FOUND == -1 && ERR_BUFFER_FULL == -2 && ERR_INVALID_VALUE == -3 && ERR_FILE_ERROR == -4
               && ERR_HANDLE_NOT_DONE == -5 && ERR_UNSUPPORTED_TYPE == -6 && ERR_BITMAP_TOO_LARGE == -7, "errors");

static char *region;
static size_t memory;
static unsigned char *small, *large;

static void begin_anew(void)
{
    CHECK(buffering_reset(region, region ? memory : 0));
}

static int stream(const char *path)
{
    int id = bufopen(path, 0, TYPE_PACKET_AUDIO, NULL);
    if (id <= 0)
        fprintf(stderr, "%s: error %d\n", path, id);
    CHECK(id > 0);
    return id;
}

/* Until all of a handle's file is in memory. */
static void wait_for(int id)
{
    while (buf_handle_remaining(id) > 0)
        other_threads();
}

static void files_open_as_every_type_from_any_offset(void)
{
    static const enum data_type types[] = { TYPE_CODEC, TYPE_PACKET_AUDIO, TYPE_ATOMIC_AUDIO, TYPE_CUESHEET,
                                            TYPE_RAW_ATOMIC };
    static const struct { off_t asked, given; } offsets[] = { { 0, 0 }, { 777, 777 }, { SMALL, SMALL }, { SMALL + 1, 0 },
                                                              { -1, 0 } };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++)
        {
            size_t from = (size_t)offsets[o].given, left = SMALL - from;
            void *data;
            int id = bufopen("small", offsets[o].asked, types[t], NULL);
            CHECK(id > 0 && buf_is_handle(id) && buf_handle_data_type(id) == (int)types[t]);
            CHECK(buf_filesize(id) == SMALL && bufftell(id) == offsets[o].given);
            size_t want = left < 32768 ? left : 32768;
            ssize_t got = bufgetdata(id, want, &data);
            CHECK(got == (ssize_t)want && (got == 0 || memcmp(data, small + from, want) == 0));
            wait_for(id);
            CHECK(buf_handle_offset(id) == offsets[o].given && buf_handle_remaining(id) == 0);
            CHECK(bufclose(id));
        }
    CHECK(bufopen("no/such", 0, TYPE_CODEC, NULL) == ERR_FILE_ERROR);
    CHECK(bufopen("no/such", 0, TYPE_CUESHEET, NULL) == ERR_FILE_ERROR);
    CHECK(bufopen(".", 0, TYPE_PACKET_AUDIO, NULL) == ERR_FILE_ERROR);
    CHECK(bufopen("small", 0, (enum data_type)8, NULL) == ERR_UNSUPPORTED_TYPE);
}

static void requests_are_clipped_to_the_file_and_leave_the_position(void)
{
    static char copy[SMALL + 1];
    static const enum data_type types[] = { TYPE_PACKET_AUDIO, TYPE_RAW_ATOMIC };
    for (int t = 0; t < 2; t++)
    {
        int id = bufopen("small", 0, types[t], NULL);
        CHECK(id > 0 && bufseek(id, 60000) == 0);
        static const size_t sizes[] = { 0, SMALL - 60000, SMALL, (size_t)-1, (size_t)-1 >> 1 };
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        {
            CHECK(bufread(id, sizes[i], copy) == SMALL - 60000 && memcmp(copy, small + 60000, SMALL - 60000) == 0);
            void *data;
            ssize_t got = bufgetdata(id, sizes[i], &data);
            CHECK(got <= SMALL - 60000 && got >= (types[t] == TYPE_RAW_ATOMIC ? SMALL - 60000 : 32768));
            CHECK(memcmp(data, small + 60000, (size_t)got) == 0 && bufftell(id) == 60000);
        }
        CHECK(bufseek(id, SMALL) == 0 && bufread(id, 0, copy) == 0 && bufread(id, 9, copy) == 0);
        CHECK(bufgetdata(id, 0, NULL) == 0 && bufgetdata(id, 9, NULL) == 0 && bufftell(id) == SMALL);
        CHECK(bufclose(id));
    }
}

static void positions_move_inside_the_file_only(void)
{
    static const off_t steps[] = { 1, 30000, 32768, 32769, 3000000, -1, -40000, -3000000, 9000000, -8000000 };
    int id = stream("large");
    off_t pos = 0;
    char byte;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    {
        CHECK(bufadvance(id, steps[i]) == (pos + steps[i] < 0 ? ERR_INVALID_VALUE : 0));
        pos += pos + steps[i] < 0 ? 0 : steps[i];
        CHECK(bufftell(id) == pos && bufread(id, 1, &byte) == 1 && (unsigned char)byte == large[pos]);
    }
    CHECK(bufseek(id, LARGE) == 0 && bufadvance(id, 1) == ERR_INVALID_VALUE && bufadvance(id, 0) == 0);
    CHECK(bufseek(id, LARGE + 1) == ERR_INVALID_VALUE && bufseek(id, (size_t)-1) == ERR_INVALID_VALUE);
    CHECK(bufadvance(id, -LARGE) == 0 && bufadvance(id, -1) == ERR_INVALID_VALUE && bufftell(id) == 0);
    CHECK(bufclose(id));
    void *data; /* before the place from which on a file was taken whole */
    id = bufopen("small", 50000, TYPE_ATOMIC_AUDIO, NULL);
    CHECK(id > 0 && bufgetdata(id, 0, &data) == 50000 && bufadvance(id, -49000) == 0 && bufftell(id) == 1000);
    CHECK(bufgetdata(id, 0, &data) == SMALL - 1000 && memcmp(data, small + 1000, SMALL - 1000) == 0);
    CHECK(bufseek(id, 0) == 0 && bufread(id, 1, &byte) == 1 && (unsigned char)byte == small[0]);
    CHECK(bufclose(id) && (id = bufopen("small", 50000, TYPE_ATOMIC_AUDIO, NULL)) > 0 && bufadvance(id, -300) == 0);
    CHECK(bufgetdata(id, 200, &data) == 200 && memcmp(data, small + 49700, 200) == 0 && bufseek(id, 0) == 0);
    CHECK(buf_used() >= SMALL && bufseek(id, 99999) == 0 && bufgetdata(id, 0, &data) == 1 && bufclose(id) && buf_used() == 0);
}

static void data_lies_in_one_piece(void)
{
    void *data;
    int id = stream("large"), whole = bufopen("middle", 3, TYPE_ATOMIC_AUDIO, NULL);
    CHECK(whole > 0);
    unsigned seed = 11;
    for (int i = 0; i < 300; i++)
    {
        size_t pos = dice(&seed, LARGE), want = 1 + dice(&seed, 65552);
        size_t least = want < LARGE - pos ? want : LARGE - pos;
        CHECK(bufseek(id, pos) == 0);
        ssize_t got = bufgetdata(id, want, &data);
        CHECK(got >= (ssize_t)(least < 32768 ? least : 32768) && got <= (ssize_t)least);
        CHECK(memcmp(data, large + pos, (size_t)got) == 0);
        pos = 3 + dice(&seed, 999990);
        CHECK(bufseek(whole, pos) == 0 && bufgetdata(whole, 0, &data) == (ssize_t)(1000000 - pos));
        CHECK(memcmp(data, large + pos, 1000000 - pos) == 0);
    }
    CHECK(bufclose(id) && bufclose(whole));
}

static void there_can_be_384_handles_and_their_numbers_are_never_used_again(void)
{
    static int ids[HANDLES];
    char text[16];
    int last = 0;
    for (int round = 0; round < 2; round++)
    {
        for (int n = 0; n < HANDLES; n++)
        {
            snprintf(text, sizeof text, "number %d", n);
            ids[n] = bufalloc(text, sizeof text, TYPE_RAW_ATOMIC);
            CHECK(ids[n] > last);
            last = ids[n];
        }
        CHECK(bufalloc("one more", 8, TYPE_RAW_ATOMIC) == ERR_BUFFER_FULL);
        CHECK(bufopen("small", 0, TYPE_PACKET_AUDIO, NULL) == ERR_BUFFER_FULL);
        CHECK(bufopen("small", 0, TYPE_ATOMIC_AUDIO, NULL) == ERR_BUFFER_FULL);
        for (int n = HANDLES - 1; n >= 0; n--)
        {
            void *data;
            CHECK(bufgetdata(ids[n], 0, &data) == sizeof text && atoi((char *)data + 7) == n);
        }
        CHECK(bufclose(ids[200]));
        int other = stream("small");
        CHECK(other > last);
        last = other;
        begin_anew(); /* closes them, and counts on */
        CHECK(!buf_is_handle(other) && !buf_is_handle(ids[0]));
    }
    for (int n = 0; n < HANDLES; n++)
        ids[n] = stream("tiny");
    CHECK(bufopen("tiny", 0, TYPE_PACKET_AUDIO, NULL) == ERR_BUFFER_FULL);
    for (int n = 0; n < HANDLES; n++)
        CHECK(bufseek(ids[n], (size_t)n) == 0 && bufread(ids[n], 16, text) == 16 && memcmp(text, small + n, 16) == 0);
    for (int n = 0; n < HANDLES; n++)
        CHECK(bufclose(ids[n]));
    CHECK(!buf_is_handle(0) && !buf_is_handle(-1) && bufclose(0) && bufclose(-5) && bufclose(last + 100000));
}

static void a_file_of_0_bytes_is_at_its_end(void)
{
    static const enum data_type types[] = { TYPE_PACKET_AUDIO, TYPE_ATOMIC_AUDIO, TYPE_CUESHEET };
    char byte;
    for (int t = 0; t < 3; t++)
    {
        int id = bufopen("empty", 0, types[t], NULL);
        CHECK(id > 0 && buf_filesize(id) == 0 && buf_handle_remaining(id) == 0 && bufftell(id) == 0);
        CHECK(bufread(id, 1, &byte) == 0 && bufgetdata(id, 0, NULL) == 0 && bufseek(id, 0) == 0);
        CHECK(bufseek(id, 1) == ERR_INVALID_VALUE && bufadvance(id, 1) == ERR_INVALID_VALUE && bufstripsize(id, 0) == 0);
        CHECK(bufclose(id));
    }
    int id = bufalloc("", 0, TYPE_RAW_ATOMIC);
    CHECK(id > 0 && buf_filesize(id) == 0 && bufgetdata(id, 0, NULL) == 0 && bufclose(id));
}

static void a_file_of_2_gb_plays_at_both_ends(void)
{
    void *data;
    int id = stream("huge");
    CHECK(buf_filesize(id) == HUGE && bufgetdata(id, 5, &data) == 5 && memcmp(data, "begin", 5) == 0);
    CHECK(bufseek(id, HUGE - 3) == 0 && bufgetdata(id, 0, &data) == 3 && memcmp(data, "end", 3) == 0);
    CHECK(bufadvance(id, 3) == 0 && bufftell(id) == HUGE && bufadvance(id, 1) == ERR_INVALID_VALUE);
    CHECK(bufadvance(id, -HUGE) == 0 && bufgetdata(id, 5, &data) == 5 && memcmp(data, "begin", 5) == 0);
    CHECK(buf_handle_remaining(id) > HUGE - (off_t)pool_bytes);
    CHECK(bufopen("huge", 0, TYPE_ATOMIC_AUDIO, NULL) == ERR_BUFFER_FULL);
    CHECK(bufopen("small", 0, TYPE_PACKET_AUDIO, NULL) == ERR_BUFFER_FULL); /* the budget is spoken for */
    CHECK(bufclose(id));
    id = bufopen("huge", HUGE - 1000, TYPE_ATOMIC_AUDIO, NULL);
    CHECK(id > 0 && bufgetdata(id, 0, &data) == 1000 && memcmp((char *)data + 997, "end", 3) == 0 && bufclose(id));
}

static void a_file_that_shrinks_ends_earlier_and_one_that_vanishes_is_played_on(void)
{
    static char copy[50000];
    free(make_file("mortal", LARGE));
    int id = bufopen("mortal", 11000000, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0 && bufread(id, 1000, copy) == 1000);
    CHECK(truncate("mortal", 7000000) == 0); /* what is in memory stays */
    CHECK(bufseek(id, 6990000) == 0 && bufread(id, sizeof copy, copy) == 10000);
    CHECK(memcmp(copy, large + 6990000, 10000) == 0);
    CHECK(buf_filesize(id) == 7000000 && bufseek(id, 7000001) == ERR_INVALID_VALUE);
    CHECK(bufread(id, 1, copy) == 1 && bufseek(id, 7000000) == 0 && bufread(id, 1, copy) == 0);
    CHECK(unlink("mortal") == 0);
    CHECK(bufseek(id, 3000000) == 0 && bufread(id, sizeof copy, copy) == sizeof copy);
    CHECK(memcmp(copy, large + 3000000, sizeof copy) == 0);
    CHECK(bufopen("mortal", 0, TYPE_PACKET_AUDIO, NULL) == ERR_FILE_ERROR);
    CHECK(bufclose(id));
}

static void what_is_stripped_does_not_count(void)
{
    struct buffering_debug figures;
    static char copy[SMALL];
    int id = stream("small");
    wait_for(id);
    CHECK(bufstripsize(id, SMALL + 1) == ERR_INVALID_VALUE && bufstripsize(id, -1) == ERR_INVALID_VALUE);
    CHECK(bufstripsize(id + 1, 0) == ERR_INVALID_VALUE && bufstripsize(0, 0) == ERR_INVALID_VALUE);
    CHECK(bufstripsize(id, 70000) == 70000 && buf_filesize(id) == 70000 && buf_handle_remaining(id) == 0);
    CHECK(bufread(id, 0, copy) == 70000 && bufseek(id, 70001) == ERR_INVALID_VALUE && buf_used() == 70000);
    buffering_get_debugdata(&figures);
    CHECK(figures.buffered_data == 70000 && figures.data_rem == 0 && figures.useful_data == 70000);
    CHECK(bufseek(id, 60000) == 0 && bufstripsize(id, 50000) == 50000 && bufread(id, 0, copy) == 0);
    CHECK(bufclose(id));
    id = stream("large"); /* at once, as decoders do */
    CHECK(bufstripsize(id, 5000) == 5000 && bufread(id, 0, copy) == 5000 && memcmp(copy, large, 5000) == 0);
    CHECK(bufclose(id));
}

static void figures_follow_the_handles(void)
{
    struct buffering_debug figures;
    size_t length = buf_length();
    CHECK(length > memory / 2 && length < memory && buf_used() == 0);
    int one = stream("small"), block = bufalloc(NULL, 5000, TYPE_RAW_ATOMIC), two = stream("middle");
    wait_for(one);
    wait_for(two);
    CHECK(bufseek(one, 40000) == 0 && bufseek(two, 900000) == 0);
    buffering_get_debugdata(&figures);
    CHECK(figures.num_handles == 3 && figures.data_rem == 0 && figures.buffered_data == SMALL + 5000 + 1000000);
    CHECK(figures.useful_data == 60000 + 5000 + 100000); /* no base: all of them */
    CHECK(buf_used() == 60000 + 5000 + 100000);
    buf_set_base_handle(two);
    buffering_get_debugdata(&figures);
    CHECK(figures.useful_data == 100000);
    buf_set_base_handle(block);
    buffering_get_debugdata(&figures);
    CHECK(figures.useful_data == 105000);
    buf_set_base_handle(two + 1);
    buffering_get_debugdata(&figures);
    CHECK(figures.useful_data == 165000);
    buf_set_watermark(0);
    CHECK(buf_get_watermark() == 0); /* not armed */
    buf_set_watermark(1234);
    buffering_get_debugdata(&figures);
    CHECK(buf_get_watermark() == 1234 && figures.watermark == 1234);
    buf_set_watermark((size_t)-1);
    CHECK(buf_get_watermark() < buf_length() && buf_get_watermark() > buf_length() / 2);
    buf_set_watermark(0);
    CHECK(bufclose(one) && bufclose(two) && bufclose(block) && buf_used() == 0);
    buffering_get_debugdata(&figures);
    CHECK(figures.num_handles == 0 && figures.buffered_data == 0 && figures.useful_data == 0);
}

static void pins_and_signals_are_counted_and_taken_back(void)
{
    char byte;
    int id = stream("small");
    wait_for(id);
    CHECK(buf_pin_handle(id, true) && buf_pin_handle(id, true) && buf_pin_handle(id, false));
    CHECK(buf_pin_handle(id, false) && buf_pin_handle(id, false) && buf_pin_handle(id, true));
    CHECK(buf_signal_handle(id, true) && bufread(id, 1, &byte) == 1); /* nothing to wait for */
    CHECK(buf_signal_handle(id, false) && bufclose(id)); /* pinned, as playback closes tags */
    CHECK(!buf_pin_handle(id, true) && !buf_signal_handle(id, true) && !buf_pin_handle(0, true));
    id = stream("large");
    CHECK(buf_signal_handle(id, true) && bufseek(id, LARGE - 10) == 0);
    ssize_t got = bufread(id, 1, &byte);
    CHECK(got == ERR_HANDLE_NOT_FOUND || got == 1); /* the buffering thread may have been quicker */
    CHECK(buf_signal_handle(id, false) && bufread(id, 1, &byte) == 1 && (unsigned char)byte == large[LARGE - 10]);
    CHECK(bufclose(id));
}

int main(void)
{
    core_allocator_init();
    buffering_init();
    small = make_file("small", SMALL);
    large = make_file("large", LARGE);
    free(make_file("middle", 1000000));
    free(make_file("tiny", 4000));
    free(make_file("empty", 0));
    FILE *file = fopen("huge", "wb");
    CHECK(file && fwrite("begin", 5, 1, file) == 1 && fclose(file) == 0 && truncate("huge", HUGE - 3) == 0);
    CHECK((file = fopen("huge", "ab")) && fwrite("end", 3, 1, file) == 1 && fclose(file) == 0);
    for (int home = 0; home < 2; home++)
    {
        memory = home ? 5000000 : pool_bytes;
        region = home ? malloc(memory) : NULL;
        begin_anew();
        files_open_as_every_type_from_any_offset();
        requests_are_clipped_to_the_file_and_leave_the_position();
        positions_move_inside_the_file_only();
        data_lies_in_one_piece();
        there_can_be_384_handles_and_their_numbers_are_never_used_again();
        a_file_of_0_bytes_is_at_its_end();
        a_file_of_2_gb_plays_at_both_ends();
        a_file_that_shrinks_ends_earlier_and_one_that_vanishes_is_played_on();
        what_is_stripped_does_not_count();
        figures_follow_the_handles();
        pins_and_signals_are_counted_and_taken_back();
    }
    CHECK(buffering_reset(NULL, 0));
    free(region);
    puts("handles as promised");
    return 0;
}

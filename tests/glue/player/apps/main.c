/* Plays a song, shows its tags and its cover, and lets others take memory meanwhile, in all the ways there are. */
#include "config.h"
#include "player.h"
#include "core_alloc.h"
#include "kernel/thread-internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) ((what) ? (void)0 : (printf("%d: not %s\n", __LINE__, #what), exit(1)))

#define SONG 1500000
#define POOL (POOL_WORDS * sizeof(intptr_t))

static unsigned char song[SONG];
static int finished, resets;
static const char *parsed_on;

void send_event(unsigned short id, void *data)
{
    if (id == BUFFER_EVENT_FINISHED)
        finished = *(int *)data;
    resets += id == BUFFER_EVENT_BUFFER_RESET;
}

bool get_metadata_ex(struct mp3entry *id3, int fd, const char *path, int flags)
{
    CHECK(flags == METADATA_CLOSE_FD_ON_EXIT && read(fd, id3->title, 8) == 8 && strcmp(path, "/song") == 0);
    parsed_on = __running_self_entry()->name;
    return close(fd) == 0;
}

void copy_mp3entry(struct mp3entry *to, const struct mp3entry *from)
{
    *to = *from;
    strcat(to->title, " copied");
}

int read_bmp_fd(int fd, struct bitmap *bitmap, int most, int format, void *none)
{
    int size = bitmap->width * bitmap->height;
    CHECK(most >= size && format == (FORMAT_NATIVE | FORMAT_DITHER | FORMAT_RESIZE | FORMAT_KEEP_ASPECT));
    return read(fd, bitmap->data, size) == size ? size : -1;
}

static void files(void)
{
    unsigned char text[20];
    for (unsigned i = 0; i < SONG; i++)
        song[i] = i * 7 + i / 253;
    int fd = open("/song", O_RDWR | O_CREAT | O_TRUNC, 0666);
    CHECK(fd >= 0 && filesize(fd) == 0 && write(fd, song, SONG) == SONG && filesize(fd) == SONG);
    CHECK(lseek(fd, -5, SEEK_END) == SONG - 5 && read(fd, text, 20) == 5 && memcmp(text, song + SONG - 5, 5) == 0);
    int other = open("/song", O_WRONLY | O_APPEND);
    CHECK(write(other, "end", 3) == 3 && read(other, text, 1) < 0 && filesize(fd) == SONG + 3);
    CHECK(read(fd, text, 20) == 3 && memcmp(text, "end", 3) == 0 && close(other) == 0 && close(fd) == 0);
    CHECK(close(fd) < 0 && read(fd, text, 1) < 0 && open("/nothing", O_RDONLY) < 0);
    fd = open("/cover.bmp", O_RDWR | O_CREAT | O_TRUNC, 0666);
    CHECK(write(fd, song, 5000) == 5000 && close(fd) == 0);
    run_idle_functions();
    CHECK((fd = open("/gone", O_RDWR | O_CREAT, 0666)) >= 0 && write(fd, "kept", 4) == 4 && remove("/gone") == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 9) == 4 && close(fd) == 0 && !file_exists("/gone"));
}

static void tags_and_cover(void)
{
    struct dim dim = { 50, 100 };
    struct bufopen_bitmap_data what = { &dim, NULL };
    struct mp3entry *id3;
    struct bitmap *bitmap;

    int tags = bufopen("/song", 0, TYPE_ID3, NULL);
    CHECK(tags > 0 && bufgetdata(tags, 0, (void **)&id3) == sizeof(*id3));
    CHECK(memcmp(id3->title, song, 8) == 0 && strcmp(parsed_on, "buffering") == 0);
    while (finished != tags)
        yield();
    int cover = bufopen("/cover.bmp", 0, TYPE_BITMAP, &what);
    CHECK(cover > 0 && bufgetdata(cover, 0, (void **)&bitmap) == sizeof(*bitmap) + 5000);
    CHECK(bitmap->width == 50 && bitmap->data == (void *)(bitmap + 1) && memcmp(bitmap->data, song, 5000) == 0);
    CHECK(bufopen("/none.bmp", 0, TYPE_BITMAP, &what) == ERR_FILE_ERROR);
    CHECK(bufclose(tags) && bufclose(cover));
}

static void listen_on(int id, size_t *pos, size_t bytes)
{
    void *data;
    for (size_t end = *pos + bytes; *pos < end; *pos += 4096)
    {
        ssize_t got = bufgetdata(id, 4096, &data);
        CHECK(got == 4096 && memcmp(data, song + *pos, 4096) == 0 && bufadvance(id, 4096) == 0);
    }
}

static void others_take_memory(void)
{
    int held[8];
    size_t pos = 0, size;
    int id = bufopen("/song", 0, TYPE_PACKET_AUDIO, NULL);
    CHECK(id > 0);
    for (int n = 0; n < 8; n++)
    {
        listen_on(id, &pos, 40960);
        held[n] = core_alloc(200 * 1024);
        CHECK(held[n] > 0);
        memset(core_get_data(held[n]), n, 200 * 1024);
    }
    for (int n = 0; n < 8; n++)
        core_free(held[n]);
    int (*takers[])(size_t *) = { tagcache_takes, tagtree_takes, playlist_takes };
    for (int n = 0; n < 3; n++)
    {
        int handle = takers[n](&size);
        CHECK(handle > 0 && size > POOL / 2);
        memset(core_get_data(handle), 0x33, size);
        listen_on(id, &pos, 40960);
        core_free(handle);
    }
    int before = resets;
    radioart_init(true);
    listen_on(id, &pos, 40960);
    CHECK(resets == before && stops == 0 && buf_is_handle(id) && bufclose(id));
}

/* Playback begins, takes memory for itself, and writes to nobody else's. */
static void begin(void)
{
    static int held[2000];
    int count = 0;
    size_t before = core_available();
    play();
    CHECK(before - core_available() >= PLAYBACKS);
    while ((held[count] = core_alloc(3000)) > 0)
        memset(core_get_data(held[count]), count % 251, 3000), count++;
    CHECK(count > 500);
    use_playbacks_memory();
    while (count-- > 0)
    {
        for (int i = 0; i < 3000; i++)
            CHECK(((unsigned char *)core_get_data(held[count]))[i] == count % 251);
        core_free(held[count]);
    }
}

int main(void)
{
    size_t size;
    core_allocator_init();
    buffering_init();
    files();

    begin();
    CHECK(core_available() > POOL / 2 && resets == 2);
    CHECK(audio_buffer_size() > POOL / 2 && audio_buffer_available() < core_available());
    tags_and_cover();
    others_take_memory();

    /* Somebody who is not known asks for everything. */
    int all = core_alloc_maximum(&size, &buflib_ops_locked);
    CHECK(all > 0 && size > POOL / 2 && stops == 1);
    memset(core_get_data(all), 0x44, size);
    core_free(all);
    begin();
    tags_and_cover();

    /* What playback had is somebody else's after a hard stop; it takes new memory. */
    audio_hard_stop();
    begin();
    CHECK(stops == 2);

    CHECK(show_debug_screen("View buffering thread") && lines > 20);
    puts("a small player");
    return 0;
}

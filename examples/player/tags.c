/* What the player does for buffering: it reads tags and pictures, and hears when there is room to open more.
 *
 *   bufopen(TYPE_ID3)    ──> load_tags, on the buffering thread
 *   bufopen(TYPE_BITMAP) ──> load_cover, on our own thread, line by line through the file cache
 *   events               ──> more_wanted
 */
#include "player.h"

#include <rockmem/buffering.h>
#include <rockmem/file.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BMP_HEADER 54
#define SIDE_MAX 4096

static atomic_bool wanted;

static void event(unsigned short event, void *data)
{
    (void)data;
    if (event == BUFFER_EVENT_BUFFER_LOW || event == BUFFER_EVENT_FINISHED)
        atomic_store(&wanted, true);
}

bool more_wanted(void)
{
    return atomic_exchange(&wanted, false);
}

static void load_tags(const char *path, void *id3)
{
    struct tags *tags = id3;
    SF_INFO info = { 0 };
    const char *slash = strrchr(path, '/');
    snprintf(tags->title, sizeof tags->title, "%s", slash ? slash + 1 : path);
    if (is_chip(path))
        return;
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    const char *title = file ? sf_get_string(file, SF_STR_TITLE) : NULL;
    if (title && *title)
        snprintf(tags->title, sizeof tags->title, "%s", title);
    if (file)
        sf_close(file);
}

static unsigned get32(const unsigned char *from)
{
    return from[0] | from[1] << 8 | from[2] << 16 | (unsigned)from[3] << 24;
}

/* A BMP of 24 bits a pixel, lines from the bottom up, as struct picture. */
static ssize_t load_cover(const char *path, uint64_t offset, void *user, void *into, size_t room)
{
    unsigned char header[BMP_HEADER];
    ssize_t size = -1;
    (void)user;
    int fd = rm_open(path, O_RDONLY, 0);
    if (fd < 0)
        return -1;
    if (rm_lseek(fd, (off_t)offset, SEEK_SET) >= 0 && rm_read(fd, header, sizeof header) == (ssize_t)sizeof header
        && memcmp(header, "BM", 2) == 0 && header[28] == 24) {
        unsigned width = get32(header + 18), height = get32(header + 22), line = width * 3;
        if (width <= SIDE_MAX && height <= SIDE_MAX) {
            struct picture *picture = into;
            size = (ssize_t)(sizeof *picture + (size_t)line * height);
            rm_lseek(fd, (off_t)(offset + get32(header + 10)), SEEK_SET);
            if (into && (size_t)size <= room)
                *picture = (struct picture){ width, height };
            for (unsigned y = height; into && size > 0 && y-- > 0;) {
                unsigned char pad[4];
                ssize_t rest = (ssize_t)(-line & 3);
                if (rm_read(fd, picture->pixels + (size_t)y * line, line) != (ssize_t)line || rm_read(fd, pad, (size_t)rest) != rest)
                    size = -1;
            }
        }
    }
    rm_close(fd);
    return size;
}

void hooks_start(void)
{
    static const struct buffering_hooks hooks = { .event = event, .id3_size = sizeof(struct tags), .id3_load = load_tags,
                                                  .picture = load_cover };
    buffering_set_hooks(&hooks);
}

/* The same picture by the shortest way, for comparison. */
bool cover_is(const char *path, const struct picture *picture)
{
    size_t size;
    unsigned char *file = read_whole(path, &size);
    bool same = file && size >= BMP_HEADER && picture->width == get32(file + 18) && picture->height == get32(file + 22);
    size_t line = picture->width * 3, stored = (line + 3) & ~(size_t)3;
    for (size_t y = 0; same && y < picture->height; y++)
        same = memcmp(picture->pixels + y * line, file + get32(file + 10) + (picture->height - 1 - y) * stored, line) == 0;
    free(file);
    return same;
}

void *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    long length = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc((size_t)length + 1);
    if (data && fread(data, 1, (size_t)length, file) != (size_t)length) {
        free(data);
        data = NULL;
    }
    if (file)
        fclose(file);
    *size = data ? (size_t)length : 0;
    return data;
}

bool is_chip(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".rmchip") == 0;
}

/* The list: tracks are opened ahead of the one that plays, so that one follows the other without a gap.
 *
 *   playing      next           after next
 *   audio        audio          audio          as many as buffering takes, at most AHEAD
 *   cover        cover          ...
 *   tags         tags
 *   note         note
 *
 * Handles are opened from the bottom up and closed in the same order, as a player of the tree does. */
#include "player.h"

#include <rockmem/buffering.h>

#include <stdio.h>
#include <string.h>

#define AHEAD 4

static struct track *list;
static size_t length, opened;

static void close_one(int *handle)
{
    if (*handle > 0)
        bufclose(*handle);
    *handle = 0;
}

void track_close(struct track *track)
{
    close_one(&track->note);
    close_one(&track->tags);
    close_one(&track->cover);
    close_one(&track->audio);
}

/* cover.bmp beside the track, if there is one. */
static bool cover_of(const struct track *track, char *path, size_t size)
{
    const char *slash = strrchr(track->path, '/');
    int folder = slash ? (int)(slash - track->path) + 1 : 0;
    FILE *file = snprintf(path, size, "%.*scover.bmp", folder, track->path) < (int)size ? fopen(path, "rb") : NULL;
    if (file)
        fclose(file);
    return file != NULL;
}

/* Opens what a track needs: 0, or the first error. */
static int track_open(struct track *track)
{
    char cover[600];
    track->note = bufalloc(NULL, sizeof(struct note), TYPE_RAW_ATOMIC);
    track->tags = track->note > 0 ? bufopen(track->path, 0, TYPE_ID3, NULL) : track->note;
    if (track->tags > 0 && cover_of(track, cover, sizeof cover))
        track->cover = bufopen(cover, 0, TYPE_BITMAP, NULL);
    if (track->cover == ERR_FILE_ERROR || track->cover == ERR_BITMAP_TOO_LARGE)
        track->cover = 0; /* a player plays on without */
    track->has_cover = track->cover > 0;
    int before = track->cover < 0 ? track->cover : track->tags;
    enum data_type type = is_chip(track->path) ? TYPE_ATOMIC_AUDIO : TYPE_PACKET_AUDIO;
    track->audio = before > 0 ? bufopen(track->path, 0, type, NULL) : before;
    if (track->audio > 0) {
        void *note;
        if (bufgetdata(track->note, 0, &note) == (ssize_t)sizeof(struct note))
            *(struct note *)note = (struct note){ .audio = track->audio };
        return 0;
    }
    int error = track->audio;
    track_close(track);
    return error;
}

void playlist_start(struct track *tracks, size_t count)
{
    list = tracks;
    length = count;
    opened = 0;
}

int playlist_ahead(const struct track *playing)
{
    size_t now = (size_t)(playing - list), last = now + AHEAD < length ? now + AHEAD : length - 1;
    if (opened < now)
        opened = now;
    while (opened <= last) {
        int error = track_open(&list[opened]);
        if (error < 0)
            return opened == now ? error : 0; /* those ahead come when there is room */
        opened++;
    }
    return 0;
}

size_t playlist_opened(void)
{
    return opened;
}

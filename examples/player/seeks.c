/* The seek storm: jumps to any place of a track, a little of what is there decoded and compared with a direct decode. */
#include "player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEKS 100
#define FRAMES 2048

static uint32_t chance(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(*state >> 4) * n >> 28);
}

bool track_seek_storm(struct track *track, uint32_t seed, unsigned *seeks)
{
    SF_INFO info = { 0 };
    struct music *direct = music_open_file(track->path, &info), *played = NULL;
    size_t width = (samples_are_integers(&info) ? sizeof(int) : sizeof(double)) * (size_t)info.channels;
    char *a = malloc(2 * FRAMES * width + 1), *b = a ? a + FRAMES * width : NULL;
    bool same = a && direct && info.frames > FRAMES && info.frames < UINT32_MAX;
    struct play_clock unheard = { 0 };
    track->clock = &unheard;
    playlist_start(track, 1);
    int error = playlist_ahead(track);
    if (error < 0)
        snprintf(track->error, sizeof track->error, "opened again: error %d", error);
    same = same && error == 0 && (played = track_music(track));
    for (unsigned n = 0; same && n < SEEKS; n++) {
        /* Every second one near the last: codecs look for frames, users press the key again. */
        static uint32_t frame;
        uint32_t span = (uint32_t)info.frames - FRAMES;
        frame = n % 2 ? (frame + chance(&seed, 100000)) % span : chance(&seed, span);
        same = music_seek(direct, frame) && music_seek(played, frame);
        sf_count_t got = same ? music_read(direct, a, FRAMES) : 0, back = same ? music_read(played, b, FRAMES) : 0;
        same = same && got == back && memcmp(a, b, (size_t)got * width) == 0;
        if (!same)
            snprintf(track->error, sizeof track->error, "after a jump to frame %u the music differs", frame);
        *seeks += same;
        hog_music(0.02);
    }
    free(a);
    music_close(direct);
    track_music_end(played);
    track_close(track);
    track->clock = NULL;
    return same;
}

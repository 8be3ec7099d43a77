/* One way to decode, for what is played and for the proof beside it.
 *
 *   music_open_stream ──> libsndfile over calls of ours ─┐
 *   music_open_file ────> libsndfile over the file ──────┼──> music_read, music_seek
 *   music_open_chip ────> chip.c over the whole file ────┘
 */
#include "player.h"

#include "chip.h"

#include <stdlib.h>
#include <string.h>

struct music {
    SNDFILE *sound; /* or */
    struct chip *chip;
    void *file;     /* what the chip plays from, where it is ours */
    bool integers;
};

static struct music *from_sound(SNDFILE *sound, const SF_INFO *info)
{
    struct music *music = sound ? calloc(1, sizeof *music) : NULL;
    if (music) {
        music->sound = sound;
        music->integers = samples_are_integers(info);
    } else if (sound) {
        sf_close(sound);
    }
    return music;
}

struct music *music_open_stream(SF_VIRTUAL_IO *io, void *user, SF_INFO *info)
{
    return from_sound(sf_open_virtual(io, SFM_READ, info, user), info);
}

struct music *music_open_chip(const void *data, size_t size, SF_INFO *info)
{
    struct music *music = calloc(1, sizeof *music);
    if (music && (music->chip = chip_open(data, size))) {
        *info = (SF_INFO){ .samplerate = chip_rate(music->chip), .channels = 2, .frames = chip_frames(music->chip),
                           .format = SF_FORMAT_RAW | SF_FORMAT_PCM_16, .seekable = 1 };
        music->integers = true;
        return music;
    }
    free(music);
    return NULL;
}

struct music *music_open_file(const char *path, SF_INFO *info)
{
    if (!is_chip(path)) {
        *info = (SF_INFO){ 0 };
        return from_sound(sf_open(path, SFM_READ, info), info);
    }
    size_t size;
    void *file = read_whole(path, &size);
    struct music *music = file ? music_open_chip(file, size, info) : NULL;
    if (music)
        music->file = file;
    else
        free(file);
    return music;
}

sf_count_t music_read(struct music *music, void *frames, sf_count_t count)
{
    if (music->chip)
        return chip_read(music->chip, frames, count);
    return music->integers ? sf_readf_int(music->sound, frames, count) : sf_readf_double(music->sound, frames, count);
}

bool music_seek(struct music *music, sf_count_t frame)
{
    return music->chip ? chip_seek(music->chip, frame) : sf_seek(music->sound, frame, SEEK_SET) == frame;
}

const char *music_error(struct music *music)
{
    return music && music->sound && sf_error(music->sound) != SF_ERR_NO_ERROR ? sf_strerror(music->sound) : NULL;
}

void music_close(struct music *music)
{
    if (!music)
        return;
    if (music->sound)
        sf_close(music->sound);
    chip_close(music->chip);
    free(music->file);
    free(music);
}

/* One track, from its handle to a WAV file.
 *
 *   track_play ──> libsndfile ──> vio_read, vio_seek, ... ──> bufgetdata, bufread, bufadvance, bufseek
 *        │  └────> chip.c ──────> bufgetdata, once, of the whole file
 *        └──> buffers of the audio pool ──> WAV (output.c)
 *
 * libsndfile believes that it reads a file; what answers it is the handle. As the decoders of players do, this one asks for
 * a piece, takes what it needs out of it, and goes on where it stopped: pieces of 64 KB and 16 bytes for FLAC, of 32 KB
 * for the others; small things are copied. */
#include "player.h"

#include <rockmem/buffering.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SMALL 2048        /* requests up to here are copied by bufread, larger ones taken from bufgetdata */
#define PIECE 32768       /* what bufgetdata gives in one piece at least */
#define FLAC_PIECE 65552

struct source {
    struct track *track;
    int handle;
    size_t piece;
    const char *window;   /* what is left of the last piece */
    size_t left;
    sf_count_t position;
    int error;            /* the first error code of the library */
};

static double started;
static void wait_begins(void) { started = seconds_now(); }
static void wait_ends(struct source *s) { clock_waited(s->track->clock, seconds_now() - started); }

static sf_count_t vio_length(void *user)
{
    struct source *s = user;
    return buf_filesize(s->handle);
}

static sf_count_t vio_tell(void *user)
{
    return ((struct source *)user)->position;
}

static sf_count_t vio_seek(sf_count_t offset, int whence, void *user)
{
    struct source *s = user;
    sf_count_t size = buf_filesize(s->handle);
    sf_count_t base = whence == SEEK_CUR ? s->position : whence == SEEK_END ? size : 0;
    sf_count_t target = base + offset;
    if (target < 0 || target > size)
        return -1;
    if (target == s->position)
        return target;
    s->left = 0;
    wait_begins();
    int result = whence == SEEK_CUR ? bufadvance(s->handle, offset) : bufseek(s->handle, (size_t)target);
    wait_ends(s);
    if (result < 0) {
        s->error = s->error ? s->error : result;
        return -1;
    }
    return s->position = target;
}

static sf_count_t vio_read(void *to, sf_count_t count, void *user)
{
    struct source *s = user;
    sf_count_t done = 0;
    uncached_read(&s->track->uncached, (uint64_t)s->position, (uint64_t)count);
    while (done < count && !s->error) {
        size_t want = (size_t)(count - done);
        char *dest = (char *)to + done;
        wait_begins();
        ssize_t got = 0;
        if (want <= SMALL && s->left == 0) {
            got = bufread(s->handle, want, dest);
        } else {
            if (s->left == 0) {
                void *data;
                got = bufgetdata(s->handle, s->piece, &data);
                s->window = data;
                s->left = got > 0 ? (size_t)got : 0;
            }
            if (s->left > 0) {
                got = (ssize_t)(want < s->left ? want : s->left);
                memcpy(dest, s->window, (size_t)got);
                s->window += got;
                s->left -= (size_t)got;
            }
        }
        int result = got > 0 ? bufadvance(s->handle, got) : (int)got;
        wait_ends(s);
        if (result < 0)
            s->error = result;
        if (got <= 0 || result < 0)
            break;
        done += got;
        s->position += got;
    }
    s->track->bytes += (uint64_t)done;
    return done;
}

static sf_count_t vio_write(const void *from, sf_count_t count, void *user)
{
    (void)from;
    (void)count;
    (void)user;
    return 0; /* we only read */
}

bool samples_are_integers(const SF_INFO *info)
{
    switch (info->format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_ALAC_16:
    case SF_FORMAT_ALAC_20:
    case SF_FORMAT_ALAC_24:
    case SF_FORMAT_ALAC_32:
        return true;
    default:
        return false;
    }
}

int wav_format(const SF_INFO *info)
{
    int subtype = info->format & SF_FORMAT_SUBMASK, bytes = 4;
    switch (subtype) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8: subtype = SF_FORMAT_PCM_U8; bytes = 1; break;
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_ALAC_16: subtype = SF_FORMAT_PCM_16; bytes = 2; break;
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_ALAC_20:
    case SF_FORMAT_ALAC_24: subtype = SF_FORMAT_PCM_24; bytes = 3; break;
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_ALAC_32: subtype = SF_FORMAT_PCM_32; break;
    case SF_FORMAT_DOUBLE: bytes = 8; break;
    default: subtype = SF_FORMAT_FLOAT; break;
    }
    /* A WAV file ends at 4 GB; its 64-bit form is read by the same programs. */
    bool large = info->frames > 0xf0000000 / bytes / info->channels;
    return (large ? SF_FORMAT_RF64 : SF_FORMAT_WAV) | subtype;
}

static void fail(struct track *track, const char *what, const char *why)
{
    snprintf(track->error, sizeof track->error, "%s: %s", what, why);
}

static void copy_frames(struct track *track, struct music *in, SNDFILE *out)
{
    bool more;
    struct output *output = output_start(out, &track->info);
    if (!output) {
        fail(track, "output", strerror(ENOMEM));
        return;
    }
    do {
        sf_count_t room;
        void *frames = output_buffer(output, &room);
        if (!frames) {
            fail(track, "audio_pool_get", strerror(ENOMEM));
            break;
        }
        sf_count_t got = music_read(in, frames, room);
        more = output_push(output, frames, got);
        if (got > 0) {
            double seconds = (double)got / track->info.samplerate;
            track->frames += got;
            clock_decoded(track->clock, seconds);
            hog_music(seconds);
            progress(track, false);
            if (more_wanted())
                playlist_ahead(track);
        }
    } while (more);
    if (!output_end(output, &track->buffers) && !*track->error)
        fail(track, track->wav, sf_strerror(out));
}

/* The whole of a chiptune lies in one piece for as long as its handle is open. */
static struct music *chip_music(struct track *track)
{
    void *data;
    ssize_t size = bufgetdata(track->audio, 0, &data);
    if (size < 0) {
        snprintf(track->error, sizeof track->error, "bufgetdata: error %zd", size);
        return NULL;
    }
    track->bytes += (uint64_t)size;
    uncached_read(&track->uncached, 0, (uint64_t)size);
    struct music *music = music_open_chip(data, (size_t)size, &track->info);
    if (!music)
        fail(track, "decode", "not a chiptune");
    return music;
}

static struct source source; /* of the one track that is decoded */

struct music *track_music(struct track *track)
{
    static SF_VIRTUAL_IO io = { vio_length, vio_seek, vio_read, vio_write, vio_tell };
    const char *dot = strrchr(track->path, '.');
    bool flac = dot && strcmp(dot, ".flac") == 0;
    source = (struct source){ .track = track, .handle = track->audio, .piece = flac ? FLAC_PIECE : PIECE };
    if (is_chip(track->path))
        return chip_music(track);
    struct music *music = music_open_stream(&io, &source, &track->info);
    if (!music)
        fail(track, "not a format that libsndfile reads", sf_strerror(NULL));
    return music;
}

void track_music_end(struct music *music)
{
    struct track *track = source.track;
    const char *why = music_error(music);
    if (why && !*track->error)
        fail(track, "decode", why);
    music_close(music);
    if (source.error && !*track->error)
        snprintf(track->error, sizeof track->error, "buffering: error %d", source.error);
}

/* What buffering holds beside the audio: as a player shows it. */
static void show_track(struct track *track)
{
    char cover[600];
    void *data;
    if (bufgetdata(track->tags, 0, &data) == (ssize_t)sizeof(struct tags))
        snprintf(track->title, sizeof track->title, "%s", ((struct tags *)data)->title);
    if (track->cover <= 0)
        return;
    const char *slash = strrchr(track->path, '/');
    snprintf(cover, sizeof cover, "%.*scover.bmp", slash ? (int)(slash - track->path) + 1 : 0, track->path);
    track->covered = bufgetdata(track->cover, 0, &data) > 0 && cover_is(cover, data);
}

bool track_play(struct track *track)
{
    source.track = track;
    wait_begins();
    int error = playlist_ahead(track);
    wait_ends(&source);
    if (error < 0) {
        snprintf(track->error, sizeof track->error, "bufopen: error %d", error);
        return false;
    }
    buf_set_base_handle(track->audio);
    show_track(track);
    struct music *in = track_music(track);
    if (in) {
        SF_INFO wav = { .samplerate = track->info.samplerate, .channels = track->info.channels,
                        .format = wav_format(&track->info) };
        SNDFILE *out = sf_open(track->wav, SFM_WRITE, &wav);
        if (!out)
            fail(track, track->wav, sf_strerror(NULL));
        else
            copy_frames(track, in, out);
        if (out && sf_close(out) != 0 && !*track->error)
            fail(track, track->wav, "cannot be closed");
        track_music_end(in);
    }
    progress(track, true);
    return !*track->error;
}

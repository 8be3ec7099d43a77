/* One track, from bufopen to a WAV file.
 *
 *   track_play ──> libsndfile ──> vio_read, vio_seek, ... ──> bufgetdata, bufread, bufadvance, bufseek
 *        └──> buffers of the audio pool ──> WAV (output.c)
 *
 * libsndfile believes that it reads a file; what answers it is the handle of bufopen. */
#include "player.h"

#include <rockmem/buffering.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SMALL 2048        /* requests up to here are copied by bufread, larger ones taken from bufgetdata */
#define CONTIGUOUS 32768  /* what bufgetdata gives in one piece at least */

struct source {
    struct track *track;
    int handle;
    sf_count_t position;
    int error;            /* the first error code of the library */
};

static double started;
static void wait_begins(void) { started = seconds_now(); }
static void wait_ends(struct source *s) { clock_waited(&s->track->clock, seconds_now() - started); }

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
        size_t want = (size_t)(count - done < CONTIGUOUS ? count - done : CONTIGUOUS);
        char *dest = (char *)to + done;
        void *data;
        wait_begins();
        ssize_t got;
        if (want <= SMALL) {
            got = bufread(s->handle, want, dest);
        } else {
            got = bufgetdata(s->handle, want, &data);
            if (got > (ssize_t)want)
                got = (ssize_t)want;
            if (got > 0)
                memcpy(dest, data, (size_t)got);
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

static void copy_frames(struct track *track, SNDFILE *in, SNDFILE *out)
{
    bool integers = samples_are_integers(&track->info), more;
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
        sf_count_t got = integers ? sf_readf_int(in, frames, room) : sf_readf_double(in, frames, room);
        more = output_push(output, frames, got);
        if (got > 0) {
            double seconds = (double)got / track->info.samplerate;
            track->frames += got;
            clock_decoded(&track->clock, seconds);
            hog_music(seconds);
            progress(track, false);
        }
    } while (more);
    if (!output_end(output, &track->buffers) && !*track->error)
        fail(track, track->wav, sf_strerror(out));
}

bool track_play(struct track *track)
{
    struct source source = { .track = track };
    wait_begins();
    source.handle = bufopen(track->path, 0, TYPE_PACKET_AUDIO, NULL);
    wait_ends(&source);
    if (source.handle <= 0) {
        snprintf(track->error, sizeof track->error, "bufopen: error %d", source.handle);
        return false;
    }
    buf_set_base_handle(source.handle);
    SF_VIRTUAL_IO io = { vio_length, vio_seek, vio_read, vio_write, vio_tell };
    SNDFILE *in = sf_open_virtual(&io, SFM_READ, &track->info, &source), *out = NULL;
    if (!in) {
        fail(track, "not a format that libsndfile reads", sf_strerror(NULL));
    } else {
        SF_INFO wav = { .samplerate = track->info.samplerate, .channels = track->info.channels,
                        .format = wav_format(&track->info) };
        out = sf_open(track->wav, SFM_WRITE, &wav);
        if (!out)
            fail(track, track->wav, sf_strerror(NULL));
        else
            copy_frames(track, in, out);
        if (out && sf_close(out) != 0 && !*track->error)
            fail(track, track->wav, "cannot be closed");
        if (sf_error(in) != SF_ERR_NO_ERROR && !*track->error)
            fail(track, "decode", sf_strerror(in));
        sf_close(in);
    }
    if (source.error && !*track->error)
        snprintf(track->error, sizeof track->error, "buffering: error %d", source.error);
    if (!bufclose(source.handle) && !*track->error)
        fail(track, "bufclose", "refused");
    progress(track, true);
    return !*track->error;
}

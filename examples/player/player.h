/* The example player: what its files know of each other.
 *
 *   main.c     options, the pool, one track after the other, the exit status
 *   playlist.c the handles of a track, opened ahead of the one that plays
 *   tags.c     what the player does for buffering: tags, covers, events
 *   decode.c   one track: its handle -> libsndfile on top of bufread, bufgetdata, bufseek -> a WAV file
 *   music.c    libsndfile or a chip, over a handle or over the file itself
 *   seeks.c    jumps to any place, beside a direct decode
 *   output.c   decoded frames, in buffers of the audio pool, from the decoder to the thread that writes the WAV file
 *   clock.c    the playback clock: how much music lies ahead, and whether it ever ran out
 *   hog.c      the thread that allocates while the music plays
 *   verify.c   the WAV against a direct decode of the same file, sample for sample
 *   uncached.c what the same reads cost without a cache
 *   report.c   the progress line and the table
 *   tune.c, synth.c, speech.c, chip.c   the music that is played when no file is given
 */
#ifndef PLAYER_H
#define PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sndfile.h>

/* ---- options (main.c) ---- */
struct options {
    size_t pool;            /* bytes */
    double seconds;         /* length of each piece the program makes itself */
    const char *out;        /* directory of everything we write */
    uint32_t seed;          /* of the allocating thread */
};

/* Ends with exit status 2 and one line. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- the playback clock (clock.c) ---- */
#define PCM_BUFFER_SECONDS 2.0

struct play_clock {
    double ahead;           /* seconds decoded and not yet heard */
    double longest_wait;    /* seconds */
    unsigned underruns;
    bool running;           /* starts when the PCM buffer was full once, or the track is at its end */
};
extern const char clock_definition[]; /* what counts as an underrun, for --help */

void clock_decoded(struct play_clock *clock, double seconds);
void clock_waited(struct play_clock *clock, double seconds);
double seconds_now(void); /* monotonic */

/* ---- what the reads cost without a cache (uncached.c) ---- */
struct uncached {
    uint64_t held;          /* the sector in the stream's one buffer, plus 1; 0 = none */
    uint64_t commands;
};
void uncached_read(struct uncached *cost, uint64_t offset, uint64_t size);

/* ---- from the decoder to the WAV file (output.c) ---- */
struct frame_figures {
    uint64_t gets, hits;    /* of buffers of the audio pool */
    uint64_t lost;          /* never put back */
};
struct output;

/* Starts the thread that writes to `file`, or answers NULL without memory. */
struct output *output_start(SNDFILE *file, const SF_INFO *info);
/* A buffer for `*room` frames, or NULL without memory. */
void *output_buffer(struct output *output, sf_count_t *room);
/* Hands a buffer on; one without frames goes straight back. False: nothing more is wanted. */
bool output_push(struct output *output, void *frames, sf_count_t count);
/* Waits until all is written. False when something was not. */
bool output_end(struct output *output, struct frame_figures *figures);

/* ---- decoding (music.c) ---- */
struct music;

/* NULL: not music. `info` is filled in. */
struct music *music_open_stream(SF_VIRTUAL_IO *io, void *user, SF_INFO *info);
struct music *music_open_chip(const void *data, size_t size, SF_INFO *info);
struct music *music_open_file(const char *path, SF_INFO *info);
/* Frames of int where samples_are_integers, else of double. */
sf_count_t music_read(struct music *music, void *frames, sf_count_t count);
bool music_seek(struct music *music, sf_count_t frame);
const char *music_error(struct music *music); /* NULL: none */
void music_close(struct music *music);

/* ---- what buffering holds beside the audio (tags.c) ---- */
struct tags {
    char title[64];
};
struct picture {
    unsigned width, height;
    unsigned char pixels[]; /* three bytes each, lines from the top down */
};
struct note { /* the player's own words about a track, kept in a handle and written in place */
    int audio;
    double heard;
};

void hooks_start(void);
/* Whether something happened since the last call that makes room for more tracks. */
bool more_wanted(void);
/* Whether the picture is that of the BMP file. */
bool cover_is(const char *path, const struct picture *picture);
/* A whole file in malloc'd memory, or NULL. */
void *read_whole(const char *path, size_t *size);
bool is_chip(const char *path);

/* ---- one track (decode.c) ---- */
struct track {
    const char *path;
    int note, tags, cover, audio; /* handles; 0 = not open */
    bool has_cover, covered;      /* it has one; and it was right */
    char title[64];
    char wav[512];          /* where it was written */
    SF_INFO info;
    sf_count_t frames;      /* decoded */
    uint64_t bytes;         /* of the file, handed to the decoder */
    struct play_clock *clock; /* one for all: the music goes on from track to track */
    struct uncached uncached;
    struct frame_figures buffers;
    char error[640];        /* why it did not play to its end; empty = it did */
};

/* Plays track->path into track->wav. True when it reached the end; else track->error says why. */
bool track_play(struct track *track);
/* The music of a track whose audio handle is open, and its end. NULL: track->error says why. */
struct music *track_music(struct track *track);
void track_music_end(struct music *music);

/* ---- the list (playlist.c) ---- */
void playlist_start(struct track *tracks, size_t count);
/* Opens the playing track, and after it as many as there is room for: 0, or the error of the playing one. */
int playlist_ahead(const struct track *playing);
size_t playlist_opened(void); /* how many tracks of the list were opened so far */
void track_close(struct track *track);

/* ---- seeks.c ---- */
/* Jumps about in a track whose audio is open; true when all was as in a direct decode, and counted in `seeks`. */
bool track_seek_storm(struct track *track, uint32_t seed, unsigned *seeks);

/* How samples are kept: as integers where the file has integers, else as floating point; and the format of a WAV file
 * that holds exactly these. */
bool samples_are_integers(const SF_INFO *info);
int wav_format(const SF_INFO *info);

/* ---- verify.c ---- */
/* True when the WAV file holds exactly what libsndfile decodes from the file itself; else `why` says where not. */
bool track_verify(const struct track *track, char *why, size_t size);

/* ---- the allocating thread (hog.c) ---- */
struct hog_result {
    uint64_t requests, granted, largest, bytes;
    uint64_t checked, damaged; /* blocks compared with their pattern, and those that differed */
    uint64_t moved;            /* move callbacks of its own blocks */
};
void hog_start(const struct options *options);
/* So much more music was decoded. Waits while the thread is more than a second of music behind with its requests. */
void hog_music(double seconds);
struct hog_result hog_now(void);
struct hog_result hog_stop(void);

/* ---- report.c ---- */
void progress(const struct track *track, bool last);
void progress_word(const char *what, double part); /* for the making of the music: 0..1 */

struct totals {
    struct play_clock clock;
    unsigned seeks;
    size_t ahead; /* the most tracks that were open before their turn */
};
/* The table; true when all of it is as it must be. */
bool report(const struct options *options, const struct track *tracks, size_t count, const struct totals *totals,
            const struct hog_result *hog);

/* ---- tune.c ---- */
#define PIECES 3

/* Makes the pieces and their cover in options->out if they are not there; paths is filled. False with a line on stderr. */
bool tune_make(const struct options *options, char paths[PIECES][512]);

#endif

/* The example player: what its files know of each other.
 *
 *   main.c     options, the pool, one track after the other, the exit status
 *   decode.c   one track: bufopen -> libsndfile on top of bufread, bufgetdata, bufseek -> a WAV file
 *   output.c   decoded frames, in buffers of the audio pool, from the decoder to the thread that writes the WAV file
 *   clock.c    the playback clock: how much music lies ahead, and whether it ever ran out
 *   hog.c      the thread that allocates while the music plays
 *   verify.c   the WAV against a direct decode of the same file, sample for sample
 *   uncached.c what the same reads cost without a cache
 *   report.c   the progress line and the table
 *   tune.c, synth.c, speech.c   the music that is played when no file is given
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

/* ---- one track (decode.c) ---- */
struct track {
    const char *path;
    char wav[512];          /* where it was written */
    SF_INFO info;
    sf_count_t frames;      /* decoded */
    uint64_t bytes;         /* of the file, handed to the decoder */
    struct play_clock clock;
    struct uncached uncached;
    struct frame_figures buffers;
    char error[640];        /* why it did not play to its end; empty = it did */
};

/* Plays track->path into track->wav. True when it reached the end; else track->error says why. */
bool track_play(struct track *track);

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
/* The table; true when all of it is as it must be. */
bool report(const struct options *options, const struct track *tracks, size_t count, const struct hog_result *hog);

/* ---- tune.c ---- */
/* Makes the two pieces in options->out if they are not there; paths is filled. False with a line on stderr. */
bool tune_make(const struct options *options, char paths[2][512]);

#endif

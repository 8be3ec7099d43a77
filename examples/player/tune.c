/* The two pieces that are played when no file is given, made once and then kept: "tune" (FLAC), a song of eight-bar
 * verses, and "speech" (Ogg Vorbis), a voice over the same chords played quietly.
 *
 * The score is worked out sixteenth by sixteenth from a table of chords and a small repeatable random row: verses
 * repeat their melody (A A B A), the band enters player by player, breaks every fourth verse, and fades at the end. */
#include "player.h"
#include "chip.h"
#include "speech.h"
#include "synth.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1 /* part of the file names: count up when the music changes */
#define TEMPO 100.0
#define BLOCK 256

/* Root (as a bass note) and the notes above it, one chord per bar, eight bars a verse. */
static const struct chord {
    int root, notes[4];
} verse_chords[8] = {
    { 45, { 57, 60, 64, 67 } }, { 41, { 57, 60, 64, 65 } }, { 48, { 55, 60, 64, 67 } }, { 43, { 55, 59, 62, 67 } },
    { 45, { 57, 60, 64, 69 } }, { 50, { 57, 60, 62, 65 } }, { 41, { 57, 60, 65, 69 } }, { 40, { 56, 59, 62, 64 } },
}, bridge_chords[8] = {
    { 41, { 57, 60, 64, 65 } }, { 43, { 55, 59, 62, 65 } }, { 40, { 55, 59, 62, 64 } }, { 45, { 55, 60, 64, 69 } },
    { 50, { 57, 60, 65, 69 } }, { 43, { 55, 59, 62, 65 } }, { 48, { 55, 59, 60, 64 } }, { 40, { 56, 59, 62, 68 } },
};

/* The natural minor scale on A, two octaves: what the melody walks on. */
static const int scale[15] = { 69, 71, 72, 74, 76, 77, 79, 81, 83, 84, 86, 88, 89, 91, 93 };

struct piece {
    const char *name, *suffix;
    int format;
    bool spoken;
};
static const struct piece pieces[2] = {
    { "tune", "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, false },
    { "speech", "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, true },
};

/* The melody's notes of one verse: a scale step for each eighth, or -1 to let the last one sound. */
static void compose(signed char melody[64], bool bridge)
{
    uint32_t chance = bridge ? 4242 : 99;
    int step = bridge ? 9 : 4;
    for (int i = 0; i < 64; i++) {
        float luck = noise_next(&chance);
        melody[i] = -1;
        if (i >= 32 && i < 48 && !bridge) { /* the second half answers with the first motif */
            melody[i] = melody[i - 32];
            continue;
        }
        if (i % 8 == 7 || (i % 2 ? luck < 0.35f : luck < -0.6f))
            continue;
        step += (int)lrintf(2.4f * noise_next(&chance));
        step = step < 0 ? -step : step > 13 ? 26 - step : step;
        melody[i] = (signed char)step;
    }
}

/* On a strong beat a melody note moves to the nearest note of the chord. */
static int settle(int note, const struct chord *chord)
{
    int best = note, distance = 99;
    for (int i = 0; i < 4; i++)
        for (int octave = 0; octave <= 36; octave += 12) {
            int d = abs(chord->notes[i] + octave - note);
            if (d < distance) {
                distance = d;
                best = chord->notes[i] + octave;
            }
        }
    return best;
}

static void play_drums(struct synth *band, int step, bool fill)
{
    float accent = step % 4 == 0 ? 0.9f : 0.6f;
    if (step == 0 || step == 7 || step == 10)
        synth_note(band, KICK, 0, step ? 0.7f : 0.95f, 0, 0);
    if (step == 4 || step == 12 || (fill && step >= 11))
        synth_note(band, SNARE, 0, step == 4 || step == 12 ? 0.8f : 0.35f + 0.08f * (step - 11), 0.1f, 0);
    if (step % 2 == 0 || step == 15)
        synth_note(band, HAT, 0, 0.5f * accent, -0.4f, 0);
}

/* One sixteenth of the score. `quiet` is the bed under the voice: no drums, no melody. */
static void play_step(struct synth *band, int bar, int step, bool quiet, uint32_t *chance)
{
    static signed char melody[2][64];
    if (bar == 0 && step == 0) {
        compose(melody[0], false);
        compose(melody[1], true);
    }
    int verse = bar / 8, form = verse % 4;
    bool bridge = form == 2, rest = form == 3 && bar % 8 < 4;
    const struct chord *chord = bridge ? &bridge_chords[bar % 8] : &verse_chords[bar % 8];
    float beat = (float)(60 / TEMPO), human = 1 + 0.08f * noise_next(chance);

    if (step == 0)
        for (int i = 0; i < 4; i++)
            synth_note(band, PAD, (float)chord->notes[i], 0.32f, -0.6f + 0.4f * i, 3.9f * beat);
    static const signed char picking[16] = { 0, -1, 2, -1, 1, -1, 3, 2, -1, 1, 2, -1, 3, -1, 1, 2 };
    if (picking[step] >= 0 && (bar >= 2 || step % 4 == 0))
        synth_note(band, PLUCK, (float)chord->notes[picking[step]] + (bridge ? 12 : 0), 0.4f * human, 0.45f, beat);
    if (quiet)
        return;
    if (bar >= 2 && (step == 0 || step == 6 || step == 8 || (step == 14 && bar % 2)) && !rest)
        synth_note(band, BASS, (float)chord->root - (step == 6 ? 0 : 12) + 12, 0.55f * human, 0, beat * 0.45f);
    if (bar >= 4 && !rest)
        play_drums(band, step, bar % 8 == 7);
    if ((step == 3 || step == 6 || step == 11) && bar >= 4 && (bridge || rest || verse == 0))
        for (int i = 1; i < 4; i++)
            synth_note(band, KEYS, (float)chord->notes[i], 0.3f * human, -0.35f, beat * 0.4f);
    if (step % 2 == 0 && bar >= 4 && !rest) {
        int at = bar % 8 * 8 + step / 2, note = melody[bridge][at];
        if (note >= 0) {
            int pitch = step % 8 == 0 ? settle(scale[note], chord) : scale[note];
            synth_note(band, bridge ? KEYS : LEAD, (float)pitch, (bridge ? 0.55f : 0.34f) * human, -0.12f, beat * 0.48f);
        }
    }
}

static int encode(SNDFILE *file, const struct piece *piece, double seconds)
{
    struct synth *band = synth_new();
    struct speech *speaker = piece->spoken ? speech_new() : NULL;
    int64_t total = (int64_t)(seconds * SYNTH_RATE), done = 0, next_step = 0;
    double fade = fmin(4, seconds / 4) * SYNTH_RATE;
    uint32_t chance = 2024;
    int step = 0, result = band && (speaker || !piece->spoken) ? 0 : ENOMEM;
    char word[64];
    snprintf(word, sizeof word, "making %s.%s", piece->name, piece->suffix);
    while (!result && done < total) {
        if (done >= next_step) { /* every second sixteenth comes a little late: the swing */
            play_step(band, step / 16, step % 16, piece->spoken, &chance);
            step++;
            double late = step % 2 ? 0.12 : 0;
            next_step = (int64_t)((step + late) * 15 / TEMPO * SYNTH_RATE);
        }
        int64_t frames = next_step - done < BLOCK ? next_step - done : BLOCK;
        frames = total - done < frames ? total - done : frames;
        float mix[2 * BLOCK] = { 0 }, voice[BLOCK] = { 0 };
        short out[2 * BLOCK];
        synth_render(band, mix, (size_t)frames);
        if (speaker)
            speech_render(speaker, voice, (size_t)frames);
        for (int64_t i = 0; i < 2 * frames; i++) {
            float bed = piece->spoken ? 0.3f : 0.62f, loud = fminf(1, (float)((total - done - i / 2) / fade));
            float sum = tanhf(loud * (bed * mix[i] + 0.5f * voice[i / 2]));
            out[i] = (short)lrintf(32000 * sum + 0.5f * (noise_next(&chance) + noise_next(&chance)));
        }
        if (sf_writef_short(file, out, frames) != frames)
            result = EIO;
        done += frames;
        progress_word(word, (double)done / total);
    }
    synth_free(band);
    speech_free(speaker);
    return result;
}

/* A piece appears under its name only when it is whole. */
static bool make_piece(const struct piece *piece, double seconds, const char *path)
{
    char part[520];
    snprintf(part, sizeof part, "%s.part", path);
    SF_INFO info = { .samplerate = SYNTH_RATE, .channels = 2, .format = piece->format };
    SNDFILE *file = sf_open(part, SFM_WRITE, &info);
    if (!file) {
        fprintf(stderr, "player: cannot write %s: %s\n", part, sf_strerror(NULL));
        return false;
    }
    double quality = 0.5;
    sf_command(file, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
    sf_set_string(file, SF_STR_TITLE, piece->spoken ? "Speech over quiet strings" : "Eight bars in A minor");
    int error = encode(file, piece, seconds);
    if (sf_close(file) != 0 && !error)
        error = EIO;
    if (!error && rename(part, path) != 0)
        error = errno;
    if (error) {
        fprintf(stderr, "player: cannot write %s: %s\n", path, strerror(error));
        unlink(part);
    }
    return !error;
}

/* A BMP of 96 by 96: circles that run into each other. */
static bool make_cover(const char *path)
{
    enum { SIDE = 96, HEADER = 54 };
    static unsigned char image[HEADER + SIDE * SIDE * 3];
    const unsigned char header[HEADER] = { 'B', 'M', [2] = sizeof image & 255, [3] = sizeof image >> 8 & 255, [10] = HEADER,
                                           [14] = 40, [18] = SIDE, [22] = SIDE, [26] = 1, [28] = 24 };
    memcpy(image, header, sizeof header);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            unsigned char *pixel = image + HEADER + 3 * (y * SIDE + x);
            for (int n = 0; n < 3; n++)
                pixel[n] = (unsigned char)(127.5 + 127.5 * sin(hypot(x - 20 * n - 20, y - 70 + 15 * n) / (4 + 2 * n)));
        }
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(image, sizeof image, 1, file) == 1;
    return file && fclose(file) == 0 && good;
}

bool tune_make(const struct options *options, char paths[PIECES][512])
{
    char cover[512];
    snprintf(cover, sizeof cover, "%s/cover.bmp", options->out);
    snprintf(paths[2], 512, "%s/chip-v1-%gs.rmchip", options->out, options->seconds);
    if ((access(cover, R_OK) != 0 && !make_cover(cover))
        || (access(paths[2], R_OK) != 0 && !chip_make(paths[2], options->seconds))) {
        fprintf(stderr, "player: cannot write to %s\n", options->out);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const struct piece *piece = &pieces[i];
        snprintf(paths[i], 512, "%s/%s-v%d-%gs.%s", options->out, piece->name, VERSION, options->seconds, piece->suffix);
        if (access(paths[i], R_OK) != 0 && !make_piece(piece, options->seconds, paths[i]))
            return false;
    }
    return true;
}

#include "chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE 44100
#define HEADER 16
#define ROW 8
#define VOICES 4 /* the last one is noise */

struct voice {
    unsigned volume, period, count;
    bool high;
};

struct chip {
    const uint8_t *data;
    size_t size, next;
    uint32_t rate, frames, at;
    uint32_t noise;
    struct voice voices[VOICES];
};

static const char magic[8] = "RMCHIP1\n";

static uint32_t get32(const uint8_t *from)
{
    return from[0] | from[1] << 8 | from[2] << 16 | (uint32_t)from[3] << 24;
}

static void rewind_chip(struct chip *chip)
{
    chip->next = HEADER;
    chip->at = 0;
    chip->noise = 1;
    memset(chip->voices, 0, sizeof chip->voices);
}

struct chip *chip_open(const void *data, size_t size)
{
    if (size < HEADER || memcmp(data, magic, sizeof magic) != 0)
        return NULL;
    struct chip *chip = calloc(1, sizeof *chip);
    if (!chip)
        return NULL;
    chip->data = data;
    chip->size = size;
    chip->rate = get32(chip->data + 8);
    chip->frames = get32(chip->data + 12);
    rewind_chip(chip);
    if (chip->rate >= 1000 && chip->rate <= 192000)
        return chip;
    free(chip);
    return NULL;
}

void chip_close(struct chip *chip)
{
    free(chip);
}

int chip_rate(const struct chip *chip)
{
    return (int)chip->rate;
}

int64_t chip_frames(const struct chip *chip)
{
    return chip->frames;
}

static void step(struct chip *chip, int out[2])
{
    while (chip->next + ROW <= chip->size && get32(chip->data + chip->next) <= chip->at) {
        const uint8_t *row = chip->data + chip->next;
        struct voice *voice = &chip->voices[row[4] % VOICES];
        voice->volume = row[5];
        voice->period = row[6] | row[7] << 8;
        chip->next += ROW;
    }
    int sum[2] = { 0, 0 };
    for (int n = 0; n < VOICES; n++) {
        struct voice *voice = &chip->voices[n];
        if (voice->count > 0)
            voice->count--;
        else if (voice->period > 0) {
            voice->count = voice->period - 1;
            if (n == VOICES - 1)
                chip->noise = chip->noise >> 1 ^ (-(chip->noise & 1) & 0xb400);
            voice->high = n == VOICES - 1 ? chip->noise & 1 : !voice->high;
        }
        int level = (voice->high ? 1 : -1) * (int)voice->volume * 30;
        sum[0] += n == 1 ? level / 2 : level;
        sum[1] += n == 2 ? level / 2 : level;
    }
    out[0] = (int)((uint32_t)sum[0] << 16);
    out[1] = (int)((uint32_t)sum[1] << 16);
    chip->at++;
}

int64_t chip_read(struct chip *chip, int *frames, int64_t count)
{
    int64_t done = 0;
    for (; done < count && chip->at < chip->frames; done++)
        step(chip, frames + 2 * done);
    return done;
}

bool chip_seek(struct chip *chip, int64_t frame)
{
    int unheard[2];
    if (frame < 0 || frame > chip->frames)
        return false;
    if (frame < chip->at)
        rewind_chip(chip);
    while (chip->at < frame)
        step(chip, unheard);
    return true;
}

/* The tune: a broken chord, a bass under it, a beat. */

static bool put_row(FILE *file, uint32_t frame, unsigned voice, unsigned volume, unsigned period)
{
    uint8_t row[ROW] = { (uint8_t)frame, (uint8_t)(frame >> 8), (uint8_t)(frame >> 16), (uint8_t)(frame >> 24),
                         (uint8_t)voice, (uint8_t)volume, (uint8_t)period, (uint8_t)(period >> 8) };
    return fwrite(row, ROW, 1, file) == 1;
}

/* Half a wave, in frames: twelve to the octave above A = 110 Hz. */
static unsigned period_of(int note)
{
    static const unsigned octave[12] = { 200, 189, 179, 169, 159, 150, 142, 134, 126, 119, 113, 106 };
    return octave[note % 12] >> note / 12;
}

bool chip_make(const char *path, double seconds)
{
    static const int chords[4][3] = { { 12, 15, 19 }, { 8, 12, 15 }, { 15, 19, 22 }, { 10, 14, 17 } };
    char part[520];
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "wb");
    if (!file)
        return false;
    uint32_t frames = (uint32_t)(seconds * RATE), tick = RATE / 50;
    uint8_t sizes[8] = { (uint8_t)RATE, (uint8_t)(RATE >> 8), 0, 0, (uint8_t)frames, (uint8_t)(frames >> 8),
                         (uint8_t)(frames >> 16), (uint8_t)(frames >> 24) };
    bool good = fwrite(magic, sizeof magic, 1, file) == 1 && fwrite(sizes, sizeof sizes, 1, file) == 1;
    for (uint32_t n = 0; good && n * tick < frames; n++) {
        const int *chord = chords[n / 96 % 4];
        unsigned fade = 60 - n % 6 * 8;
        good = put_row(file, n * tick, 0, fade, period_of(chord[n % 3] + 12))
            && put_row(file, n * tick, 1, n % 12 < 9 ? 50 : 0, period_of(chord[0] - 8 + (n % 48 >= 36 ? 12 : 0)))
            && put_row(file, n * tick, 2, n / 192 % 2 ? fade / 2 : 0, period_of(chord[(n / 6 + 1) % 3] + 24))
            && put_row(file, n * tick, 3, n % 24 == 12 ? 70 : n % 12 == 0 ? 40 : n % 12 == 1 ? 15 : 0, n % 24 ? 3 : 30);
    }
    good = fclose(file) == 0 && good && rename(part, path) == 0;
    if (!good)
        unlink(part);
    return good;
}

/* A throat, a mouth and a text.
 *
 *   pulses of the throat ─┐
 *   breath ───────────────┴─> F1 ─> F2 ─> F3 ─> F4 ─┬─> out        (resonators in a row: vowels)
 *   hiss ──────────────────────> one resonator ─────┘              (s, f, sh, the burst of t and k)
 *
 * A sound is a row of targets in the table below; what we hear is the way from one to the next, so every figure
 * glides towards its target. A sentence is a row of sounds with the pitch falling from its beginning to its end. */
#include "speech.h"
#include "synth.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAU 6.28318530718f
#define DT (1.0f / SYNTH_RATE)

enum { F1, F2, F3, VOICE, BREATH, HISS, HISS_AT, FIGURES };

struct sound {
    char name[3];
    short ms;
    short at[FIGURES]; /* the formants in Hz, three strengths in percent, the hiss's middle in Hz */
};

/* Middle figures of English as textbooks of phonetics give them for a man's voice. */
static const struct sound sounds[] = {
    { "AA", 150, { 730, 1090, 2440, 100, 2, 0, 0 } },  { "AE", 140, { 660, 1720, 2410, 100, 2, 0, 0 } },
    { "AH", 90, { 640, 1190, 2390, 100, 2, 0, 0 } },   { "AO", 150, { 570, 840, 2410, 100, 2, 0, 0 } },
    { "EH", 110, { 530, 1840, 2480, 100, 2, 0, 0 } },  { "ER", 130, { 490, 1350, 1690, 100, 2, 0, 0 } },
    { "IH", 90, { 390, 1990, 2550, 100, 2, 0, 0 } },   { "IY", 130, { 270, 2290, 3010, 100, 2, 0, 0 } },
    { "UH", 90, { 440, 1020, 2240, 100, 2, 0, 0 } },   { "UW", 140, { 300, 870, 2240, 100, 2, 0, 0 } },
    { "W", 70, { 300, 610, 2200, 75, 0, 0, 0 } },      { "Y", 60, { 260, 2200, 3000, 75, 0, 0, 0 } },
    { "R", 80, { 310, 1060, 1380, 80, 0, 0, 0 } },     { "L", 75, { 360, 1050, 2880, 75, 0, 0, 0 } },
    { "M", 80, { 250, 1000, 2200, 55, 0, 0, 0 } },     { "N", 75, { 250, 1500, 2500, 55, 0, 0, 0 } },
    { "NG", 85, { 250, 2000, 2600, 55, 0, 0, 0 } },    { "V", 65, { 250, 1100, 2200, 50, 0, 12, 5000 } },
    { "Z", 80, { 250, 1700, 2500, 40, 0, 30, 6300 } }, { "DH", 50, { 270, 1300, 2500, 50, 0, 8, 5500 } },
    { "S", 110, { 320, 1700, 2500, 0, 0, 60, 6500 } }, { "SH", 115, { 300, 1800, 2700, 0, 0, 75, 3200 } },
    { "F", 95, { 320, 1100, 2300, 0, 0, 28, 5200 } },  { "TH", 90, { 320, 1300, 2500, 0, 0, 20, 5800 } },
    { "HH", 60, { 500, 1500, 2500, 0, 60, 0, 0 } },    { "-", 45, { 300, 1300, 2400, 0, 0, 0, 0 } },
    { "_b", 50, { 210, 900, 2200, 25, 0, 0, 0 } },     { "_d", 45, { 210, 1700, 2600, 25, 0, 0, 0 } },
    { "_p", 15, { 400, 900, 2200, 0, 40, 25, 1200 } }, { "_t", 22, { 350, 1750, 2600, 0, 30, 65, 4800 } },
    { "_k", 28, { 350, 1900, 2300, 0, 35, 55, 2000 } }, { ".", 330, { 400, 1400, 2400, 0, 0, 0, 0 } },
};

/* B, D, G are a closed mouth that hums; P, T, K are silence and a burst. Diphthongs are two vowels. */
static const struct { char name[3]; const char *parts; } spelled[] = {
    { "B", "_b" }, { "D", "_d" }, { "G", "_d" }, { "P", "- _p" }, { "T", "- _t" }, { "K", "- _k" },
    { "CH", "- _t SH" }, { "JH", "_d SH" }, { "EY", "EH IY" }, { "AY", "AA IY" }, { "OW", "AO UW" }, { "AW", "AA UW" },
};

static const char *const text[] = {
    /* "This is a song about memory." */
    "DH IH S IH Z AH S AO NG AH B AW T M EH M ER IY .",
    /* "One thread plays, and another takes." */
    "W AH N TH R EH D P L EY Z . AE N D AH N AH DH ER T EY K S .",
    /* "The box rocks on." */
    "DH AH B AA K S R AA K S AA N .",
    /* "No byte is lost, no beat is late." */
    "N OW B AY T IH Z L AO S T . N OW B IY T IH Z L EY T .",
    /* "One, two, three, four, five, six, seven, eight." */
    "W AH N . T UW . TH R IY . F OW R . F AY V . S IH K S . S EH V AH N . EY T .",
    /* "We free what we may, and keep what you need." */
    "W IY F R IY W AH T W IY M EY . AE N D K IY P W AH T Y UW N IY D .",
};
#define SENTENCES (sizeof text / sizeof *text)

struct resonator {
    float a, b, c, y1, y2;
};

struct speech {
    size_t sentence;
    const char *at;         /* the next sound in the sentence */
    const char *parts;      /* the rest of a spelled sound, or NULL */
    const struct sound *sound;
    int left;               /* samples of this sound still to come */
    float now[FIGURES], pitch, throat, pulse, phase;
    struct resonator row[4], hiss;
    uint32_t noise;
};

struct speech *speech_new(void)
{
    struct speech *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->noise = 7;
    s->at = text[0];
    s->sound = &sounds[sizeof sounds / sizeof *sounds - 1];
    for (int i = 0; i < FIGURES; i++)
        s->now[i] = s->sound->at[i];
    return s;
}

void speech_free(struct speech *s)
{
    free(s);
}

/* The next word of a row into name; the place after it, or NULL at the end. */
static const char *next_word(const char *row, char name[3])
{
    row += strspn(row, " ");
    size_t n = strcspn(row, " ");
    if (n == 0 || n > 2)
        return NULL;
    memcpy(name, row, n);
    name[n] = 0;
    return row + n;
}

static void next_sound(struct speech *s)
{
    char name[3];
    const char *rest = s->parts ? next_word(s->parts, name) : NULL;
    s->parts = rest;
    if (!rest) {
        while (!(rest = next_word(s->at, name))) {
            s->sentence = (s->sentence + 1) % SENTENCES;
            s->at = text[s->sentence];
        }
        s->at = rest;
        for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++)
            if (!strcmp(spelled[i].name, name))
                s->parts = next_word(spelled[i].parts, name);
    }
    for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++)
        if (!strcmp(sounds[i].name, name))
            s->sound = &sounds[i];
    s->left = s->sound->ms * SYNTH_RATE / 1000;
    /* Pitch falls over the sentence; each sentence begins a little differently. */
    float done = (float)(s->at - text[s->sentence]) / strlen(text[s->sentence]);
    s->pitch = 128 - 34 * done + 7 * noise_next(&s->noise) + 4 * (float)(s->sentence % 3);
}

static void tune(struct resonator *r, float freq, float width)
{
    float d = expf(-TAU / 2 * width * DT);
    r->c = -d * d;
    r->b = 2 * d * cosf(TAU * freq * DT);
    r->a = 1 - r->b - r->c;
}

static float resonate(struct resonator *r, float in)
{
    float y = r->a * in + r->b * r->y1 + r->c * r->y2;
    r->y2 = r->y1;
    r->y1 = y;
    return y;
}

/* Formants glide in 18 ms, strengths in 6; a burst does not glide, it bursts. */
static void glide(struct speech *s, float step)
{
    for (int i = 0; i < FIGURES; i++) {
        float time = i <= F3 ? 0.018f : i == HISS_AT ? 0.001f : s->sound->at[i] > s->now[i] && i == HISS ? 0.001f : 0.006f;
        s->now[i] += (1 - expf(-step / time)) * (s->sound->at[i] - s->now[i]);
    }
    s->throat += (1 - expf(-step / 0.06f)) * (s->pitch - s->throat);
    tune(&s->row[0], s->now[F1], 70);
    tune(&s->row[1], s->now[F2], 100);
    tune(&s->row[2], s->now[F3], 150);
    tune(&s->row[3], 3500, 250);
    tune(&s->hiss, fmaxf(s->now[HISS_AT], 800), 1400);
}

void speech_render(struct speech *s, float *out, size_t samples)
{
    for (size_t i = 0; i < samples; i++) {
        if (s->left-- <= 0)
            next_sound(s);
        if (i % 32 == 0)
            glide(s, 32 * DT);
        s->phase += s->throat * DT;
        s->phase -= floorf(s->phase);
        /* The throat opens slowly and shuts at once; the ear gets the change of its flow. */
        float p = s->phase, flow = p < 0.6f ? p * p * (0.6f - p) * 11.5f : 0;
        float change = flow - s->pulse, hiss = noise_next(&s->noise);
        s->pulse = flow;
        float in = 0.01f * (s->now[VOICE] * 9 * change + s->now[BREATH] * 0.12f * hiss);
        for (int k = 0; k < 4; k++)
            in = resonate(&s->row[k], in);
        out[i] += 3.2f * in + 0.01f * 0.35f * s->now[HISS] * resonate(&s->hiss, hiss);
    }
}

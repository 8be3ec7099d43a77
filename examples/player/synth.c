/* Voices and room.
 *
 *   synth_note ──> voices[40] ──┬── dry ──────────────┐
 *                               └── send ──> room ────┴──> out (stereo)
 *
 * A voice is a small state machine: it makes one sample at a time and says when it has ended. */
#include "synth.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define VOICES 40
#define STRING_MAX 1400 /* samples in the longest string: 31 Hz */
#define TAU 6.28318530718f
#define DT (1.0f / SYNTH_RATE)

struct voice {
    enum instrument kind;
    bool on;
    float freq, strength, left, right, held;
    float time;            /* seconds since the key went down */
    float phase[3], low[2];
    float level;           /* a slow peak meter: who is the quietest */
    uint32_t noise;
    int length, at;        /* of the string */
    float string[STRING_MAX];
};

/* A room after Schroeder: four echoes side by side that feed themselves, then two that only smear. */
struct room {
    float comb[2][4][1800], smear[2][2][600], damp[2][4];
    int comb_at[2][4], smear_at[2][2];
};

struct synth {
    struct voice voices[VOICES];
    struct room room;
    uint32_t noise;
};

float noise_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state / 2147483648.0f;
}

struct synth *synth_new(void)
{
    struct synth *band = calloc(1, sizeof *band);
    if (band)
        band->noise = 1;
    return band;
}

void synth_free(struct synth *band)
{
    free(band);
}

/* A string is filled with noise, softer noise for a softer stroke. */
static void string_start(struct voice *v)
{
    v->length = (int)(SYNTH_RATE / v->freq - 0.5f);
    if (v->length > STRING_MAX)
        v->length = STRING_MAX;
    if (v->length < 2)
        v->length = 2;
    float soft = 0.25f + 0.6f * v->strength, last = 0;
    for (int i = 0; i < v->length; i++)
        v->string[i] = last += soft * (noise_next(&v->noise) - last);
}

void synth_note(struct synth *band, enum instrument kind, float pitch, float strength, float place, float held)
{
    struct voice *v = &band->voices[0];
    for (int i = 0; i < VOICES && v->on; i++)
        if (!band->voices[i].on || band->voices[i].level < v->level)
            v = &band->voices[i];
    float angle = (place + 1) * TAU / 8;
    *v = (struct voice){ .kind = kind, .on = true, .strength = strength, .held = held, .level = 1,
                         .freq = 440 * exp2f((pitch - 69) / 12), .left = cosf(angle), .right = sinf(angle) };
    band->noise = band->noise * 69069 + 12345;
    v->noise = band->noise;
    if (kind == PLUCK)
        string_start(v);
}

/* Up in `attack` seconds, then towards `hold` with the time constant `decay`, and down with `release` after the key. */
static float envelope(const struct voice *v, float attack, float decay, float hold, float release)
{
    float t = v->time;
    float level = t < attack ? t / attack : hold + (1 - hold) * expf((attack - t) / decay);
    return t > v->held ? level * expf((v->held - t) / release) : level;
}

static float turn(float *phase, float freq)
{
    *phase += freq * DT;
    *phase -= floorf(*phase);
    return *phase;
}

/* A sawtooth whose step is rounded over two samples, so that it does not alias audibly. */
static float saw(float *phase, float freq)
{
    float p = turn(phase, freq), step = freq * DT, out = 2 * p - 1;
    if (p < step) {
        p /= step;
        out -= p + p - p * p - 1;
    } else if (p > 1 - step) {
        p = (p - 1) / step;
        out -= p * p + p + p + 1;
    }
    return out;
}

/* Two one-pole low passes in a row. */
static float soften(struct voice *v, float in, float cutoff)
{
    float k = 1 - expf(-TAU * cutoff * DT);
    v->low[0] += k * (in - v->low[0]);
    v->low[1] += k * (v->low[0] - v->low[1]);
    return v->low[1];
}

static float play_pluck(struct voice *v)
{
    int next = v->at + 1 == v->length ? 0 : v->at + 1;
    float out = v->string[v->at];
    float keep = v->time > v->held ? 0.97f : 0.9975f;
    v->string[v->at] = keep * 0.5f * (out + v->string[next]);
    v->at = next;
    return 1.6f * out;
}

static float play_keys(struct voice *v)
{
    float bark = envelope(v, 0.001f, 0.9f, 0, 0.1f), tine = envelope(v, 0.001f, 0.12f, 0, 0.05f);
    float body = sinf(TAU * turn(&v->phase[0], v->freq)
                      + 1.4f * v->strength * bark * sinf(TAU * turn(&v->phase[1], v->freq)));
    float bell = tine * sinf(TAU * turn(&v->phase[2], 14 * v->freq));
    return envelope(v, 0.002f, 1.3f, 0, 0.15f) * (0.55f * body + 0.06f * v->strength * bell);
}

static float play_pad(struct voice *v)
{
    float sum = saw(&v->phase[0], v->freq) + saw(&v->phase[1], v->freq * 1.0045f) + saw(&v->phase[2], v->freq * 0.9957f);
    float open = 350 + 1500 * (1 - expf(-v->time / 1.2f));
    return envelope(v, 0.5f, 4, 0.8f, 0.6f) * 0.22f * soften(v, sum, open);
}

static float play_bass(struct voice *v)
{
    float sum = 0.6f * saw(&v->phase[0], v->freq) + 0.7f * sinf(TAU * turn(&v->phase[1], v->freq / 2));
    float open = 180 + 1400 * v->strength * expf(-v->time / 0.12f);
    return envelope(v, 0.004f, 0.5f, 0.5f, 0.06f) * 0.8f * soften(v, sum, open);
}

static float play_lead(struct voice *v)
{
    float late = v->time < 0.25f ? 0 : fminf((v->time - 0.25f) / 0.4f, 1);
    float bend = 1 + 0.006f * late * sinf(TAU * turn(&v->phase[1], 5.3f));
    float p = TAU * turn(&v->phase[0], v->freq * bend);
    float breath = soften(v, noise_next(&v->noise), 2500) * (0.05f + 0.3f * expf(-v->time / 0.03f));
    float tone = sinf(p) + 0.32f * sinf(2 * p) + 0.12f * sinf(3 * p) + 0.04f * sinf(5 * p);
    return envelope(v, 0.045f, 0.4f, 0.8f, 0.09f) * (0.5f * tone + breath);
}

static float play_drum(struct voice *v)
{
    float t = v->time, hiss = noise_next(&v->noise), bright = hiss - v->low[0];
    v->low[0] = hiss;
    switch (v->kind) {
    case KICK:
        return expf(-t / 0.16f) * sinf(TAU * turn(&v->phase[0], 48 + 110 * expf(-t / 0.028f))) + 0.1f * bright * expf(-t / 0.003f);
    case SNARE:
        return 0.45f * expf(-t / 0.05f) * (sinf(TAU * turn(&v->phase[0], 187)) + 0.6f * sinf(TAU * turn(&v->phase[1], 331)))
               + 0.35f * expf(-t / 0.09f) * bright;
    default: /* HAT: twice the slope */
        hiss = bright - v->low[1];
        v->low[1] = bright;
        return 0.2f * expf(-t / 0.035f) * hiss;
    }
}

static float voice_next(struct voice *v)
{
    float out;
    switch (v->kind) {
    case PLUCK: out = play_pluck(v); break;
    case KEYS: out = play_keys(v); break;
    case PAD: out = play_pad(v); break;
    case BASS: out = play_bass(v); break;
    case LEAD: out = play_lead(v); break;
    default: out = play_drum(v); break;
    }
    v->time += DT;
    out *= v->strength;
    v->level = fmaxf(fabsf(out), v->level * 0.9998f);
    if (v->level < 1e-4f && v->time > 0.1f)
        v->on = false;
    return out;
}

static float room_next(struct room *room, int side, float in)
{
    static const int comb_length[4] = { 1557, 1617, 1491, 1422 }, smear_length[2] = { 556, 441 };
    float out = 0;
    for (int i = 0; i < 4; i++) {
        int n = comb_length[i] + 23 * side, *at = &room->comb_at[side][i];
        float back = room->comb[side][i][*at], *damp = &room->damp[side][i];
        *damp += 0.6f * (back - *damp);
        room->comb[side][i][*at] = in + 0.8f * *damp;
        *at = *at + 1 == n ? 0 : *at + 1;
        out += back;
    }
    for (int i = 0; i < 2; i++) {
        int n = smear_length[i] + 23 * side, *at = &room->smear_at[side][i];
        float back = room->smear[side][i][*at];
        room->smear[side][i][*at] = out + 0.5f * back;
        out = back - 0.5f * out;
        *at = *at + 1 == n ? 0 : *at + 1;
    }
    return out;
}

void synth_render(struct synth *band, float *out, size_t frames)
{
    static const float send[] = { [PLUCK] = 0.09f, [KEYS] = 0.07f, [PAD] = 0.1f, [BASS] = 0.01f,
                                  [LEAD] = 0.12f, [KICK] = 0.008f, [SNARE] = 0.06f, [HAT] = 0.02f };
    for (size_t i = 0; i < frames; i++) {
        float left = 0, right = 0, wet_left = 0, wet_right = 0;
        for (struct voice *v = band->voices; v < band->voices + VOICES; v++) {
            if (!v->on)
                continue;
            float s = voice_next(v), l = s * v->left, r = s * v->right;
            left += l;
            right += r;
            wet_left += send[v->kind] * l;
            wet_right += send[v->kind] * r;
        }
        out[2 * i] += left + room_next(&band->room, 0, wet_left);
        out[2 * i + 1] += right + room_next(&band->room, 1, wet_right);
    }
}

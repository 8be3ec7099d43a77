/* The instruments of the band that plays when no file is given: seven kinds of voice, mixed to stereo with a room. */
#ifndef SYNTH_H
#define SYNTH_H

#include <stddef.h>
#include <stdint.h>

#define SYNTH_RATE 44100

enum instrument {
    PLUCK, /* a plucked string: noise in a delay line that loses its treble */
    KEYS,  /* an electric piano: two pairs of sine operators, each bending the phase of the other */
    PAD,   /* detuned sawtooths behind a filter that opens slowly */
    BASS,  /* one sawtooth and the sine an octave below, behind a filter that closes */
    LEAD,  /* a flute: few harmonics, vibrato that comes late, breath */
    KICK,
    SNARE,
    HAT,
};

struct synth;

/* A band in silence, or NULL without memory. The same calls give the same samples. */
struct synth *synth_new(void);
void synth_free(struct synth *band);

/* Starts a note: pitch as a MIDI number (69 is 440 Hz), strength 0..1, place -1 left .. 1 right, and how long the key
 * is held, in seconds. The drums take no notice of pitch and length. When too many notes sound, the quietest gives way. */
void synth_note(struct synth *band, enum instrument kind, float pitch, float strength, float place, float held);

/* Adds the next frames of the band, room included, to out: left, right, left, ... */
void synth_render(struct synth *band, float *out, size_t frames);

/* The next of a repeatable row of random numbers, -1..1. */
float noise_next(uint32_t *state);

#endif

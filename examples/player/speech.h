/* A voice that reads a few sentences: a formant synthesiser after Klatt, of the simplest kind that is understood. */
#ifndef SPEECH_H
#define SPEECH_H

#include <stddef.h>

struct speech;

/* A speaker at the beginning of the text, or NULL without memory. The text is read over and over. */
struct speech *speech_new(void);
void speech_free(struct speech *speaker);

/* Adds the next samples (one channel, SYNTH_RATE) to out. */
void speech_render(struct speech *speaker, float *out, size_t samples);

#endif

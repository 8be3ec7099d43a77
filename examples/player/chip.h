/* A chiptune: notes for a sound chip of three square voices and noise, in a file that its player wants whole.
 *
 *   file    "RMCHIP1\n"  rate  frames  then rows { frame, voice, volume, period }, in the order of their frames
 *           all numbers little-endian: 32 bits; voice and volume 8; period 16
 */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;

/* A chip that plays these bytes, which stay where they are; NULL if they are none, or without memory. */
struct chip *chip_open(const void *data, size_t size);
void chip_close(struct chip *chip);
int chip_rate(const struct chip *chip);
int64_t chip_frames(const struct chip *chip);

/* The next frames, two channels, in the upper halves of 32 bits. */
int64_t chip_read(struct chip *chip, int *frames, int64_t count);
/* Goes to a frame, by playing up to it unheard: a chip knows no other way. */
bool chip_seek(struct chip *chip, int64_t frame);

/* Writes a tune of so many seconds. */
bool chip_make(const char *path, double seconds);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every bench program in this folder shares.
 *
 * Each program is one group of workloads. It knows the allocator only by the public header, so
 * the same source is linked once with our archive and once with any other that has the same C
 * names. It prints one line per figure,
 *
 *      name <TAB> value <TAB> unit
 *
 * and the driver (benches/buflib.rs) joins the lines of all programs into one table. Units are
 * ns, B, %, n (a count) and x (a ratio). A name that ends in ".peer" is the figure of somebody
 * else's code in the same process, such as glibc's malloc.
 */
#ifndef ROCKMEM_BENCH_H
#define ROCKMEM_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rockmem/buflib.h>

#define WORD (sizeof(union buflib_data))

/* Bytes a block of `size` bytes takes from the pool: header words and rounding, handle not. */
static inline size_t footprint(size_t size)
{
    return (size + WORD - 1) / WORD * WORD + BUFLIB_ALLOC_OVERHEAD;
}

/* splitmix64: the same numbers on every machine, and in the driver's own workloads. */
struct rng { uint64_t state; };

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number from lo to hi, both included. */
static inline size_t rng_range(struct rng *r, size_t lo, size_t hi)
{
    return lo + (size_t)(rng_next(r) % (hi - lo + 1));
}

/* Processor time of this thread in ns: what other processes do does not show in it. */
double cpu_ns(void);

/* Page-aligned memory that is already there: no page fault falls into a measurement. */
char *pool_get(size_t size);
void pool_put(char *pool, size_t size);

/* One figure. The name is a printf format, so that a size can be part of it. */
void emit(double value, const char *unit, const char *name, ...)
    __attribute__((format(printf, 3, 4)));

/* The workload itself cannot be carried out: say why and end with an error. */
void give_up(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The allocator found its pool or its caller broken; it ends the program. */
void panicf(const char *fmt, ...);

#endif

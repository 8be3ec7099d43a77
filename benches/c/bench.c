/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See bench.h. */
#define _GNU_SOURCE
#include "bench.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

char *pool_get(size_t size)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        give_up("no memory for a pool of %zu bytes", size);
    memset(p, 0xa5, size);
    return p;
}

void pool_put(char *pool, size_t size)
{
    munmap(pool, size);
}

void emit(double value, const char *unit, const char *name, ...)
{
    va_list ap;
    va_start(ap, name);
    vprintf(name, ap);
    va_end(ap);
    printf("\t%.6g\t%s\n", value, unit);
    fflush(stdout);
}

void give_up(const char *why, ...)
{
    va_list ap;
    va_start(ap, why);
    fputs("bench: ", stderr);
    vfprintf(stderr, why, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void panicf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("panic: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

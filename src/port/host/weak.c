/* What the host library does when the program that links it brings no panicf and no logf of its own.
 *
 * The symbol behind logf is _logf, as in the tree (firmware/export/logf.h makes the one a macro for the other): a
 * symbol called logf would take the place of the mathematical function in every program that links us. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void panicf(const char *fmt, ...) __attribute__((weak, format(printf, 1, 2)));
void _logf(const char *fmt, ...) __attribute__((weak, format(printf, 1, 2)));

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

void _logf(const char *fmt, ...)
{
    (void)fmt;
}

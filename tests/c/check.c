/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test harness: see check.h. */
#include "check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEST_SECONDS = 60,  /* a test that takes longer hangs */
    FAILED = 1,
    USAGE = 2,
    EXPECTED_PANIC = 42,
    EXPECTED_PANIC_TOUCHED = 43,
    MAX_WATCHED = 8,
};

static struct check_test *tests;
static struct check_test **tests_end = &tests;

void check_register(struct check_test *test)
{
    *tests_end = test;
    tests_end = &test->next;
}

void check_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(NULL);
    _exit(FAILED);
}

/* ---- panics -------------------------------------------------------------------------- */

static struct {
    const void *start;
    size_t length;
    void *copy;
} watched[MAX_WATCHED];

static bool panic_expected;
static int panic_pipe[2];
static pid_t panic_child;

void check_watch(const void *start, size_t length)
{
    for (int i = 0; i < MAX_WATCHED; i++) {
        if (!watched[i].start) {
            watched[i].start = start;
            watched[i].length = length;
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "no room to watch more");
}

void check_unwatch(const void *start)
{
    for (int i = 0; i < MAX_WATCHED; i++)
        if (watched[i].start == start)
            watched[i].start = NULL;
}

static void remember_watched(void)
{
    for (int i = 0; i < MAX_WATCHED; i++) {
        if (watched[i].start) {
            watched[i].copy = malloc(watched[i].length);
            if (!watched[i].copy)
                check_fail(__FILE__, __LINE__, "no memory");
            memcpy(watched[i].copy, watched[i].start, watched[i].length);
        }
    }
}

static bool watched_changed(void)
{
    for (int i = 0; i < MAX_WATCHED; i++)
        if (watched[i].start &&
            memcmp(watched[i].copy, watched[i].start, watched[i].length) != 0)
            return true;
    return false;
}

/* The library's way out. It never returns. */
/* What an archive made for the players asks the program for: the clock, and what the thread may have done for it
 * (everything). Other archives ask for neither. */
unsigned rmport_ticks(void);
unsigned rmport_asker(void);

unsigned check_ticks;
unsigned check_ticks_step;
unsigned check_asker = 2;

unsigned rmport_ticks(void)
{
    return check_ticks += check_ticks_step;
}

unsigned rmport_asker(void)
{
    return check_asker;
}

void panicf(const char *format, ...);
void panicf(const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);

    if (!panic_expected)
        check_fail("panicf", 0, "%s", message);

    ssize_t written = write(panic_pipe[1], message, strlen(message));
    (void)written;
    _exit(watched_changed() ? EXPECTED_PANIC_TOUCHED : EXPECTED_PANIC);
}

void _logf(const char *format, ...);
void _logf(const char *format, ...)
{
    (void)format;
}

bool check_panic_fork(void)
{
    fflush(NULL);
    if (pipe(panic_pipe) != 0)
        check_fail(__FILE__, __LINE__, "pipe failed");
    panic_child = fork();
    if (panic_child < 0)
        check_fail(__FILE__, __LINE__, "fork failed");
    if (panic_child > 0)
        return false;

    close(panic_pipe[0]);
    alarm(TEST_SECONDS / 2);
    panic_expected = true;
    remember_watched();
    return true;
}

void check_panic_missing(void)
{
    _exit(EXIT_SUCCESS);
}

struct check_panic check_panic_join(void)
{
    struct check_panic panic = { .raised = false };
    close(panic_pipe[1]);
    size_t length = 0;
    ssize_t got;
    while (length < sizeof(panic.message) - 1 &&
           (got = read(panic_pipe[0], panic.message + length,
                       sizeof(panic.message) - 1 - length)) > 0)
        length += (size_t)got;
    close(panic_pipe[0]);

    int status;
    waitpid(panic_child, &status, 0);
    if (WIFSIGNALED(status)) {
        snprintf(panic.message, sizeof(panic.message), "ended by signal %d", WTERMSIG(status));
    } else if (WEXITSTATUS(status) == EXPECTED_PANIC ||
               WEXITSTATUS(status) == EXPECTED_PANIC_TOUCHED) {
        panic.raised = true;
        panic.touched = WEXITSTATUS(status) == EXPECTED_PANIC_TOUCHED;
    } else {
        snprintf(panic.message, sizeof(panic.message), "ended with status %d, no panic",
                 WEXITSTATUS(status));
    }
    return panic;
}

void check_panicked(const char *file, int line, struct check_panic panic)
{
    if (!panic.raised)
        check_fail(file, line, "expected a panic: %s", panic.message);
}

/* Is `number` in `text` as a number of its own, not as digits of another or of an address? */
static bool names_number(const char *text, const char *number)
{
    size_t length = strlen(number);
    for (const char *at = text; (at = strstr(at, number)) != NULL; at++) {
        bool starts = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '-');
        if (starts && !isalnum((unsigned char)at[length]))
            return true;
    }
    return false;
}

void check_panic_names(const char *file, int line, struct check_panic panic, int handle)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", handle);
    check_panicked(file, line, panic);
    if (!names_number(panic.message, number))
        check_fail(file, line, "the panic does not name handle %d: %s", handle, panic.message);
    if (panic.touched)
        check_fail(file, line, "memory was written before the panic: %s", panic.message);
}

/* ---- running ------------------------------------------------------------------------- */

static void run_here(const struct check_test *test)
{
    alarm(TEST_SECONDS);
    test->run();
}

static bool run_in_child(const struct check_test *test)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_here(test);
        exit(EXIT_SUCCESS);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "FAILED %s (wait status 0x%x)\n", test->name, (unsigned)status);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *name = NULL;
    bool list = false;
    bool original = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            list = true;
        else if (strcmp(argv[i], "--original") == 0)
            original = true;
        else
            name = argv[i];
    }

    int run = 0;
    int failed = 0;
    for (const struct check_test *test = tests; test; test = test->next) {
        if (original && test->divergence)
            continue;
        if (list) {
            puts(test->name);
        } else if (!name) {
            run++;
            failed += !run_in_child(test);
        } else if (strcmp(name, test->name) == 0) {
            run_here(test);
            return EXIT_SUCCESS;
        }
    }
    if (name && !list) {
        fprintf(stderr, "no test named %s\n", name);
        return USAGE;
    }
    if (!list)
        printf("%d tests, %d failed\n", run, failed);
    return failed ? FAILED : EXIT_SUCCESS;
}

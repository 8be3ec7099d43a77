/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test harness, as small as it can be.
 *
 *     TEST(name) { ... }               a promise every buflib keeps
 *     DIVERGENCE_TEST(name) { ... }    one that the C original breaks and we keep on purpose;
 *                                      above it stands a comment that begins "divergence:"
 *
 * A program made of one test file and check.c understands
 *
 *     prog                    run every test, each in a forked child
 *     prog NAME               run one test in this process
 *     prog --list             print the names
 *     prog --original ...     any of these, without the divergences
 *
 * A failed check prints the place and the values and ends the process. So does an alarm: a test
 * that hangs has failed.
 *
 * check.c also supplies panicf and _logf, which the library calls. A panic that nobody expects
 * fails the test. CHECK_PANIC runs its statement in a forked child, so that the state of the
 * test is untouched by it, and demands that the message names the handle and that no byte that
 * is watched (check_watch; every pool is) changed before the panic.
 */
#ifndef ROCKMEM_TESTS_CHECK_H
#define ROCKMEM_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check_test {
    const char *name;
    void (*run)(void);
    bool divergence;
    struct check_test *next;
};

void check_register(struct check_test *test);

#define CHECK_REGISTER(name, is_divergence)                                      \
    static void name(void);                                                      \
    __attribute__((constructor)) static void check_register_##name(void)         \
    {                                                                            \
        static struct check_test test = { #name, name, is_divergence, NULL };    \
        check_register(&test);                                                   \
    }                                                                            \
    static void name(void)

#define TEST(name) CHECK_REGISTER(name, false)
#define DIVERGENCE_TEST(name) CHECK_REGISTER(name, true)

__attribute__((noreturn, format(printf, 3, 4)))
void check_fail(const char *file, int line, const char *format, ...);

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition))                                                        \
            check_fail(__FILE__, __LINE__, "%s", #condition);                    \
    } while (0)

/* Compares two numbers of at most 64 bits. */
#define CHECK_NUMBERS(actual, relation, expected)                                \
    do {                                                                         \
        long long check_a = (long long)(actual);                                 \
        long long check_e = (long long)(expected);                               \
        if (!(check_a relation check_e))                                         \
            check_fail(__FILE__, __LINE__, "%s %s %s: %lld and %lld", #actual,   \
                       #relation, #expected, check_a, check_e);                  \
    } while (0)

#define CHECK_EQ(actual, expected) CHECK_NUMBERS(actual, ==, expected)
#define CHECK_GE(actual, expected) CHECK_NUMBERS(actual, >=, expected)
#define CHECK_LE(actual, expected) CHECK_NUMBERS(actual, <=, expected)
#define CHECK_GT(actual, expected) CHECK_NUMBERS(actual, >, expected)
#define CHECK_LT(actual, expected) CHECK_NUMBERS(actual, <, expected)

/* How a statement that should panic ended. */
struct check_panic {
    bool raised;       /* panicf was called */
    bool touched;      /* and something watched had changed by then */
    char message[512]; /* what panicf was told, or how else the child ended */
};

/* Memory that a panic must leave alone. At most eight places; unwatch takes one away again. */
void check_watch(const void *start, size_t length);
void check_unwatch(const void *start);

bool check_panic_fork(void); /* true in the child, which runs the statement */
__attribute__((noreturn)) void check_panic_missing(void);
struct check_panic check_panic_join(void);

#define PANIC_OF(...)                                                            \
    ({                                                                           \
        if (check_panic_fork()) {                                                \
            __VA_ARGS__;                                                         \
            check_panic_missing();                                               \
        }                                                                        \
        check_panic_join();                                                      \
    })

void check_panicked(const char *file, int line, struct check_panic panic);
void check_panic_names(const char *file, int line, struct check_panic panic, int handle);

/* The statement ends in panicf. */
#define CHECK_PANIC(...) check_panicked(__FILE__, __LINE__, PANIC_OF(__VA_ARGS__))

/* It does, names the handle, and does so before anything watched was written. */
#define CHECK_PANIC_NAMES(handle, ...)                                           \
    check_panic_names(__FILE__, __LINE__, PANIC_OF(__VA_ARGS__), handle)

/* The clock of the players' archives, 100 a second. It stands unless a test moves it. */
extern unsigned check_ticks;
/* By how much it moves whenever it is read. */
extern unsigned check_ticks_step;
/* What the players' archive is told that the thread may have done for it: 0 inside the file path, 2 everything. */
extern unsigned check_asker;

#endif

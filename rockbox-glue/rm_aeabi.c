/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * On ARM, the Rust compiler calls memcpy and its kind by the names of the run-time ABI. Neither the tree nor libgcc has
 * them: here they become calls of the tree's own, which are fast and in fast memory. Hosted builds have a C library.
 */
#include "config.h"
#include <stddef.h>
#include <string.h>

#if defined(__arm__) && (CONFIG_PLATFORM & PLATFORM_NATIVE)

/* ARMv4T: the tree's own are ARM code that returns without a change of state. */
#if __ARM_ARCH < 5
#define FORWARD __attribute__((used, target("arm")))
#else
#define FORWARD __attribute__((used))
#endif

#define COPY(name, to)                                      \
    void name(void *into, const void *from, size_t bytes);  \
    FORWARD void name(void *into, const void *from, size_t bytes) { to(into, from, bytes); }

/* The size comes before the value here. */
#define FILL(name)                                          \
    void name(void *into, size_t bytes, int value);         \
    FORWARD void name(void *into, size_t bytes, int value) { memset(into, value, bytes); }

#define CLEAR(name)                                         \
    void name(void *into, size_t bytes);                    \
    FORWARD void name(void *into, size_t bytes) { memset(into, 0, bytes); }

/* By what the pointers are aligned to: not at all, four, eight bytes. */
COPY(__aeabi_memcpy, memcpy)
COPY(__aeabi_memcpy4, memcpy)
COPY(__aeabi_memcpy8, memcpy)
COPY(__aeabi_memmove, memmove)
COPY(__aeabi_memmove4, memmove)
COPY(__aeabi_memmove8, memmove)
FILL(__aeabi_memset)
FILL(__aeabi_memset4)
FILL(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)

#endif

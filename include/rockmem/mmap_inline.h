/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The modes of a mapping. Included by mmap.h.
 */
#ifndef ROCKMEM_MMAP_INLINE_H
#define ROCKMEM_MMAP_INLINE_H

#include "file_inline.h"

enum
{
    MMAP_READ = 0,
    MMAP_WRITE = 1,
    MMAP_READWRITE = 2
};

#endif /* ROCKMEM_MMAP_INLINE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Types and error codes of buffering, with the values that the tree's have. Included by buffering.h.
 */
#ifndef ROCKMEM_BUFFERING_INLINE_H
#define ROCKMEM_BUFFERING_INLINE_H

#include <stdbool.h>

#include "file_inline.h"

/* What a handle holds. */
enum data_type
{
    TYPE_UNKNOWN = 0,
    TYPE_ID3 = 1,          /* tags */
    TYPE_CODEC = 2,        /* a decoder */
    TYPE_PACKET_AUDIO = 3, /* audio that is decoded piece by piece */
    TYPE_ATOMIC_AUDIO = 4, /* audio that its decoder wants whole */
    TYPE_CUESHEET = 5,
    TYPE_BITMAP = 6,
    TYPE_RAW_ATOMIC = 7 /* anything else, whole */
};

#define ERR_HANDLE_NOT_FOUND (-1)
#define ERR_BUFFER_FULL (-2)
#define ERR_INVALID_VALUE (-3)
#define ERR_FILE_ERROR (-4)
#define ERR_HANDLE_NOT_DONE (-5)
#define ERR_UNSUPPORTED_TYPE (-6)
#define ERR_BITMAP_TOO_LARGE (-7)

#endif /* ROCKMEM_BUFFERING_INLINE_H */

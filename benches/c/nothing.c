/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nothing.h"

void call_of_nothing(int md, size_t offset, size_t length)
{
    (void)md;
    (void)offset;
    (void)length;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An empty function in a file of its own: what a call costs that does nothing. */
#ifndef ROCKMEM_NOTHING_H
#define ROCKMEM_NOTHING_H

#include <stddef.h>

void call_of_nothing(int md, size_t offset, size_t length);

#endif

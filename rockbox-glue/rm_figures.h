/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RM_FIGURES_H
#define RM_FIGURES_H

/* Takes one line, as printf. */
typedef void (*rm_line)(const char *format, ...);

/* Tells the figures of pool and cache, a line at a time. */
void rm_figures(rm_line line);

#endif /* RM_FIGURES_H */

/* What a terminal can show: how wide it is, and how much of a text fits. */
#ifndef ECAM_CLI_SCREEN_H
#define ECAM_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ecam_screen_size {
    unsigned columns, rows;
} ecam_screen_size;

/* Whether escapes may be sent there: a terminal, whose TERM is neither missing
 * nor "dumb". */
bool ecam_screen_is_terminal(int fd);

/* As the terminal says; 80 x 24 where it does not. */
ecam_screen_size ecam_screen_measure(int fd);

/* Copy as much of `text` (UTF-8) as fits into so many columns, wide characters
 * counted as such; where something is cut, "…" stands at the end. Control
 * characters and invalid bytes are shown as "?". Always terminated; returns the
 * columns that `out` takes. */
unsigned ecam_screen_fit(char *out, size_t capacity, const char *text, unsigned columns);

/* Columns of the whole text. */
unsigned ecam_screen_width(const char *text);

#endif

/* A terminal's other screen, and its state given back whatever ends us. */
#ifndef ECAM_CLI_FULL_SCREEN_H
#define ECAM_CLI_FULL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* Take stdout's terminal, and the keys of stdin where that is one. Signals that
 * end or stop the program give it back first; SIGINT and SIGTERM are the
 * caller's (ecam_signals_init). */
void ecam_full_screen_enter(void);

/* Show these lines from the top, cut to the terminal's columns and rows. */
void ecam_full_screen_draw(const char *lines, size_t length);

/* A key that was pressed, or 0. Does not wait. */
char ecam_full_screen_key(void);

/* Accepts to be called again. */
void ecam_full_screen_leave(void);

#endif

/* One live line at the bottom of a terminal: lines that are logged come above
 * it. Where stderr is no terminal nothing is shown, and lines are plain.
 * Thread-safe but for open and close. There is one, as there is one stderr. */
#ifndef ECAM_CLI_STATUS_LINE_H
#define ECAM_CLI_STATUS_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Names the descriptor that a supervisor reads this process' live lines from. */
#define ECAM_STATUS_FD_VARIABLE "EIGENCAM_STATUS_FD"

/* Take stderr, and what is logged on its way there, where it is a terminal; or
 * send the lines to the supervisor that asks for them. After ecam_signals_init;
 * false where neither is so: then the rest does nothing. */
bool ecam_status_line_open(void);

/* Show this line (UTF-8), cut to the terminal's width. At most five times a
 * second: what comes sooner is passed over. */
void ecam_status_line_show(const char *text);

/* Write whole lines above it. */
void ecam_status_line_write(const char *lines, size_t length);

/* Take it away, for good or until the next one is shown. */
void ecam_status_line_hide(void);

/* Take it away and leave stderr as it was. */
void ecam_status_line_close(void);

#endif

/* Lines for the person at the terminal: on stderr, one call one line. Used by
 * the outermost layers only; thread-safe. */
#ifndef ECAM_BASE_LOG_H
#define ECAM_BASE_LOG_H

#include <stddef.h>

#include "eigencam/status.h"

/* "eigencam: " + text + newline. */
void ecam_log(const char *format, ...) ECAM_PRINTF(1, 2);

/* Who writes the lines from now on: gets each whole, with its newline, in the
 * thread that logs it. NULL: stderr as it is. Not while other threads log. */
typedef void (*ecam_log_writer)(const char *line, size_t length);
void ecam_log_through(ecam_log_writer writer);

#endif

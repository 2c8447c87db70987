/* Lines for the person at the terminal: on stderr, one call one line. Used by
 * the outermost layers only; thread-safe. */
#ifndef ECAM_BASE_LOG_H
#define ECAM_BASE_LOG_H

#include "eigencam/status.h"

/* "eigencam: " + text + newline. */
void ecam_log(const char *format, ...) ECAM_PRINTF(1, 2);

#endif

/* The logger's live line. */
#ifndef ECAM_CLI_LOG_LINE_H
#define ECAM_CLI_LOG_LINE_H

#include <stdint.h>

#include "cli/rate.h"
#include "eigencam/subscriber.h"

typedef struct ecam_log_line {
    ecam_rate rate;
    char epoch[256]; /* what comes in: run, mode and epoch; empty: nothing yet */
    uint64_t pictures;
    uint32_t samples;   /* of this epoch, seen */
    uint64_t shown_ns;
} ecam_log_line;

/* A result that came. */
void ecam_log_line_note(ecam_log_line *line, const ecam_result *result);

/* Show it where there is a live line and it is time. */
void ecam_log_line_show(ecam_log_line *line, uint64_t lost);

#endif

/* The stage's live line. */
#ifndef ECAM_CLI_STAGE_LINE_H
#define ECAM_CLI_STAGE_LINE_H

#include <stdint.h>

#include "cli/rate.h"
#include "stage/status.h"

typedef struct ecam_stage_line {
    ecam_rate rate;
    char run[160]; /* the last one seen */
} ecam_stage_line;

/* What to show, in words. */
void ecam_stage_line_text(ecam_stage_line *line, const ecam_stage_status *status, uint64_t now_ns, char *out,
                          size_t capacity);

/* Show how this stage is doing, where there is a live line. Before it runs;
 * `line` must outlive that. */
void ecam_stage_line_attach(ecam_stage_line *line, ecam_stage *stage);

#endif

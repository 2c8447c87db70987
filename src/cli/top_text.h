/* What `eigencam top` shows, as lines of text. */
#ifndef ECAM_CLI_TOP_TEXT_H
#define ECAM_CLI_TOP_TEXT_H

#include <stdint.h>

#include "base/buffer.h"
#include "cli/rate.h"
#include "eigencam/subscriber.h"

#define ECAM_TOP_STAGES 8
#define ECAM_TOP_EPOCHS 8

/* What one stage said last, in words: a result lives only until the next. */
typedef struct ecam_top_stage {
    uint64_t id;
    uint64_t heard_ns; /* monotonic */
    ecam_rate samples;
    ecam_buffer text;
} ecam_top_stage;

/* Zeroed at the beginning. */
typedef struct ecam_top {
    ecam_top_stage stages[ECAM_TOP_STAGES]; /* beyond these the one silent for longest goes */
    size_t n_stages;
    char recent[ECAM_TOP_EPOCHS][512]; /* epochs and errors, the newest first */
    size_t n_recent;
} ecam_top;

/* Take in a result; pictures are passed over. Errors: ECAM_ENOMEM; the stage's
 * old text stays. */
ecam_status ecam_top_note(ecam_top *top, const ecam_result *result, uint64_t now_ns);

/* All of it, lines ended by newlines, appended to `out`. Errors: ECAM_ENOMEM. */
ecam_status ecam_top_write(const ecam_top *top, uint64_t now_ns, ecam_buffer *out);

void ecam_top_finish(ecam_top *top);

#endif

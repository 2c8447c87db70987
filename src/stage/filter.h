/* Which modes and data sets are taken: FastEstimator's rules. */
#ifndef ECAM_STAGE_FILTER_H
#define ECAM_STAGE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "eigencam/status.h"
#include "wire/mode.h"

#define ECAM_FILTER_NAMES 64
#define ECAM_NAME_BYTES 129 /* 128 and the end */

/* Everything (no names); only these; or all but these. */
typedef struct ecam_filter {
    bool negative;
    size_t n_names;
    char names[ECAM_FILTER_NAMES][ECAM_NAME_BYTES];
} ecam_filter;

/* "all", "none" or "None" (FastEstimator's: no filter), "a,b", or "!a,!b".
 * Errors: ECAM_EINVAL for a mixture of both, an empty name, too many. */
ecam_status ecam_filter_parse(const char *text, ecam_filter *out, ecam_error *error);

/* The same where every name must be a mode, or a legal data set id. */
ecam_status ecam_filter_parse_modes(const char *text, ecam_filter *out, ecam_error *error);
ecam_status ecam_filter_parse_ds_ids(const char *text, ecam_filter *out, ecam_error *error);

/* An empty name (a batch without ds_id) is in "!a" and not in "a". */
bool ecam_filter_accepts(const ecam_filter *filter, const char *name);

#endif

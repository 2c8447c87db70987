/* What the index says, as JSON: the bodies of proto/http.md. All fill *out on
 * success, for the caller to json_decref. Errors: those of ecam_lookup_fail,
 * ECAM_ENOMEM, and what is said there. */
#ifndef ECAM_WEB_ANSWERS_H
#define ECAM_WEB_ANSWERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "web/gallery.h"

#define ECAM_ANSWERS_VERSION 1

ecam_status ecam_answer_store(ecam_lookup *lookup, const char *name, bool live, json_t **out,
                              ecam_error *error);
ecam_status ecam_answer_epochs(ecam_lookup *lookup, int64_t run, const char *output, const char *mode,
                               json_t **out, ecam_error *error);

/* `count` samples from number `from` on. Errors also: ECAM_EMISSING. */
ecam_status ecam_answer_epoch(ecam_lookup *lookup, int64_t id, uint64_t from, uint64_t count,
                              json_t **out, ecam_error *error);

/* Those with an id above `after`, newest first, at most `limit`: an array. */
ecam_status ecam_answer_errors(ecam_lookup *lookup, int64_t after, unsigned limit, json_t **out,
                               ecam_error *error);
/* An array. */
ecam_status ecam_answer_stats(ecam_lookup *lookup, json_t **out, ecam_error *error);

/* For the pieces: put `value` (given away; NULL: memory was short) into an
 * object or array. Errors: ECAM_ENOMEM. */
ecam_status ecam_answer_set(json_t *object, const char *key, json_t *value, ecam_error *error);
ecam_status ecam_answer_append(json_t *array, json_t *value, ecam_error *error);

/* All rows of a statement with its values bound: an array of objects, appended
 * to `array`. */
ecam_status ecam_answer_rows(ecam_lookup *lookup, sqlite3_stmt *statement, json_t *array,
                             ecam_error *error);

/* A row of ECAM_QUERY_EPOCHS or ECAM_QUERY_EPOCH as proto/http.md has it. */
json_t *ecam_answer_epoch_row(sqlite3_stmt *statement);

#endif

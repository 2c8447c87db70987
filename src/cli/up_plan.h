/* What `eigencam up` shall run: the command line, shared out among the three
 * programs, and the endpoints that join them. */
#ifndef ECAM_CLI_UP_PLAN_H
#define ECAM_CLI_UP_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "cli/settings.h"
#include "stage/config.h"

typedef enum ecam_up_part { ECAM_UP_STAGE, ECAM_UP_LOG, ECAM_UP_VIEW } ecam_up_part;
#define ECAM_UP_PARTS 3

#define ECAM_UP_ARGS 256

typedef struct ecam_up_args {
    char *items[ECAM_UP_ARGS]; /* "--name=value"; NULL at the end for exec */
    size_t n;
} ecam_up_args;

typedef struct ecam_up_plan {
    ecam_option_list list;
    size_t begins[ECAM_UP_PARTS]; /* of the list: where each one's options begin */
    const char *dir;
    bool until_eof;
    bool help;
    ecam_arena arena; /* holds the texts */
    ecam_up_args given[ECAM_UP_PARTS]; /* what the user said, but endpoints and recording */
    ecam_config config; /* the stage's, of which these are taken */
} ecam_up_plan;

/* What became known of the first start, for those behind it. */
typedef struct ecam_up_found {
    const char *in[ECAM_ENDPOINTS], *out[ECAM_ENDPOINTS]; /* as the stage serves them */
    size_t n_in, n_out;
    unsigned port;           /* the gallery's; 0: not known */
    unsigned recordings;     /* that were begun */
} ecam_up_found;

/* Read the command line. Errors: of its options, the stage's values included;
 * `plan` must be finished in any case. */
ecam_status ecam_up_plan_read(ecam_up_plan *plan, int argc, char **argv, ecam_error *error);
void ecam_up_plan_finish(ecam_up_plan *plan);

/* The arguments for one program, in the arena until the next call for any.
 * Errors: ECAM_ENOMEM, ECAM_ELIMIT. */
ecam_status ecam_up_plan_arguments(ecam_up_plan *plan, ecam_up_part part, const ecam_up_found *found,
                                   ecam_arena *arena, ecam_up_args *out, ecam_error *error);

const char *ecam_up_part_name(ecam_up_part part);

#endif

/* A trace: the settings of one output, under FastEstimator's names. */
#ifndef ECAM_STAGE_TRACE_H
#define ECAM_STAGE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/node.h"
#include "eigencam/cam.h"
#include "stage/filter.h"
#include "stage/labels.h"

typedef enum ecam_normalize { ECAM_NORMALIZE_EPOCH, ECAM_NORMALIZE_IMAGE } ecam_normalize;

/* What is published, as bits. */
enum { ECAM_PUBLISH_OVERLAY = 1, ECAM_PUBLISH_MAP = 2, ECAM_PUBLISH_IMAGE = 4, ECAM_PUBLISH_SHEET = 8 };

typedef struct ecam_trace {
    char images[ECAM_NAME_BYTES], activations[ECAM_NAME_BYTES];
    char labels[ECAM_NAME_BYTES], preds[ECAM_NAME_BYTES];
    bool labels_asked, preds_asked; /* named by the user: to be missed where they lack */
    char outputs[ECAM_NAME_BYTES];
    ecam_project_options project;   /* n_components or variance, sign */
    uint64_t n_samples;             /* 0: all */
    const ecam_mapping *label_mapping; /* NULL: what hello brings */
    ecam_filter mode, ds_id;
    ecam_layout image_layout, activation_layout;
    ecam_normalize normalize;
    ecam_overlay_style style;
    unsigned publish;
    unsigned sheet_rows;
} ecam_trace;

/* The defaults. */
void ecam_trace_init(ecam_trace *trace);

/* One option of a trace, as --help shows it. */
typedef struct ecam_trace_option {
    const char *name;    /* with dashes */
    const char *value;
    const char *initial;
    const char *help;
} ecam_trace_option;

const ecam_trace_option *ecam_trace_options(size_t *n);

/* Set one option (`_` and `-` in the name are the same). The value is text as
 * on the command line, a number, a list of names, or a map for label_mapping.
 * Errors: ECAM_EMISSING (no such option), ECAM_EINVAL (value; the text says
 * what is accepted), ECAM_EIO (mapping file), ECAM_ENOMEM. */
ecam_status ecam_trace_set(ecam_trace *trace, const char *name, size_t name_bytes,
                           const ecam_node *value, ecam_arena *arena, ecam_error *error);

/* Whether two option names are the same but for `_` and `-`. */
bool ecam_option_named(const char *option, const char *name, size_t name_bytes);

/* A value as one text: numbers printed, lists joined by commas, nil as "none".
 * Errors: ECAM_EINVAL (a map, a nested list, a zero byte), ECAM_ENOMEM. */
ecam_status ecam_option_text(const ecam_node *value, ecam_arena *arena, const char **out,
                             ecam_error *error);

/* Numbers of options. Errors: ECAM_EINVAL with the accepted range. */
ecam_status ecam_option_count(const char *text, uint64_t min, uint64_t max, uint64_t *out,
                              ecam_error *error);
ecam_status ecam_option_real(const char *text, double min, double max, double *out,
                             ecam_error *error);

/* Outputs of one stage, or of one run. */
#define ECAM_MAX_TRACES 64

/* Several traces with one owner count: a configuration's, or a run's. */
typedef struct ecam_traces {
    unsigned references;
    ecam_arena arena; /* holds what the traces point to */
    size_t n;
    ecam_trace *traces;
} ecam_traces;

/* n copies of `base`, in an arena of their own; one reference.
 * Errors: ECAM_ELIMIT (more than ECAM_MAX_TRACES), ECAM_ENOMEM. */
ecam_status ecam_traces_create(const ecam_trace *base, size_t n, ecam_traces **out);
ecam_traces *ecam_traces_ref(ecam_traces *set);
void ecam_traces_unref(ecam_traces **set);

/* Apply a list of maps, one for each trace (ecam_traces_create with its
 * length), and check that output names differ. from_wire: the maps came from a
 * trainer, who must not name files here. Errors: as ecam_trace_set; an unknown
 * key lists the accepted ones; lines are named where nodes have them. */
ecam_status ecam_traces_apply(ecam_traces *set, const ecam_node *list, bool from_wire,
                                 ecam_error *error);

#endif

/* Labels and predictions: from a batch's values to the text of a caption. */
#ifndef ECAM_STAGE_LABELS_H
#define ECAM_STAGE_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/node.h"
#include "eigencam/status.h"
#include "wire/message.h"

#define ECAM_LABEL_BYTES 256

/* Class names and their values. Lives in an arena. */
typedef struct ecam_mapping {
    struct ecam_mapping_entry {
        const char *name;
        int64_t value;
    } *entries;
    size_t n;
} ecam_mapping;

/* From a map {name: integer}, a list of names (values 0..), or, where the node
 * is text: FILE.json with one of these two, or name=value,name=value.
 * Errors: ECAM_EINVAL, ECAM_EIO (file), ECAM_ENOMEM. */
ecam_status ecam_mapping_load(const ecam_node *node, ecam_arena *arena,
                              const ecam_mapping **out, ecam_error *error);

/* The class name of a value, the first of several; NULL where there is none. */
const char *ecam_mapping_name(const ecam_mapping *mapping, int64_t value);

/* What a batch says of one sample, before it is mapped to a name. */
typedef struct ecam_label {
    enum { ECAM_LABEL_NONE, ECAM_LABEL_INT, ECAM_LABEL_REAL, ECAM_LABEL_TEXT } kind;
    int64_t integer;
    double real;
    char text[ECAM_LABEL_BYTES];
} ecam_label;

/* Whether a field has one label for each of n samples: a list of n, or a
 * tensor (n,), (n,1) or (n,classes). Errors: ECAM_ESHAPE. */
ecam_status ecam_label_check(const ecam_field *field, uint64_t n, ecam_error *error);

/* Sample i of a checked field: the value itself, or the index of the largest
 * of several (the first of equal ones; a value that is not a number is never
 * the largest). */
void ecam_label_read(const ecam_field *field, uint64_t i, ecam_label *out);

/* The caption's text in `buffer` (ECAM_LABEL_BYTES), or NULL for NONE.
 * *unmapped (may be NULL) is set where there is a mapping and it lacks the
 * value; the number is the text then. */
const char *ecam_label_text(const ecam_label *label, const ecam_mapping *mapping, char *buffer,
                            bool *unmapped);

#endif

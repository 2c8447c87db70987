/* The four modes of a training run. */
#ifndef ECAM_WIRE_MODE_H
#define ECAM_WIRE_MODE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum ecam_mode {
    ECAM_MODE_TRAIN,
    ECAM_MODE_EVAL,
    ECAM_MODE_TEST,
    ECAM_MODE_INFER
} ecam_mode;
#define ECAM_MODE_COUNT 4

extern const char *const ecam_mode_names[ECAM_MODE_COUNT];

/* "train", "eval", "test", "infer"; static storage. */
const char *ecam_mode_name(ecam_mode mode);

bool ecam_mode_parse(const char *text, size_t length, ecam_mode *out);

#endif

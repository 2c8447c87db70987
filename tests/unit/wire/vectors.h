/* The protocol's test vectors, as proto/vectors has them. */
#ifndef TESTS_UNIT_WIRE_VECTORS_H
#define TESTS_UNIT_WIRE_VECTORS_H

#include <jansson.h>

#include "wire/message.h"

#define MAX_FRAMES 8

typedef struct vector {
    const char *name;
    const json_t *expect;
    ecam_frame frames[MAX_FRAMES];
    size_t n_frames;
    bool good;
} vector;

/* The file's list; the caller's to json_decref. Fails the test if there is none. */
json_t *vectors_load(const char *file);

/* One entry. Each frame is a block of its own of just its size, so that a
 * sanitizer sees every step beyond it. */
void vector_init(vector *v, const json_t *entry);
void vector_finish(vector *v);

/* Checks that name the vector and the key where they fail. */
void vector_failed(const vector *v, const char *key, const char *what);
void vector_check(const vector *v, const char *key, bool holds);
void vector_check_text(const vector *v, const char *key, const char *found);

/* Counts may be integers, or strings of digits where 53 bits are too few. */
void vector_check_uint(const vector *v, const char *key, uint64_t found);
void vector_check_double(const vector *v, const char *key, double found);

/* The status of a bad vector, and the key that it names. */
void vector_check_refused(const vector *v, ecam_status status, const char *bad_key,
                          const char *text);

#endif

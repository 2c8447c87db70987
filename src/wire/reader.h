/* Values out of a decoded header. A reader remembers its first failure and from
 * then on returns neutral values, so that decoding code asks once, at the end.
 * A key whose value is nil counts as absent. */
#ifndef ECAM_WIRE_READER_H
#define ECAM_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/node.h"
#include "eigencam/status.h"

/* Counts on the wire: what a double holds exactly, as some languages have no
 * other number. */
#define ECAM_MAX_COUNT ((uint64_t)1 << 53)
#define ECAM_MAX_RANK (((uint64_t)1 << 31) - 1)
#define ECAM_MAX_WORLD ((uint64_t)1 << 20)
#define ECAM_MAX_NAME_BYTES 128

typedef struct ecam_reader {
    ecam_arena *arena;
    ecam_error *error;
    ecam_status status;  /* of the first failure */
    const char *bad_key; /* where it was; static or in the arena; may be NULL */
    bool shared; /* tensors may lie in shared memory */
} ecam_reader;

/* Record a failure, unless one is recorded already. Returns its status. */
ecam_status ecam_reader_fail(ecam_reader *r, const char *key, ecam_status status,
                             const char *format, ...)
    ECAM_PRINTF(4, 5);

/* Arena memory; fails with ECAM_ELIMIT where the arena's limit is what is
 * short, else with ECAM_ENOMEM. */
void *ecam_reader_alloc(ecam_reader *r, size_t count, size_t size);

/* A value that may be absent (NULL), and one that may not (NULL: failed). */
const ecam_node *ecam_reader_find(const ecam_node *map, const char *key);
const ecam_node *ecam_reader_need(ecam_reader *r, const ecam_node *map, const char *key,
                                  const char *expected);

/* Required values; use ecam_reader_find first for optional ones. Errors:
 * ECAM_EMISSING, ECAM_ETYPE, ECAM_EINVAL (outside min..max; not finite). */
uint64_t ecam_reader_uint(ecam_reader *r, const ecam_node *map, const char *key, uint64_t min,
                          uint64_t max);
uint64_t ecam_reader_uint_or(ecam_reader *r, const ecam_node *map, const char *key, uint64_t min,
                             uint64_t max, uint64_t fallback);
double ecam_reader_number(ecam_reader *r, const ecam_node *map, const char *key);
bool ecam_reader_bool(ecam_reader *r, const ecam_node *map, const char *key);

/* The kind alone is checked. */
const ecam_node *ecam_reader_map(ecam_reader *r, const ecam_node *map, const char *key);
const ecam_node *ecam_reader_list(ecam_reader *r, const ecam_node *map, const char *key);

/* What a name may be, beside 1..ECAM_MAX_NAME_BYTES of UTF-8 without control
 * characters: none of the characters in `banned`, but perhaps empty. */
typedef struct ecam_name_rule {
    const char *banned;
    bool may_be_empty;
} ecam_name_rule;

extern const ecam_name_rule ecam_name_plain;  /* nothing more */
extern const ecam_name_rule ecam_name_run;    /* a run or an output: no "|" */
extern const ecam_name_rule ecam_name_ds_id;  /* no ":;|", may be empty */

/* A name as the value of a key, or itself a key of the map that is `key`'s
 * value. Never NULL. */
const char *ecam_reader_name(ecam_reader *r, const ecam_node *map, const char *key,
                             const ecam_name_rule *rule);
const char *ecam_reader_name_in(ecam_reader *r, const ecam_node *node, const char *key,
                                const ecam_name_rule *rule);

/* Free text, brought to clean UTF-8 (ecam_text_clean): for display only. */
const char *ecam_reader_text_of(ecam_reader *r, const ecam_node *node, const char *key);

/* The index of a text value among n words. Errors: as above. */
unsigned ecam_reader_word(ecam_reader *r, const ecam_node *map, const char *key,
                          const char *const *words, unsigned n);

#endif

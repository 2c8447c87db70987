/* A hash table from byte strings to pointers. The table owns its keys, the
 * caller the values. */
#ifndef ECAM_BASE_TABLE_H
#define ECAM_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef struct ecam_table_entry ecam_table_entry;

typedef struct ecam_table {
    ecam_table_entry **buckets;
    size_t n_buckets; /* 0 or a power of two */
    size_t count;
} ecam_table;

/* The value, or NULL. */
void *ecam_table_get(const ecam_table *table, const void *key, size_t key_bytes);

/* Set the value of a key that may be new. Errors: ECAM_ENOMEM. */
ecam_status ecam_table_put(ecam_table *table, const void *key, size_t key_bytes, void *value);

/* Forget a key; gives its value, or NULL where it was not there. */
void *ecam_table_take(ecam_table *table, const void *key, size_t key_bytes);

/* Call `visit` for each value, in no order; it must not change the table. */
void ecam_table_each(const ecam_table *table, void (*visit)(void *value, void *context),
                     void *context);

/* Forget everything; each value goes to `release` (NULL: nowhere). */
void ecam_table_finish(ecam_table *table, void (*release)(void *value));

#endif

/* Where samples wait for their epoch's end: in memory up to a budget, beyond
 * it in an unlinked temporary file. Safe for several threads. */
#ifndef ECAM_STAGE_VAULT_H
#define ECAM_STAGE_VAULT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef struct ecam_vault {
    size_t budget_bytes; /* 0: no limit */
    atomic_size_t resident_bytes;
    atomic_uint_fast64_t spilled_bytes; /* in all, so far */
    pthread_mutex_t lock; /* guards the opening of the file */
    bool is_open;
    int file;
} ecam_vault;

void ecam_vault_init(ecam_vault *vault, size_t budget_bytes);
void ecam_vault_finish(ecam_vault *vault);

/* Whether so many bytes more fit the budget; they count until released. */
bool ecam_vault_admit(ecam_vault *vault, size_t bytes);

/* Count them whether they fit or not: for what cannot be spilled. */
void ecam_vault_force(ecam_vault *vault, size_t bytes);
void ecam_vault_release(ecam_vault *vault, size_t bytes);

/* Write bytes to the file, in $TMPDIR, else /var/tmp. Errors: ECAM_EIO. */
ecam_status ecam_vault_spill(ecam_vault *vault, const void *data, size_t bytes, uint64_t *offset,
                             ecam_error *error);
ecam_status ecam_vault_load(const ecam_vault *vault, uint64_t offset, void *data, size_t bytes,
                            ecam_error *error);

/* Give the file's blocks back to the system. */
void ecam_vault_discard(ecam_vault *vault, uint64_t offset, size_t bytes);

#endif

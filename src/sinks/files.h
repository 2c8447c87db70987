/* Results as files: PNGs in folders, with a SQLite index (WAL) of everything
 * that the messages say. */
#ifndef ECAM_SINKS_FILES_H
#define ECAM_SINKS_FILES_H

#include "eigencam/status.h"
#include "eigencam/subscriber.h"

typedef struct ecam_files ecam_files;

/* Open or make the store in `dir`. Errors: ECAM_EIO, ECAM_ENOMEM,
 * ECAM_EVERSION (an index of another version). */
ecam_status ecam_files_open(const char *dir, ecam_files **out, ecam_error *error);

/* Store one result of any type: a picture as a file that appears whole or not
 * at all, and a row in the index. Names from the wire never leave `dir`.
 * An epoch's rows are committed with its summary. */
ecam_status ecam_files_store(ecam_files *files, const ecam_result *result, ecam_error *error);

/* Commits what is open. */
ecam_status ecam_files_close(ecam_files **files, ecam_error *error);

#endif

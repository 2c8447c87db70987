/* Results as files: PNGs in folders, with a SQLite index (WAL) of everything
 * that the messages say.
 *
 *   DIR/index.sqlite                       see sinks/index.h for its tables
 *   DIR/RUN/OUTPUT/MODE/epoch-000003/      epoch-000003-attempt-2 from the second
 *       sheet-000.png                      page 0 of the sheet
 *       000-image.png                      sample 0: the input image,
 *       000-overlay-0.png 000-map-0.png    component 0
 *   DIR/images/HASH.png                    in a compact store: images, each once
 *
 * RUN, OUTPUT and MODE are encoded by ecam_path_encode, so that no name from
 * the wire leaves DIR; symbolic links below DIR are never followed. A result
 * that comes again, also from a restarted stage, replaces the one before.
 *
 * A compact store keeps of an image one copy for all epochs, without its text
 * chunks, and no overlays and sheets where ecam_redraw can draw them: where
 * their maps and images are there and the stage says how it draws. What a run
 * has in hand until an epoch's summary is at most 64 MB more. */
#ifndef ECAM_SINKS_FILES_H
#define ECAM_SINKS_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/subscriber.h"

typedef struct ecam_files ecam_files;

/* compact: as above; for what comes from now on.
 * keep_epochs, max_bytes: bounds, kept by removing whole epochs, the oldest
 * first; of each run, output and mode the first and the newest epoch stay
 * whatever the bounds. keep_epochs: beside the first the newest so many;
 * max_bytes: of all pictures' files together. 0: no bound. */
typedef struct ecam_files_options {
    bool compact;
    uint64_t keep_epochs;
    uint64_t max_bytes;
} ecam_files_options;

/* Open or make the store in `dir`, with the folders above it; sweep up what a
 * killed process left, and bring it within the bounds. One process writes to a
 * store at a time; any number may read. Without options all are zero.
 * Errors: ECAM_EIO (also: another process writes there), ECAM_ENOMEM,
 * ECAM_EVERSION (an index of another version), ECAM_EFORMAT (index.sqlite is
 * something else). */
ecam_status ecam_files_open_with(const char *dir, const ecam_files_options *options,
                                 ecam_files **out, ecam_error *error);
ecam_status ecam_files_open(const char *dir, ecam_files **out, ecam_error *error);

/* Store one result of any type: a picture as a file that appears whole or not
 * at all, and a row in the index. Names from the wire never leave `dir`.
 * An epoch's rows are committed with its summary.
 * Errors: ECAM_EIO (a full disk, ...: this result is not stored, the next one
 * may be), ECAM_EFORMAT (the picture is no whole PNG), ECAM_ENOMEM. */
ecam_status ecam_files_store(ecam_files *files, const ecam_result *result, ecam_error *error);

/* Make visible to readers what was stored since the last summary: for when
 * nothing comes for a while. Errors: ECAM_EIO; what is open stays open. */
ecam_status ecam_files_commit(ecam_files *files, ecam_error *error);

/* The epoch whose summary was stored last: its folder, relative to `dir`, how
 * many pictures of it there are, and the bytes of its files, without images
 * that epochs share. removed: how many epochs went for it; store_bytes: what
 * all files of the store take, but for the index. "" and 0 before the first;
 * holds until the next call. */
typedef struct ecam_files_epoch {
    const char *folder;
    uint64_t pictures, bytes, removed, store_bytes;
} ecam_files_epoch;
ecam_files_epoch ecam_files_last_epoch(const ecam_files *files);

/* Commits what is open. */
ecam_status ecam_files_close(ecam_files **files, ecam_error *error);

#endif

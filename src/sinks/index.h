/* The store's index, DIR/index.sqlite (SQLite, WAL): what the messages say, and
 * in which files their pictures are. PRAGMA user_version is the version of the
 * tables, application_id is 0x4543414d. A store of version 1 is brought up to
 * date when a logger opens it.
 *
 *   runs      id, name
 *   epochs    id, run_id, output, mode, epoch, attempt; folder (relative to
 *             DIR), stage, seq, time_ns; arrival: larger than that of all
 *             epochs that came before; bytes: of its own files, without the
 *             images that it shares; colormap, weight (NULL: heat was added),
 *             normalize: how its overlays are drawn (colormap is NULL where no
 *             stage said so); and what the summary says, NULL until it comes:
 *             samples, components, complete, missing_ranks ("1,3"), world,
 *             lost, rejected, late, published_overlays, _maps, _images,
 *             _sheets, latency_ns (seq is NULL until then, too)
 *   samples   epoch_id, number; ds_id, rank, step, batch_index, label, pred,
 *             image_float (1: the image had floats)
 *   pictures  id (stays when the same picture comes again), epoch_id, type
 *             ("overlay", ...), number (of the sample, or of a sheet's page),
 *             component; components, explained, singular, lo, hi, divisor;
 *             pages, page_rows; width, height; file (relative to DIR; NULL: not
 *             held, to be drawn by sinks/redraw.h), bytes (of the file, else
 *             0), stamp (of the contents: another one when they change), stage,
 *             seq, time_ns
 *   images    file, bytes: of those that epochs share
 *   unswept   path, open: a folder or file in which something may lie that no
 *             row names; 1 while it is written to, 0 where it is to be removed
 *   errors    id, stage, run ("" if unknown), seq, time_ns, code, message,
 *             rank, session, of_seq, key; the newest 10000 are kept
 *   stats     stage, seq, time_ns: of the newest per stage, its numbers in
 *   counters  stage, name, value
 *
 * stage and session are 16 hexadecimal digits, as SQLite's integers have a
 * sign; other numbers beyond 2^63 appear negative; stamps are below 2^53. NaN
 * is NULL. */
#ifndef ECAM_SINKS_INDEX_H
#define ECAM_SINKS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/subscriber.h"

#define ECAM_INDEX_VERSION 2

typedef struct ecam_index ecam_index;

/* Open or make the index; `path` has no symbolic links in it.
 * Errors: ECAM_EIO, ECAM_EVERSION, ECAM_EFORMAT (no index of ours). */
ecam_status ecam_index_open(const char *path, ecam_index **out, ecam_error *error);

/* Where a picture's contents are. `file` is relative to the store. shared: it
 * is one of the images that epochs share. */
typedef struct ecam_index_file {
    const char *folder; /* the epoch's */
    const char *file;
    uint64_t bytes;
    uint64_t stamp; /* below 2^53 */
    bool shared;
} ecam_index_file;

/* Rows for one result; all errors are ECAM_EIO or ECAM_ENOMEM. They are seen by
 * others after ecam_index_commit. What has the same key is replaced: a picture
 * by its epoch, type, number and component, an error by stage, run and seq. */
ecam_status ecam_index_picture(ecam_index *index, const ecam_result *result,
                               const ecam_index_file *file, ecam_error *error);
ecam_status ecam_index_error(ecam_index *index, const ecam_result *result, ecam_error *error);
ecam_status ecam_index_stats(ecam_index *index, const ecam_result *result, ecam_error *error);

/* The summary. Pictures which another stage left in this epoch before and which
 * cannot be part of it as the summary has it (more samples, say) are taken out.
 * compact: so are the files of pictures that can be drawn again.
 * *pictures, *bytes: of the epoch as it now is. */
ecam_status ecam_index_summary(ecam_index *index, const ecam_result *result, const char *folder,
                               bool compact, uint64_t *pictures, uint64_t *bytes,
                               ecam_error *error);

/* Take the files of overlays that can be drawn again out of an epoch whose
 * summary has yet to come. */
ecam_status ecam_index_slim(ecam_index *index, const ecam_result *result, const char *folder,
                            ecam_error *error);

/* Say beforehand that files will be written below `path`, so that a process
 * which is killed leaves nothing unseen. Commits what is open, where that was
 * not said yet. */
ecam_status ecam_index_announce(ecam_index *index, const char *path, ecam_error *error);

/* Whole epochs go until the bounds are met, the oldest first; of each run,
 * output and mode the first and the newest stay whatever the bounds. The rows
 * go; the files are for ecam_index_sweep, after the commit.
 * keep_epochs: the newest so many stay, beside the first; 0: all.
 * max_bytes: of all files together; 0: no bound.
 * *removed: how many went; *bytes: what all files of the store take. */
ecam_status ecam_index_retain(ecam_index *index, uint64_t keep_epochs, uint64_t max_bytes,
                              uint64_t *removed, uint64_t *bytes, ecam_error *error);

/* Give what may hold files that no row names to `sweep`: epochs' folders, the
 * folder of images, single images; and forget it where that gives true. all:
 * also what was announced and not committed, as a killed process leaves it.
 * Nothing must be open; commits. */
typedef bool ecam_index_sweeper(void *context, const char *path);
ecam_status ecam_index_sweep(ecam_index *index, bool all, ecam_index_sweeper *sweep, void *context,
                             ecam_error *error);

/* Whether a row names this file (where that can't be found out: true). */
bool ecam_index_names(ecam_index *index, const char *file);

/* After a failure the transaction is still open, unless SQLite had to give it
 * up. */
ecam_status ecam_index_commit(ecam_index *index, ecam_error *error);

/* Without a commit: what is open is lost. */
void ecam_index_close(ecam_index **index);

#endif

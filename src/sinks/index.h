/* The store's index, DIR/index.sqlite (SQLite, WAL): what the messages say, and
 * in which files their pictures are. PRAGMA user_version is the version of the
 * tables, application_id is 0x4543414d.
 *
 *   runs      id, name
 *   epochs    id, run_id, output, mode, epoch, attempt; folder (relative to
 *             DIR), stage, seq, time_ns; and what the summary says, NULL until
 *             it comes: samples, components, complete, missing_ranks ("1,3"),
 *             lost, rejected, late, published_overlays, _maps, _images,
 *             _sheets, latency_ns (seq is NULL until then, too)
 *   samples   epoch_id, number; ds_id, rank, step, batch_index, label, pred
 *   pictures  id, epoch_id, type ("overlay", ...), number (of the sample, or of
 *             a sheet's page), component; components, explained, singular, lo,
 *             hi, divisor; pages, page_rows; width, height, bytes, file (in the
 *             epoch's folder), stage, seq, time_ns
 *   errors    id, stage, run ("" if unknown), seq, time_ns, code, message,
 *             rank, session, of_seq, key; the newest 10000 are kept
 *   stats     stage, seq, time_ns: of the newest per stage, its numbers in
 *   counters  stage, name, value
 *
 * stage and session are 16 hexadecimal digits, as SQLite's integers have a
 * sign; other numbers beyond 2^63 appear negative. NaN is NULL. */
#ifndef ECAM_SINKS_INDEX_H
#define ECAM_SINKS_INDEX_H

#include <stdint.h>

#include "eigencam/status.h"
#include "eigencam/subscriber.h"

#define ECAM_INDEX_VERSION 1

typedef struct ecam_index ecam_index;

/* Open or make the index; `path` has no symbolic links in it.
 * Errors: ECAM_EIO, ECAM_EVERSION, ECAM_EFORMAT (no index of ours). */
ecam_status ecam_index_open(const char *path, ecam_index **out, ecam_error *error);

/* Rows for one result; all errors are ECAM_EIO or ECAM_ENOMEM. They are seen by
 * others after ecam_index_commit. What has the same key is replaced: a picture
 * by its epoch and file, an error by stage, run and seq. */
ecam_status ecam_index_picture(ecam_index *index, const ecam_result *result, const char *folder,
                               const char *file, ecam_error *error);
ecam_status ecam_index_error(ecam_index *index, const ecam_result *result, ecam_error *error);
ecam_status ecam_index_stats(ecam_index *index, const ecam_result *result, ecam_error *error);

/* The summary. Pictures which another stage left in this epoch before and which
 * cannot be part of it as the summary has it (more samples, say) are taken out,
 * and each one's file is given to `stale`.
 * *pictures: how many the epoch now has. */
typedef void ecam_index_stale(void *context, const char *file);
ecam_status ecam_index_summary(ecam_index *index, const ecam_result *result, const char *folder,
                               ecam_index_stale *stale, void *context, uint64_t *pictures,
                               ecam_error *error);

/* After a failure the transaction is still open, unless SQLite had to give it
 * up. */
ecam_status ecam_index_commit(ecam_index *index, ecam_error *error);

/* Without a commit: what is open is lost. */
void ecam_index_close(ecam_index **index);

#endif

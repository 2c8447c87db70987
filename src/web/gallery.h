/* A store as a gallery reads it: connections to its index that write nothing,
 * lent to one thread at a time. The store may come, be replaced and go. */
#ifndef ECAM_WEB_GALLERY_H
#define ECAM_WEB_GALLERY_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "sinks/redraw.h"

/* What is asked of the index; web/gallery_sql.c has the words. */
typedef enum ecam_query {
    ECAM_QUERY_VERSION,
    ECAM_QUERY_CHANGES, /* another number whenever somebody has written */
    ECAM_QUERY_RUNS,
    ECAM_QUERY_MODES,
    ECAM_QUERY_DS_IDS,
    ECAM_QUERY_EPOCHS,
    ECAM_QUERY_EXPLAINED,
    ECAM_QUERY_EPOCH,
    ECAM_QUERY_EPOCH_EXPLAINED,
    ECAM_QUERY_TOTAL,
    ECAM_QUERY_SAMPLES,
    ECAM_QUERY_PICTURES,
    ECAM_QUERY_SHEETS,
    ECAM_QUERY_PICTURE,
    ECAM_QUERY_ERRORS,
    ECAM_QUERY_STATS,
    ECAM_QUERY_COUNTERS,
    ECAM_QUERY_SUMMARIES,
    ECAM_QUERY_NAMES,
    ECAM_QUERY_COUNT
} ecam_query;
extern const char *const ecam_gallery_sql[ECAM_QUERY_COUNT];

typedef struct ecam_gallery ecam_gallery;

/* A connection; borrowed from the gallery. */
typedef struct ecam_lookup ecam_lookup;

/* `dir` need not be there yet. */
ecam_status ecam_gallery_create(const char *dir, ecam_gallery **out, ecam_error *error);
void ecam_gallery_destroy(ecam_gallery **gallery);

const char *ecam_gallery_dir(const ecam_gallery *gallery);
/* The last part of its name; clean UTF-8. */
const char *ecam_gallery_name(const ecam_gallery *gallery);

/* Borrow a connection, in a transaction that sees one state of the index, and
 * give it back. Errors: ECAM_EMISSING (there is no store yet), ECAM_EVERSION,
 * ECAM_EFORMAT (no index of ours), ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_gallery_borrow(ecam_gallery *gallery, ecam_lookup **out, ecam_error *error);
void ecam_gallery_return(ecam_gallery *gallery, ecam_lookup **lookup);

/* Whether this connection still is to the store's index: another file may have
 * taken its place. */
bool ecam_lookup_is_current(const ecam_lookup *lookup);

/* Leave the transaction, so that ECAM_QUERY_CHANGES sees what others do, and
 * begin another one. */
void ecam_lookup_pause(ecam_lookup *lookup);
ecam_status ecam_lookup_resume(ecam_lookup *lookup, ecam_error *error);

/* What draws pictures that the store does not hold; for as long as the connection
 * is borrowed. Errors: those of ecam_redraw_open. */
ecam_status ecam_lookup_redraw(ecam_lookup *lookup, ecam_redraw **out, ecam_error *error);

/* A prepared statement, reset and without values; NULL where SQLite refuses it:
 * ecam_lookup_fail then says why. */
sqlite3_stmt *ecam_lookup_query(ecam_lookup *lookup, ecam_query query);
ecam_status ecam_lookup_fail(const ecam_lookup *lookup, ecam_error *error);

/* The next row, or false at the end or after a failure, which sets *st. */
bool ecam_lookup_step(ecam_lookup *lookup, sqlite3_stmt *statement, ecam_status *st,
                      ecam_error *error);

/* A column as JSON: a number, text (what is no UTF-8 as U+FFFD), or null. */
json_t *ecam_column_json(sqlite3_stmt *statement, int column);
/* A row as an object: each column under its name. */
json_t *ecam_row_json(sqlite3_stmt *statement);

#endif

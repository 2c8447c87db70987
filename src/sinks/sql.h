/* A prepared statement at work: values in, rows out. Remembers its first
 * error, so that callers ask once, at the end. */
#ifndef ECAM_SINKS_SQL_H
#define ECAM_SINKS_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef struct ecam_sql {
    sqlite3_stmt *statement;
    int at; /* the parameter that was set last */
    int rc;
} ecam_sql;

/* The statement is borrowed, and prepared; NULL counts as memory that is short. */
ecam_sql ecam_sql_begin(sqlite3_stmt *statement);

/* The next parameter. Texts must live until the end; NULL is accepted. */
void ecam_sql_null(ecam_sql *sql);
void ecam_sql_int(ecam_sql *sql, uint64_t value);
void ecam_sql_int_if(ecam_sql *sql, bool known, uint64_t value);
void ecam_sql_real_if(ecam_sql *sql, bool known, double value);
void ecam_sql_text(ecam_sql *sql, const char *text);

/* To the next row; false after the last one, or where something failed. */
bool ecam_sql_row(ecam_sql *sql);

/* Run to the end, so that the statement can be used again. *value (may be
 * NULL): the last row's first column where there was one, else unchanged. */
ecam_status ecam_sql_end(ecam_sql *sql, uint64_t *value, ecam_error *error);

/* One statement without values. *value: as above. */
ecam_status ecam_sql_ask(sqlite3 *db, const char *text, uint64_t *value, ecam_error *error);

/* What SQLite's error means. Returns the status. */
ecam_status ecam_sql_failed(sqlite3 *db, int rc, ecam_error *error);

#endif

/* The index, inside. */
#ifndef ECAM_SINKS_INDEX_INTERNAL_H
#define ECAM_SINKS_INDEX_INTERNAL_H

#include "sinks/index.h"
#include "sinks/schema.h"
#include "sinks/sql.h"

struct ecam_index {
    sqlite3 *db;
    sqlite3_stmt *prepared[ECAM_SQL_COUNT];
    char stage[17]; /* of the result at hand */
    bool torn;      /* files may be there whose rows were lost with a transaction */
};

static inline ecam_sql ecam_index_sql_begin(ecam_index *index, ecam_index_statement statement)
{
    return ecam_sql_begin(index->prepared[statement]);
}

/* A transaction, where none is open. */
ecam_status ecam_index_begin(ecam_index *index, ecam_error *error);

/* The same for a result; notes its stage. */
ecam_status ecam_index_begin_result(ecam_index *index, const ecam_result *result, ecam_error *error);

/* See to it that a sweep looks at `path`, once what is open is committed. */
ecam_status ecam_index_mark(ecam_index *index, const char *path, bool open, ecam_error *error);

#endif

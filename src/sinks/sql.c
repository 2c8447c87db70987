#include "sinks/sql.h"

#include <stddef.h>

ecam_status ecam_sql_failed(sqlite3 *db, int rc, ecam_error *error)
{
    ecam_status st = rc == SQLITE_NOMEM ? ECAM_ENOMEM : rc == SQLITE_NOTADB ? ECAM_EFORMAT : ECAM_EIO;
    return ecam_fail(error, st, "index cannot be used: %s", db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

ecam_sql ecam_sql_begin(sqlite3_stmt *statement)
{
    return (ecam_sql){.statement = statement, .rc = statement ? SQLITE_OK : SQLITE_NOMEM};
}

static void keep_rc(ecam_sql *sql, int rc)
{
    if (sql->rc == SQLITE_OK)
        sql->rc = rc;
}

void ecam_sql_null(ecam_sql *sql)
{
    keep_rc(sql, sqlite3_bind_null(sql->statement, ++sql->at));
}

void ecam_sql_int(ecam_sql *sql, uint64_t value)
{
    keep_rc(sql, sqlite3_bind_int64(sql->statement, ++sql->at, (sqlite3_int64)value));
}

void ecam_sql_int_if(ecam_sql *sql, bool known, uint64_t value)
{
    if (known)
        ecam_sql_int(sql, value);
    else
        ecam_sql_null(sql);
}

void ecam_sql_real_if(ecam_sql *sql, bool known, double value)
{
    if (known)
        keep_rc(sql, sqlite3_bind_double(sql->statement, ++sql->at, value));
    else
        ecam_sql_null(sql);
}

void ecam_sql_text(ecam_sql *sql, const char *text)
{
    keep_rc(sql, sqlite3_bind_text(sql->statement, ++sql->at, text, -1, SQLITE_STATIC));
}

bool ecam_sql_row(ecam_sql *sql)
{
    if (sql->rc == SQLITE_OK || sql->rc == SQLITE_ROW)
        sql->rc = sqlite3_step(sql->statement);
    return sql->rc == SQLITE_ROW;
}

ecam_status ecam_sql_end(ecam_sql *sql, uint64_t *value, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    while (ecam_sql_row(sql))
        if (value)
            *value = (uint64_t)sqlite3_column_int64(sql->statement, 0);
    if (sql->rc != SQLITE_DONE)
        st = ecam_sql_failed(sql->statement ? sqlite3_db_handle(sql->statement) : NULL, sql->rc, error);
    sqlite3_reset(sql->statement);
    sqlite3_clear_bindings(sql->statement);
    return st;
}

ecam_status ecam_sql_ask(sqlite3 *db, const char *text, uint64_t *value, ecam_error *error)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &statement, NULL);

    if (rc != SQLITE_OK)
        return ecam_sql_failed(db, rc, error);
    ecam_sql sql = ecam_sql_begin(statement);
    ecam_status st = ecam_sql_end(&sql, value, error);
    sqlite3_finalize(statement);
    return st;
}

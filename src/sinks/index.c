#include "sinks/index.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sinks/index_internal.h"

#define APPLICATION_ID 0x4543414d /* "ECAM" */
#define BUSY_TIMEOUT_MS 5000

/* --- Opening --- */

static ecam_status execute(ecam_index *index, const char *sql, ecam_error *error)
{
    int rc = sqlite3_exec(index->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ECAM_OK : ecam_sql_failed(index->db, rc, error);
}

/* Whole or not at all: a transaction that fails ends with the connection. */
static ecam_status change_tables(ecam_index *index, const char *changes, ecam_error *error)
{
    char sql[8192];
    int n = snprintf(sql, sizeof sql,
                     "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                     changes, APPLICATION_ID, ECAM_INDEX_VERSION);

    assert(n > 0 && (size_t)n < sizeof sql);
    return execute(index, sql, error);
}

static ecam_status check_version(ecam_index *index, ecam_error *error)
{
    uint64_t version = 0, application = 0, tables = 0;
    ecam_status st = ecam_sql_ask(index->db, "PRAGMA user_version", &version, error);

    if (st == ECAM_OK)
        st = ecam_sql_ask(index->db, "PRAGMA application_id", &application, error);
    if (st == ECAM_OK)
        st = ecam_sql_ask(index->db, "SELECT count(*) FROM sqlite_master", &tables, error);
    if (st != ECAM_OK)
        return st;
    if (tables == 0 && version == 0)
        return change_tables(index, ecam_index_schema, error);
    if (application != APPLICATION_ID)
        return ecam_fail(error, ECAM_EFORMAT, "it is a database of another program");
    if (version == 1)
        return change_tables(index, ecam_index_from_1, error);
    if (version != ECAM_INDEX_VERSION)
        return ecam_fail(error, ECAM_EVERSION, "index has version %d, expected at most %d", (int)version,
                         ECAM_INDEX_VERSION);
    return ECAM_OK;
}

static ecam_status prepare_all(ecam_index *index, ecam_error *error)
{
    for (int i = 0; i < ECAM_SQL_COUNT; i++) {
        int rc = sqlite3_prepare_v3(index->db, ecam_index_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &index->prepared[i], NULL);
        if (rc != SQLITE_OK)
            return ecam_sql_failed(index->db, rc, error);
    }
    return ECAM_OK;
}

static ecam_status set_up(ecam_index *index, const char *path, ecam_error *error)
{
    int rc = sqlite3_open_v2(path, &index->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);
    if (rc != SQLITE_OK)
        return ecam_sql_failed(index->db, rc, error);
    sqlite3_busy_timeout(index->db, BUSY_TIMEOUT_MS);
    ecam_status st = check_version(index, error);
    /* NORMAL: a power failure may cost the last epoch's rows, never the index */
    if (st == ECAM_OK)
        st = execute(index, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                            "PRAGMA foreign_keys = ON",
                     error);
    return st == ECAM_OK ? prepare_all(index, error) : st;
}

ecam_status ecam_index_open(const char *path, ecam_index **out, ecam_error *error)
{
    ecam_index *index = calloc(1, sizeof *index);

    *out = NULL;
    if (!index)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for the index");
    ecam_status st = set_up(index, path, error);
    if (st != ECAM_OK) {
        ecam_error_prefix(error, "%s: ", path);
        ecam_index_close(&index);
    }
    *out = index;
    return st;
}

void ecam_index_close(ecam_index **index)
{
    if (!*index)
        return;
    for (int i = 0; i < ECAM_SQL_COUNT; i++)
        sqlite3_finalize((*index)->prepared[i]);
    sqlite3_close((*index)->db);
    free(*index);
    *index = NULL;
}

/* --- Transactions --- */

ecam_status ecam_index_begin(ecam_index *index, ecam_error *error)
{
    if (!sqlite3_get_autocommit(index->db))
        return ECAM_OK;
    return ecam_sql_ask(index->db, "BEGIN IMMEDIATE", NULL, error);
}

ecam_status ecam_index_begin_result(ecam_index *index, const ecam_result *result, ecam_error *error)
{
    snprintf(index->stage, sizeof index->stage, "%016llx", (unsigned long long)result->stage);
    return ecam_index_begin(index, error);
}

ecam_status ecam_index_commit(ecam_index *index, ecam_error *error)
{
    if (sqlite3_get_autocommit(index->db))
        return ECAM_OK;
    /* all files that were written have their rows now; or a sweep is to see */
    ecam_sql r = ecam_index_sql_begin(index, index->torn ? ECAM_SQL_CLOSE_MARKS : ECAM_SQL_UNMARK_OPEN);
    ecam_status st = ecam_sql_end(&r, NULL, error);
    if (st == ECAM_OK)
        st = ecam_sql_ask(index->db, "COMMIT", NULL, error);
    index->torn &= st != ECAM_OK;
    return st;
}

/* --- What belongs to no epoch --- */

ecam_status ecam_index_error(ecam_index *index, const ecam_result *result, ecam_error *error)
{
    const ecam_result_error *e = &result->error;
    char session[17];
    ecam_status st = ecam_index_begin_result(index, result, error);
    if (st != ECAM_OK)
        return st;

    snprintf(session, sizeof session, "%016llx", (unsigned long long)e->session);
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_ERROR);
    ecam_sql_text(&r, index->stage);
    ecam_sql_text(&r, result->run);
    ecam_sql_int(&r, result->seq);
    ecam_sql_int(&r, result->time_ns);
    ecam_sql_text(&r, e->code);
    ecam_sql_text(&r, e->message);
    ecam_sql_int_if(&r, e->has_rank, e->rank);
    ecam_sql_text(&r, e->has_session ? session : NULL);
    ecam_sql_int_if(&r, e->has_seq, e->of_seq);
    ecam_sql_text(&r, e->key);
    st = ecam_sql_end(&r, NULL, error);
    if (st != ECAM_OK)
        return st;
    r = ecam_index_sql_begin(index, ECAM_SQL_DROP_ERRORS);
    return ecam_sql_end(&r, NULL, error);
}

ecam_status ecam_index_stats(ecam_index *index, const ecam_result *result, ecam_error *error)
{
    const ecam_result_stats *stats = &result->stats;
    ecam_status st = ecam_index_begin_result(index, result, error);
    if (st != ECAM_OK)
        return st;

    /* replaces the row before, which takes its counters along (CASCADE) */
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_STATS);
    ecam_sql_text(&r, index->stage);
    ecam_sql_int(&r, result->seq);
    ecam_sql_int(&r, result->time_ns);
    st = ecam_sql_end(&r, NULL, error);
    for (uint32_t i = 0; st == ECAM_OK && i < stats->n_counters; i++) {
        r = ecam_index_sql_begin(index, ECAM_SQL_PUT_COUNTER);
        ecam_sql_text(&r, index->stage);
        ecam_sql_text(&r, stats->counters[i].name);
        ecam_sql_int(&r, stats->counters[i].value);
        st = ecam_sql_end(&r, NULL, error);
    }
    return st;
}

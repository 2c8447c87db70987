#include "sinks/index.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sinks/schema.h"

#define APPLICATION_ID 0x4543414d /* "ECAM" */
#define BUSY_TIMEOUT_MS 5000

struct ecam_index {
    sqlite3 *db;
    sqlite3_stmt *prepared[ECAM_SQL_COUNT];
    char stage[17]; /* of the result at hand */
};

static ecam_status db_failed(const ecam_index *index, int rc, const char *what, ecam_error *error)
{
    ecam_status st = rc == SQLITE_NOMEM ? ECAM_ENOMEM : rc == SQLITE_NOTADB ? ECAM_EFORMAT : ECAM_EIO;
    return ecam_fail(error, st, "index cannot be %s: %s", what,
                     index->db ? sqlite3_errmsg(index->db) : sqlite3_errstr(rc));
}

/* --- A statement with its values: remembers its first error --- */

typedef struct row {
    ecam_index *index;
    sqlite3_stmt *statement;
    int at;
    int rc;
} row;

static row begin_row(ecam_index *index, ecam_index_statement statement)
{
    return (row){.index = index, .statement = index->prepared[statement]};
}

static void keep_rc(row *r, int rc)
{
    if (r->rc == SQLITE_OK)
        r->rc = rc;
}

static void put_null(row *r)
{
    keep_rc(r, sqlite3_bind_null(r->statement, ++r->at));
}

static void put_int(row *r, uint64_t value)
{
    keep_rc(r, sqlite3_bind_int64(r->statement, ++r->at, (sqlite3_int64)value));
}

static void put_int_if(row *r, bool known, uint64_t value)
{
    if (known)
        put_int(r, value);
    else
        put_null(r);
}

static void put_real_if(row *r, bool known, double value)
{
    if (known)
        keep_rc(r, sqlite3_bind_double(r->statement, ++r->at, value));
    else
        put_null(r);
}

/* The text must live until end_row; NULL is accepted. */
static void put_text(row *r, const char *text)
{
    keep_rc(r, sqlite3_bind_text(r->statement, ++r->at, text, -1, SQLITE_STATIC));
}

/* Run to the end; the last row's first column goes to *value where both are. */
static ecam_status end_row(row *r, uint64_t *value, ecam_error *error)
{
    int rc = r->rc == SQLITE_OK ? SQLITE_ROW : r->rc;
    ecam_status st = ECAM_OK;

    while (rc == SQLITE_ROW) {
        rc = sqlite3_step(r->statement);
        if (rc == SQLITE_ROW && value)
            *value = (uint64_t)sqlite3_column_int64(r->statement, 0);
    }
    if (rc != SQLITE_DONE)
        st = db_failed(r->index, rc, "written", error);
    sqlite3_reset(r->statement);
    sqlite3_clear_bindings(r->statement);
    return st;
}

/* --- Opening --- */

static ecam_status pragma_number(ecam_index *index, const char *sql, int *out, ecam_error *error)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(index->db, sql, -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? ECAM_OK : db_failed(index, rc, "read", error);
}

static ecam_status execute(ecam_index *index, const char *sql, const char *what, ecam_error *error)
{
    int rc = sqlite3_exec(index->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ECAM_OK : db_failed(index, rc, what, error);
}

static ecam_status make_tables(ecam_index *index, ecam_error *error)
{
    char sql[4096];

    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             ecam_index_schema, APPLICATION_ID, ECAM_INDEX_VERSION);
    return execute(index, sql, "made", error);
}

static ecam_status check_version(ecam_index *index, ecam_error *error)
{
    int version = 0, application = 0, tables = 0;
    ecam_status st = pragma_number(index, "PRAGMA user_version", &version, error);

    if (st == ECAM_OK)
        st = pragma_number(index, "PRAGMA application_id", &application, error);
    if (st == ECAM_OK)
        st = pragma_number(index, "SELECT count(*) FROM sqlite_master", &tables, error);
    if (st != ECAM_OK)
        return st;
    if (tables == 0 && version == 0)
        return make_tables(index, error);
    if (application != APPLICATION_ID)
        return ecam_fail(error, ECAM_EFORMAT, "it is a database of another program");
    if (version != ECAM_INDEX_VERSION)
        return ecam_fail(error, ECAM_EVERSION, "index has version %d, expected %d", version,
                         ECAM_INDEX_VERSION);
    return ECAM_OK;
}

static ecam_status prepare_all(ecam_index *index, ecam_error *error)
{
    for (int i = 0; i < ECAM_SQL_COUNT; i++) {
        int rc = sqlite3_prepare_v3(index->db, ecam_index_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &index->prepared[i], NULL);
        if (rc != SQLITE_OK)
            return db_failed(index, rc, "used", error);
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
        return db_failed(index, rc, "opened", error);
    sqlite3_busy_timeout(index->db, BUSY_TIMEOUT_MS);
    ecam_status st = check_version(index, error);
    /* NORMAL: a power failure may cost the last epoch's rows, never the index */
    if (st == ECAM_OK)
        st = execute(index, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                            "PRAGMA foreign_keys = ON",
                     "opened", error);
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

/* --- Writing --- */

static ecam_status begin(ecam_index *index, const ecam_result *result, ecam_error *error)
{
    snprintf(index->stage, sizeof index->stage, "%016llx", (unsigned long long)result->stage);
    if (!sqlite3_get_autocommit(index->db))
        return ECAM_OK;
    return execute(index, "BEGIN IMMEDIATE", "written", error);
}

ecam_status ecam_index_commit(ecam_index *index, ecam_error *error)
{
    if (sqlite3_get_autocommit(index->db))
        return ECAM_OK;
    return execute(index, "COMMIT", "committed", error);
}

static ecam_status put_epoch(ecam_index *index, const ecam_result *result, const char *folder,
                             uint64_t *id, ecam_error *error)
{
    uint64_t run_id = 0;
    row r = begin_row(index, ECAM_SQL_PUT_RUN);

    put_text(&r, result->run);
    ecam_status st = end_row(&r, &run_id, error);
    if (st != ECAM_OK)
        return st;
    r = begin_row(index, ECAM_SQL_PUT_EPOCH);
    put_int(&r, run_id);
    put_text(&r, result->output);
    put_text(&r, result->mode);
    put_int(&r, result->epoch);
    put_int(&r, result->attempt > 0 ? result->attempt : 1);
    put_text(&r, folder);
    put_text(&r, index->stage);
    put_int(&r, result->time_ns);
    return end_row(&r, id, error);
}

static ecam_status put_sample(ecam_index *index, uint64_t epoch_id, const ecam_result_sample *sample,
                              ecam_error *error)
{
    row r = begin_row(index, ECAM_SQL_PUT_SAMPLE);

    put_int(&r, epoch_id);
    put_int(&r, sample->number);
    put_text(&r, sample->ds_id);
    put_int(&r, sample->rank);
    put_int(&r, sample->step);
    put_int(&r, sample->index);
    put_text(&r, sample->label);
    put_text(&r, sample->pred);
    return end_row(&r, NULL, error);
}

static ecam_status put_picture(ecam_index *index, uint64_t epoch_id, const ecam_result *result,
                               const char *file, ecam_error *error)
{
    bool page = result->type == ECAM_RESULT_SHEET, map = result->type == ECAM_RESULT_MAP;
    bool component = map || result->type == ECAM_RESULT_OVERLAY;
    const ecam_result_component *c = &result->component;
    row r = begin_row(index, ECAM_SQL_PUT_PICTURE);

    put_int(&r, epoch_id);
    put_text(&r, ecam_result_type_name(result->type));
    put_int(&r, page ? result->page.number : result->sample.number);
    put_int_if(&r, component, c->number);
    put_int_if(&r, component, c->components);
    put_real_if(&r, component, c->explained);
    put_real_if(&r, component, c->singular);
    put_real_if(&r, map, c->lo);
    put_real_if(&r, map, c->hi);
    put_real_if(&r, component, c->divisor);
    put_int_if(&r, page, result->page.pages);
    put_int_if(&r, page, result->page.rows);
    put_int(&r, result->picture.width);
    put_int(&r, result->picture.height);
    put_int(&r, result->picture.png_bytes);
    put_text(&r, file);
    put_text(&r, index->stage);
    put_int(&r, result->seq);
    put_int(&r, result->time_ns);
    return end_row(&r, NULL, error);
}

ecam_status ecam_index_picture(ecam_index *index, const ecam_result *result, const char *folder,
                               const char *file, ecam_error *error)
{
    uint64_t epoch_id = 0;
    ecam_status st = begin(index, result, error);

    if (st == ECAM_OK)
        st = put_epoch(index, result, folder, &epoch_id, error);
    if (st == ECAM_OK && result->type != ECAM_RESULT_SHEET)
        st = put_sample(index, epoch_id, &result->sample, error);
    if (st == ECAM_OK)
        st = put_picture(index, epoch_id, result, file, error);
    return st;
}

/* "1,3,4" */
static ecam_status ranks_text(const ecam_result_summary *summary, ecam_buffer *text)
{
    ecam_status st = ECAM_OK;
    char number[16];

    for (uint32_t i = 0; st == ECAM_OK && i < summary->n_missing; i++) {
        int n = snprintf(number, sizeof number, "%s%u", i > 0 ? "," : "", summary->missing_ranks[i]);
        st = ecam_buffer_append(text, number, (size_t)n);
    }
    return st == ECAM_OK ? ecam_buffer_append(text, "", 1) : st;
}

static ecam_status put_summary(ecam_index *index, uint64_t epoch_id, const ecam_result *result,
                               ecam_error *error)
{
    const ecam_result_summary *s = &result->summary;
    ecam_buffer ranks = {0};
    if (ranks_text(s, &ranks) != ECAM_OK) {
        ecam_buffer_finish(&ranks);
        return ecam_fail(error, ECAM_ENOMEM, "no memory for the missing ranks");
    }

    row r = begin_row(index, ECAM_SQL_PUT_SUMMARY);
    put_text(&r, index->stage);
    put_int(&r, result->seq);
    put_int(&r, result->time_ns);
    put_int(&r, s->samples);
    put_int(&r, s->components);
    put_int(&r, s->complete);
    put_text(&r, (const char *)ranks.data);
    put_int(&r, s->lost);
    put_int(&r, s->rejected);
    put_int(&r, s->late);
    for (int i = 0; i < 4; i++)
        put_int(&r, s->published[i]);
    put_int(&r, s->latency_ns);
    put_int(&r, epoch_id);
    ecam_status st = end_row(&r, NULL, error);
    ecam_buffer_finish(&ranks);
    return st;
}

static ecam_status put_texts(ecam_index *index, uint64_t epoch_id, const ecam_result_summary *s,
                             ecam_error *error)
{
    ecam_status st = ECAM_OK;
    uint32_t n = s->labels || s->preds ? s->samples : 0;

    for (uint32_t i = 0; st == ECAM_OK && i < n; i++) {
        row r = begin_row(index, ECAM_SQL_PUT_TEXTS);
        put_int(&r, epoch_id);
        put_int(&r, i);
        put_text(&r, s->labels ? s->labels[i] : NULL);
        put_text(&r, s->preds ? s->preds[i] : NULL);
        st = end_row(&r, NULL, error);
    }
    return st;
}

static ecam_status drop_stale(ecam_index *index, uint64_t epoch_id, const ecam_result_summary *s,
                              ecam_index_stale *stale, void *context, ecam_error *error)
{
    row r = begin_row(index, ECAM_SQL_DROP_PICTURES);

    put_int(&r, epoch_id);
    put_text(&r, index->stage);
    put_int(&r, s->samples);
    put_int(&r, s->components);
    for (int i = 0; i < 4; i++)
        put_int(&r, s->published[i]);
    while (r.rc == SQLITE_OK && sqlite3_step(r.statement) == SQLITE_ROW) {
        const char *file = (const char *)sqlite3_column_text(r.statement, 0);
        if (file)
            stale(context, file);
    }
    /* after SQLITE_DONE another step would run the statement again */
    r.rc = sqlite3_reset(r.statement);
    sqlite3_clear_bindings(r.statement);
    if (r.rc != SQLITE_OK)
        return db_failed(index, r.rc, "written", error);

    r = begin_row(index, ECAM_SQL_DROP_SAMPLES);
    put_int(&r, epoch_id);
    put_int(&r, s->samples);
    return end_row(&r, NULL, error);
}

ecam_status ecam_index_summary(ecam_index *index, const ecam_result *result, const char *folder,
                               ecam_index_stale *stale, void *context, uint64_t *pictures,
                               ecam_error *error)
{
    uint64_t epoch_id = 0;
    ecam_status st = begin(index, result, error);

    *pictures = 0;
    if (st == ECAM_OK)
        st = put_epoch(index, result, folder, &epoch_id, error);
    if (st == ECAM_OK)
        st = put_summary(index, epoch_id, result, error);
    if (st == ECAM_OK)
        st = drop_stale(index, epoch_id, &result->summary, stale, context, error);
    if (st == ECAM_OK)
        st = put_texts(index, epoch_id, &result->summary, error);
    if (st != ECAM_OK)
        return st;
    row r = begin_row(index, ECAM_SQL_COUNT_PICTURES);
    put_int(&r, epoch_id);
    return end_row(&r, pictures, error);
}

ecam_status ecam_index_error(ecam_index *index, const ecam_result *result, ecam_error *error)
{
    const ecam_result_error *e = &result->error;
    char session[17];
    ecam_status st = begin(index, result, error);
    if (st != ECAM_OK)
        return st;

    snprintf(session, sizeof session, "%016llx", (unsigned long long)e->session);
    row r = begin_row(index, ECAM_SQL_PUT_ERROR);
    put_text(&r, index->stage);
    put_text(&r, result->run);
    put_int(&r, result->seq);
    put_int(&r, result->time_ns);
    put_text(&r, e->code);
    put_text(&r, e->message);
    put_int_if(&r, e->has_rank, e->rank);
    put_text(&r, e->has_session ? session : NULL);
    put_int_if(&r, e->has_seq, e->of_seq);
    put_text(&r, e->key);
    st = end_row(&r, NULL, error);
    if (st != ECAM_OK)
        return st;
    r = begin_row(index, ECAM_SQL_DROP_ERRORS);
    return end_row(&r, NULL, error);
}

ecam_status ecam_index_stats(ecam_index *index, const ecam_result *result, ecam_error *error)
{
    const ecam_result_stats *stats = &result->stats;
    ecam_status st = begin(index, result, error);
    if (st != ECAM_OK)
        return st;

    /* replaces the row before, which takes its counters along (CASCADE) */
    row r = begin_row(index, ECAM_SQL_PUT_STATS);
    put_text(&r, index->stage);
    put_int(&r, result->seq);
    put_int(&r, result->time_ns);
    st = end_row(&r, NULL, error);
    for (uint32_t i = 0; st == ECAM_OK && i < stats->n_counters; i++) {
        r = begin_row(index, ECAM_SQL_PUT_COUNTER);
        put_text(&r, index->stage);
        put_text(&r, stats->counters[i].name);
        put_int(&r, stats->counters[i].value);
        st = end_row(&r, NULL, error);
    }
    return st;
}

#include "web/answers.h"

#include <stdlib.h>
#include <string.h>

ecam_status ecam_answer_set(json_t *object, const char *key, json_t *value, ecam_error *error)
{
    if (json_object_set_new(object, key, value) != 0)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
    return ECAM_OK;
}

ecam_status ecam_answer_append(json_t *array, json_t *value, ecam_error *error)
{
    if (json_array_append_new(array, value) != 0)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
    return ECAM_OK;
}

ecam_status ecam_answer_rows(ecam_lookup *lookup, sqlite3_stmt *statement, json_t *array, ecam_error *error)
{
    ecam_status st = statement ? ECAM_OK : ecam_lookup_fail(lookup, error);

    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error))
        st = ecam_answer_append(array, ecam_row_json(statement), error);
    return st;
}

/* "1,3" as [1, 3]; NULL as null. */
static json_t *ranks_json(const char *text)
{
    json_t *ranks = text ? json_array() : json_null();

    while (ranks && text && *text) {
        char *end;
        long long rank = strtoll(text, &end, 10);
        if (end == text)
            break;
        if (json_array_append_new(ranks, json_integer(rank)) != 0) {
            json_decref(ranks);
            return NULL;
        }
        text = *end == ',' ? end + 1 : end;
    }
    return ranks;
}

json_t *ecam_answer_epoch_row(sqlite3_stmt *statement)
{
    json_t *row = ecam_row_json(statement);
    json_t *complete = json_object_get(row, "complete");
    int failed = row ? 0 : -1;

    if (json_is_integer(complete))
        failed |= json_object_set_new(row, "complete", json_boolean(json_integer_value(complete) != 0));
    if (row)
        failed |= json_object_set_new(row, "missing_ranks",
                                      ranks_json(json_string_value(json_object_get(row, "missing_ranks"))));
    if (row)
        failed |= json_object_set_new(row, "explained", json_array());
    if (failed != 0) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static ecam_status add_ds_ids(ecam_lookup *lookup, json_t *mode, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_DS_IDS);
    json_t *ds_ids = json_array();
    ecam_status st = ecam_answer_set(mode, "ds_ids", ds_ids, error);

    if (st == ECAM_OK && !statement)
        st = ecam_lookup_fail(lookup, error);
    if (st != ECAM_OK)
        return st;
    sqlite3_bind_int64(statement, 1, json_integer_value(json_object_get(mode, "newest")));
    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error))
        st = ecam_answer_append(ds_ids, ecam_column_json(statement, 0), error);
    return st;
}

/* The outputs of a run: its rows of output and mode, grouped. */
static ecam_status add_outputs(ecam_lookup *lookup, json_t *run, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_MODES);
    json_t *outputs = json_array(), *modes = NULL;
    const char *last = NULL;
    ecam_status st = ecam_answer_set(run, "outputs", outputs, error);

    if (st == ECAM_OK && !statement)
        st = ecam_lookup_fail(lookup, error);
    if (st != ECAM_OK)
        return st;
    sqlite3_bind_int64(statement, 1, json_integer_value(json_object_get(run, "id")));
    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error)) {
        json_t *mode = ecam_row_json(statement);
        const char *output = json_string_value(json_object_get(mode, "output"));
        if (!output) {
            json_decref(mode);
            return ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
        }
        if (!last || strcmp(last, output) != 0) {
            modes = json_array();
            json_t *group = json_pack("{s:s, s:o}", "output", output, "modes", modes);
            st = ecam_answer_append(outputs, group, error);
            last = json_string_value(json_object_get(group, "output"));
        }
        json_object_del(mode, "output");
        if (st == ECAM_OK)
            st = ecam_answer_append(modes, mode, error);
        else
            json_decref(mode);
        if (st == ECAM_OK)
            st = add_ds_ids(lookup, mode, error);
    }
    return st;
}

ecam_status ecam_answer_store(ecam_lookup *lookup, const char *name, bool live, json_t **out, ecam_error *error)
{
    json_t *runs = json_array(), *run;
    size_t i;

    *out = json_pack("{s:i, s:s, s:b, s:o}", "version", ECAM_ANSWERS_VERSION, "store", name, "live", live, "runs",
                     runs);
    if (!*out)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
    ecam_status st = ecam_answer_rows(lookup, ecam_lookup_query(lookup, ECAM_QUERY_RUNS), runs, error);
    if (st == ECAM_OK)
        json_array_foreach(runs, i, run)
            if (st == ECAM_OK)
                st = add_outputs(lookup, run, error);
    if (st != ECAM_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

/* The rows come in the order of the epochs. */
static ecam_status add_explained(ecam_lookup *lookup, sqlite3_stmt *statement, json_t *epochs, ecam_error *error)
{
    size_t at = 0;
    json_t *epoch = json_array_get(epochs, 0);
    ecam_status st = ECAM_OK;

    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error)) {
        int64_t id = sqlite3_column_int64(statement, 0);
        while (epoch && json_integer_value(json_object_get(epoch, "id")) != id)
            epoch = json_array_get(epochs, ++at);
        json_t *explained = json_object_get(epoch, "explained");
        if (!explained)
            break;
        st = ecam_answer_append(explained, ecam_column_json(statement, 2), error);
    }
    return st;
}

static sqlite3_stmt *of_mode(ecam_lookup *lookup, ecam_query query, int64_t run, const char *output, const char *mode)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, query);

    if (statement) {
        sqlite3_bind_int64(statement, 1, run);
        sqlite3_bind_text(statement, 2, output, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 3, mode, -1, SQLITE_TRANSIENT);
    }
    return statement;
}

ecam_status ecam_answer_epochs(ecam_lookup *lookup, int64_t run, const char *output, const char *mode, json_t **out,
                               ecam_error *error)
{
    sqlite3_stmt *statement = of_mode(lookup, ECAM_QUERY_EPOCHS, run, output, mode);
    sqlite3_stmt *explained = of_mode(lookup, ECAM_QUERY_EXPLAINED, run, output, mode);
    json_t *epochs = json_array();
    ecam_status st = statement && explained ? ECAM_OK : ecam_lookup_fail(lookup, error);

    *out = json_pack("{s:o}", "epochs", epochs);
    if (!*out)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error))
        st = ecam_answer_append(epochs, ecam_answer_epoch_row(statement), error);
    if (st == ECAM_OK)
        st = add_explained(lookup, explained, epochs, error);
    if (st != ECAM_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

ecam_status ecam_answer_errors(ecam_lookup *lookup, int64_t after, unsigned limit, json_t **out, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_ERRORS);

    *out = json_array();
    if (statement) {
        sqlite3_bind_int64(statement, 1, after);
        sqlite3_bind_int64(statement, 2, limit);
    }
    ecam_status st = ecam_answer_rows(lookup, statement, *out, error);
    if (st != ECAM_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

static ecam_status add_counters(ecam_lookup *lookup, json_t *stats, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_COUNTERS);
    const char *stage = json_string_value(json_object_get(stats, "stage"));
    json_t *counters = json_object();
    ecam_status st = ecam_answer_set(stats, "counters", counters, error);

    if (st == ECAM_OK && !statement)
        st = ecam_lookup_fail(lookup, error);
    if (st != ECAM_OK)
        return st;
    sqlite3_bind_text(statement, 1, stage, -1, SQLITE_TRANSIENT);
    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error)) {
        json_t *name = ecam_column_json(statement, 0);
        if (json_is_string(name))
            st = ecam_answer_set(counters, json_string_value(name), ecam_column_json(statement, 1), error);
        json_decref(name);
    }
    return st;
}

ecam_status ecam_answer_stats(ecam_lookup *lookup, json_t **out, ecam_error *error)
{
    json_t *stats;
    size_t i;

    *out = json_array();
    ecam_status st = ecam_answer_rows(lookup, ecam_lookup_query(lookup, ECAM_QUERY_STATS), *out, error);
    if (st == ECAM_OK)
        json_array_foreach(*out, i, stats)
            if (st == ECAM_OK)
                st = add_counters(lookup, stats, error);
    if (st != ECAM_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

#include <stdio.h>
#include <string.h>

#include "web/answers.h"

/* Columns of ECAM_QUERY_PICTURES. */
enum { NUMBER, COMPONENT, TYPE, ID, STAMP, WIDTH, HEIGHT, EXPLAINED, SINGULAR, LO, HI, DIVISOR };

static ecam_status read_epoch(ecam_lookup *lookup, int64_t id, json_t **out, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_EPOCH);
    ecam_status st = ECAM_OK;

    if (!statement)
        return ecam_lookup_fail(lookup, error);
    sqlite3_bind_int64(statement, 1, id);
    if (!ecam_lookup_step(lookup, statement, &st, error))
        return st == ECAM_OK ? ecam_fail(error, ECAM_EMISSING, "there is no such epoch") : st;
    *out = ecam_answer_epoch_row(statement);
    return *out ? ECAM_OK : ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
}

static ecam_status add_explained(ecam_lookup *lookup, int64_t id, json_t *epoch, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_EPOCH_EXPLAINED);
    ecam_status st = ECAM_OK;

    if (!statement)
        return ecam_lookup_fail(lookup, error);
    sqlite3_bind_int64(statement, 1, id);
    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error))
        st = ecam_answer_append(json_object_get(epoch, "explained"), ecam_column_json(statement, 2), error);
    return st;
}

static ecam_status add_total(ecam_lookup *lookup, int64_t id, json_t *epoch, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_TOTAL);
    ecam_status st = ECAM_OK;

    if (!statement)
        return ecam_lookup_fail(lookup, error);
    sqlite3_bind_int64(statement, 1, id);
    if (ecam_lookup_step(lookup, statement, &st, error))
        st = ecam_answer_set(epoch, "total", ecam_column_json(statement, 0), error);
    return st;
}

/* How the overlays are drawn, as one object. */
static ecam_status add_draw(json_t *epoch, ecam_error *error)
{
    static const char *const keys[] = {"colormap", "weight", "normalize"};
    json_t *draw = json_is_null(json_object_get(epoch, "colormap")) ? json_null() : json_object();
    ecam_status st = ecam_answer_set(epoch, "draw", draw, error);

    for (size_t i = 0; st == ECAM_OK && i < sizeof keys / sizeof *keys; i++) {
        if (json_is_object(draw))
            st = ecam_answer_set(draw, keys[i], json_incref(json_object_get(epoch, keys[i])), error);
        json_object_del(epoch, keys[i]);
    }
    return st;
}

static ecam_status add_samples(ecam_lookup *lookup, int64_t id, uint64_t from, uint64_t count, json_t *epoch,
                               ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_SAMPLES);
    json_t *samples = json_array(), *sample;
    size_t i;
    ecam_status st = ecam_answer_set(epoch, "samples_list", samples, error);

    if (statement) {
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_int64(statement, 2, (int64_t)from);
        sqlite3_bind_int64(statement, 3, (int64_t)count);
    }
    if (st == ECAM_OK)
        st = ecam_answer_rows(lookup, statement, samples, error);
    if (st == ECAM_OK)
        json_array_foreach(samples, i, sample) {
            json_t *rest = json_pack("{s:n, s:n, s:n, s:n, s:[]}", "image", "image_stamp", "width", "height",
                                     "components");
            if (json_object_update_missing(sample, rest) != 0)
                st = ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
            json_decref(rest);
        }
    return st;
}

/* The component that a row is about, the newest of its sample; made where it is
 * the first row of it. */
static json_t *component_of(json_t *sample, sqlite3_stmt *row)
{
    json_t *components = json_object_get(sample, "components");
    json_t *last = json_array_get(components, json_array_size(components) - 1);

    if (last && json_integer_value(json_object_get(last, "component")) == sqlite3_column_int64(row, COMPONENT))
        return last;
    json_t *made = json_pack("{s:o, s:o, s:o, s:o, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "component",
                             ecam_column_json(row, COMPONENT), "explained", ecam_column_json(row, EXPLAINED),
                             "singular", ecam_column_json(row, SINGULAR), "divisor", ecam_column_json(row, DIVISOR),
                             "lo", "hi", "overlay", "overlay_stamp", "map", "map_stamp", "width", "height");
    return json_array_append_new(components, made) == 0 ? made : NULL;
}

static json_t *stamp_json(sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, STAMP);

    return text ? json_string(text) : NULL;
}

static ecam_status add_picture(json_t *sample, sqlite3_stmt *row, ecam_error *error)
{
    const char *type = (const char *)sqlite3_column_text(row, TYPE);
    bool is_image = type && strcmp(type, "image") == 0, is_map = type && strcmp(type, "map") == 0;
    json_t *place = is_image ? sample : component_of(sample, row);
    char stamp[32];

    if (!type || !place)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for an answer");
    snprintf(stamp, sizeof stamp, "%s_stamp", is_image ? "image" : is_map ? "map" : "overlay");
    ecam_status st = ecam_answer_set(place, type, ecam_column_json(row, ID), error);
    if (st == ECAM_OK)
        st = ecam_answer_set(place, stamp, stamp_json(row), error);
    if (st == ECAM_OK && is_map)
        st = ecam_answer_set(place, "lo", ecam_column_json(row, LO), error);
    if (st == ECAM_OK && is_map)
        st = ecam_answer_set(place, "hi", ecam_column_json(row, HI), error);
    if (st == ECAM_OK && (is_map || is_image))
        st = ecam_answer_set(place, "width", ecam_column_json(row, WIDTH), error);
    if (st == ECAM_OK && (is_map || is_image))
        st = ecam_answer_set(place, "height", ecam_column_json(row, HEIGHT), error);
    return st;
}

/* The rows come in the order of the samples. */
static ecam_status add_pictures(ecam_lookup *lookup, int64_t id, json_t *samples, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_PICTURES);
    size_t n = json_array_size(samples), at = 0;
    ecam_status st = ECAM_OK;

    if (!statement)
        return ecam_lookup_fail(lookup, error);
    if (n == 0)
        return ECAM_OK;
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, json_integer_value(json_object_get(json_array_get(samples, 0), "number")));
    sqlite3_bind_int64(statement, 3, json_integer_value(json_object_get(json_array_get(samples, n - 1), "number")));
    while (st == ECAM_OK && ecam_lookup_step(lookup, statement, &st, error)) {
        int64_t number = sqlite3_column_int64(statement, NUMBER);
        while (at < n && json_integer_value(json_object_get(json_array_get(samples, at), "number")) < number)
            at++;
        json_t *sample = json_array_get(samples, at);
        if (sample && json_integer_value(json_object_get(sample, "number")) == number)
            st = add_picture(sample, statement, error);
    }
    return st;
}

static ecam_status add_sheets(ecam_lookup *lookup, int64_t id, json_t *epoch, ecam_error *error)
{
    sqlite3_stmt *statement = ecam_lookup_query(lookup, ECAM_QUERY_SHEETS);
    json_t *sheets = json_array();
    ecam_status st = ecam_answer_set(epoch, "sheets", sheets, error);

    if (statement)
        sqlite3_bind_int64(statement, 1, id);
    if (st == ECAM_OK)
        st = ecam_answer_rows(lookup, statement, sheets, error);
    return st;
}

ecam_status ecam_answer_epoch(ecam_lookup *lookup, int64_t id, uint64_t from, uint64_t count, json_t **out,
                              ecam_error *error)
{
    json_t *epoch = NULL;
    ecam_status st = read_epoch(lookup, id, &epoch, error);

    if (st == ECAM_OK)
        st = add_explained(lookup, id, epoch, error);
    if (st == ECAM_OK)
        st = add_total(lookup, id, epoch, error);
    if (st == ECAM_OK)
        st = ecam_answer_set(epoch, "from", json_integer((json_int_t)from), error);
    if (st == ECAM_OK)
        st = add_draw(epoch, error);
    if (st == ECAM_OK)
        st = add_samples(lookup, id, from, count, epoch, error);
    if (st == ECAM_OK)
        st = add_pictures(lookup, id, json_object_get(epoch, "samples_list"), error);
    if (st == ECAM_OK)
        st = add_sheets(lookup, id, epoch, error);
    if (st != ECAM_OK) {
        json_decref(epoch);
        epoch = NULL;
    }
    *out = epoch;
    return st;
}

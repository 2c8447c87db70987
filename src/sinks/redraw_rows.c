#include <string.h>

#include "sinks/redraw_internal.h"

#define COLUMNS                                                                                \
    "epoch_id, type, number, component, explained, lo, hi, divisor, page_rows, file"

static const char *const texts[ECAM_REDRAW_STATEMENTS] = {
    [ECAM_REDRAW_PICTURE] = "SELECT " COLUMNS " FROM pictures WHERE id = ?",
    [ECAM_REDRAW_FIND] =
        "SELECT " COLUMNS " FROM pictures"
        " WHERE epoch_id = ? AND type = ? AND number = ? AND ifnull(component, -1) = ?",
    [ECAM_REDRAW_EPOCH] =
        "SELECT epochs.id, runs.name, output, mode, epoch, attempt, complete, missing_ranks, world,"
        "  components, colormap, weight, normalize,"
        "  EXISTS (SELECT 1 FROM samples WHERE epoch_id = epochs.id AND label IS NOT NULL),"
        "  EXISTS (SELECT 1 FROM samples WHERE epoch_id = epochs.id AND pred IS NOT NULL)"
        "  FROM epochs JOIN runs ON runs.id = run_id WHERE epochs.id = ?",
    [ECAM_REDRAW_SAMPLE] =
        "SELECT ds_id, rank, step, batch_index, label, pred, image_float FROM samples"
        " WHERE epoch_id = ? AND number = ?",
    [ECAM_REDRAW_NUMBERS] =
        "SELECT number FROM pictures WHERE epoch_id = ? AND type = 'map' AND component = ? ORDER BY number",
    [ECAM_REDRAW_CHANGES] = "PRAGMA data_version",
    /* each with its place: the epoch's folder, its type's number, and so on */
    [ECAM_REDRAW_LIST] =
        "SELECT pictures.id, folder, type, number, component FROM pictures"
        " JOIN epochs ON epochs.id = epoch_id JOIN runs ON runs.id = run_id"
        " WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR output = ?2) AND (?3 IS NULL OR mode = ?3)"
        " AND (?4 < 0 OR epoch = ?4) AND (?5 < 0 OR (number = ?5 AND type <> 'sheet'))"
        " AND (?6 < 0 OR component = ?6) ORDER BY epochs.arrival, number, type, component",
};

ecam_status ecam_redraw_prepare(ecam_redraw *r, ecam_error *error)
{
    for (int i = 0; i < ECAM_REDRAW_STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(r->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &r->prepared[i], NULL);
        if (rc != SQLITE_OK)
            return ecam_sql_failed(r->db, rc, error);
    }
    return ECAM_OK;
}

/* A text of the row at hand, or NULL. *short_of_memory: set where it is. */
static const char *take_text(ecam_redraw *r, const ecam_sql *sql, int column, bool *short_of_memory)
{
    const char *text = (const char *)sqlite3_column_text(sql->statement, column);
    const char *copy = text ? ecam_arena_text(&r->arena, text, strlen(text)) : NULL;

    *short_of_memory |= text && !copy;
    return copy;
}

static uint32_t take_u32(const ecam_sql *sql, int column)
{
    sqlite3_int64 value = sqlite3_column_int64(sql->statement, column);
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* What a query of one row came to. */
static ecam_status end_one(ecam_sql *sql, bool found, bool short_of_memory, const char *what,
                           ecam_error *error)
{
    ecam_status st = ecam_sql_end(sql, NULL, error);

    if (st == ECAM_OK && short_of_memory)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for %s", what);
    if (st == ECAM_OK && !found)
        return ecam_fail(error, ECAM_EMISSING, "the store has no such %s, or has it no more", what);
    return st;
}

static ecam_status take_picture(ecam_redraw *r, ecam_sql *sql, const char *what, ecam_redraw_row *out,
                                ecam_error *error)
{
    bool found = ecam_sql_row(sql), lacking = false;

    if (found)
        *out = (ecam_redraw_row){
            .epoch_id = sqlite3_column_int64(sql->statement, 0),
            .type = take_text(r, sql, 1, &lacking),
            .number = take_u32(sql, 2),
            .component = take_u32(sql, 3),
            .explained = sqlite3_column_double(sql->statement, 4),
            .lo = sqlite3_column_double(sql->statement, 5),
            .hi = sqlite3_column_double(sql->statement, 6),
            .divisor = sqlite3_column_double(sql->statement, 7),
            .page_rows = take_u32(sql, 8),
            .file = take_text(r, sql, 9, &lacking)};
    return end_one(sql, found, lacking || (found && !out->type), what, error);
}

ecam_status ecam_redraw_get_picture(ecam_redraw *r, int64_t id, ecam_redraw_row *out, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_PICTURE]);

    ecam_sql_int(&sql, (uint64_t)id);
    return take_picture(r, &sql, "picture", out, error);
}

ecam_status ecam_redraw_get(ecam_redraw *r, int64_t epoch_id, const char *type, uint32_t number,
                            int64_t component, ecam_redraw_row *out, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_FIND]);

    ecam_sql_int(&sql, (uint64_t)epoch_id);
    ecam_sql_text(&sql, type);
    ecam_sql_int(&sql, number);
    ecam_sql_int(&sql, (uint64_t)component);
    return take_picture(r, &sql, type, out, error);
}

/* A colour map that is not known here, of a later stage, counts as unsaid. */
static void take_style(const ecam_sql *sql, ecam_redraw_epoch *out)
{
    const char *colormap = (const char *)sqlite3_column_text(sql->statement, 10);
    const char *normalize = (const char *)sqlite3_column_text(sql->statement, 12);

    out->styled = colormap && ecam_colormap_parse(colormap, &out->style.colormap) == ECAM_OK;
    out->style.add = sqlite3_column_type(sql->statement, 11) == SQLITE_NULL;
    out->style.weight = (float)sqlite3_column_double(sql->statement, 11);
    out->styled &= out->style.weight >= 0 && out->style.weight <= 1;
    out->per_image = normalize && strcmp(normalize, "image") == 0;
}

ecam_status ecam_redraw_get_epoch(ecam_redraw *r, int64_t id, ecam_redraw_epoch *out, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_EPOCH]);
    bool lacking = false;

    ecam_sql_int(&sql, (uint64_t)id);
    bool found = ecam_sql_row(&sql);
    if (found) {
        *out = (ecam_redraw_epoch){
            .id = id,
            .run = take_text(r, &sql, 1, &lacking),
            .output = take_text(r, &sql, 2, &lacking),
            .mode = take_text(r, &sql, 3, &lacking),
            .epoch = (uint64_t)sqlite3_column_int64(sql.statement, 4),
            .attempt = take_u32(&sql, 5),
            .complete = sqlite3_column_int(sql.statement, 6) != 0,
            .missing_ranks = take_text(r, &sql, 7, &lacking),
            .world = take_u32(&sql, 8),
            .components = take_u32(&sql, 9),
            .labels = sqlite3_column_int(sql.statement, 13) != 0,
            .preds = sqlite3_column_int(sql.statement, 14) != 0};
        take_style(&sql, out);
        lacking |= !out->run || !out->output || !out->mode;
    }
    return end_one(&sql, found, lacking, "epoch", error);
}

ecam_status ecam_redraw_get_sample(ecam_redraw *r, int64_t epoch_id, uint32_t number,
                                   ecam_redraw_sample *out, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_SAMPLE]);
    bool lacking = false;

    ecam_sql_int(&sql, (uint64_t)epoch_id);
    ecam_sql_int(&sql, number);
    bool found = ecam_sql_row(&sql);
    if (found)
        *out = (ecam_redraw_sample){
            .ds_id = take_text(r, &sql, 0, &lacking),
            .rank = take_u32(&sql, 1),
            .step = (uint64_t)sqlite3_column_int64(sql.statement, 2),
            .index = take_u32(&sql, 3),
            .label = take_text(r, &sql, 4, &lacking),
            .pred = take_text(r, &sql, 5, &lacking),
            .image_float = sqlite3_column_int(sql.statement, 6) != 0};
    return end_one(&sql, found, lacking, "sample", error);
}

ecam_status ecam_redraw_get_numbers(ecam_redraw *r, int64_t epoch_id, uint32_t component,
                                    uint32_t **numbers, size_t *n, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_NUMBERS]);
    size_t capacity = 0;
    bool lacking = false;

    *n = 0;
    *numbers = NULL;
    ecam_sql_int(&sql, (uint64_t)epoch_id);
    ecam_sql_int(&sql, component);
    while (!lacking && ecam_sql_row(&sql)) {
        if (*n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            uint32_t *more = ecam_arena_alloc(&r->arena, capacity, sizeof *more);
            lacking = !more;
            if (lacking)
                break;
            if (*n > 0)
                memcpy(more, *numbers, *n * sizeof *more);
            *numbers = more;
        }
        (*numbers)[(*n)++] = take_u32(&sql, 0);
    }
    return end_one(&sql, true, lacking, "a list of samples", error);
}

ecam_status ecam_redraw_version(ecam_redraw *r, uint64_t *version, ecam_error *error)
{
    ecam_sql sql = ecam_sql_begin(r->prepared[ECAM_REDRAW_CHANGES]);
    return ecam_sql_end(&sql, version, error);
}

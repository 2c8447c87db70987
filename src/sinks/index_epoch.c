/* Rows of epochs, their samples and pictures. */
#include <stdio.h>

#include "base/buffer.h"
#include "sinks/index_internal.h"

static ecam_status put_epoch(ecam_index *index, const ecam_result *result, const char *folder,
                             uint64_t *id, ecam_error *error)
{
    const ecam_result_style *style = &result->component.style;
    uint64_t run_id = 0;
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_RUN);

    ecam_sql_text(&r, result->run);
    ecam_status st = ecam_sql_end(&r, &run_id, error);
    if (st != ECAM_OK)
        return st;
    r = ecam_index_sql_begin(index, ECAM_SQL_PUT_EPOCH);
    ecam_sql_int(&r, run_id);
    ecam_sql_text(&r, result->output);
    ecam_sql_text(&r, result->mode);
    ecam_sql_int(&r, result->epoch);
    ecam_sql_int(&r, result->attempt > 0 ? result->attempt : 1);
    ecam_sql_text(&r, folder);
    ecam_sql_text(&r, index->stage);
    ecam_sql_int(&r, result->time_ns);
    ecam_sql_text(&r, style->colormap);
    ecam_sql_real_if(&r, style->colormap && !style->add, style->weight);
    ecam_sql_text(&r, !style->colormap ? NULL : style->per_image ? "image" : "epoch");
    return ecam_sql_end(&r, id, error);
}

static ecam_status put_sample(ecam_index *index, uint64_t epoch_id, const ecam_result *result,
                              ecam_error *error)
{
    const ecam_result_sample *sample = &result->sample;
    const ecam_result_style *style = &result->component.style;
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_SAMPLE);

    ecam_sql_int(&r, epoch_id);
    ecam_sql_int(&r, sample->number);
    ecam_sql_text(&r, sample->ds_id);
    ecam_sql_int(&r, sample->rank);
    ecam_sql_int(&r, sample->step);
    ecam_sql_int(&r, sample->index);
    ecam_sql_text(&r, sample->label);
    ecam_sql_text(&r, sample->pred);
    ecam_sql_int_if(&r, style->colormap, style->image_float);
    return ecam_sql_end(&r, NULL, error);
}

static ecam_status put_picture(ecam_index *index, uint64_t epoch_id, const ecam_result *result,
                               const ecam_index_file *file, ecam_error *error)
{
    bool page = result->type == ECAM_RESULT_SHEET, map = result->type == ECAM_RESULT_MAP;
    bool component = map || result->type == ECAM_RESULT_OVERLAY;
    const ecam_result_component *c = &result->component;
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_PICTURE);

    ecam_sql_int(&r, epoch_id);
    ecam_sql_text(&r, ecam_result_type_name(result->type));
    ecam_sql_int(&r, page ? result->page.number : result->sample.number);
    ecam_sql_int_if(&r, component, c->number);
    ecam_sql_int_if(&r, component, c->components);
    ecam_sql_real_if(&r, component, c->explained);
    ecam_sql_real_if(&r, component, c->singular);
    ecam_sql_real_if(&r, map, c->lo);
    ecam_sql_real_if(&r, map, c->hi);
    ecam_sql_real_if(&r, component, c->divisor);
    ecam_sql_int_if(&r, page, result->page.pages);
    ecam_sql_int_if(&r, page, result->page.rows);
    ecam_sql_int(&r, result->picture.width);
    ecam_sql_int(&r, result->picture.height);
    ecam_sql_int(&r, file->bytes);
    ecam_sql_text(&r, file->file);
    ecam_sql_int(&r, file->stamp);
    ecam_sql_text(&r, index->stage);
    ecam_sql_int(&r, result->seq);
    ecam_sql_int(&r, result->time_ns);
    return ecam_sql_end(&r, NULL, error);
}

static ecam_status put_image(ecam_index *index, const ecam_index_file *file, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_IMAGE);

    ecam_sql_text(&r, file->file);
    ecam_sql_int(&r, file->bytes);
    return ecam_sql_end(&r, NULL, error);
}

ecam_status ecam_index_picture(ecam_index *index, const ecam_result *result,
                               const ecam_index_file *file, ecam_error *error)
{
    uint64_t epoch_id = 0;
    ecam_status st = ecam_index_begin_result(index, result, error);

    if (st == ECAM_OK)
        st = put_epoch(index, result, file->folder, &epoch_id, error);
    if (st == ECAM_OK && result->type != ECAM_RESULT_SHEET)
        st = put_sample(index, epoch_id, result, error);
    if (st == ECAM_OK && file->shared)
        st = put_image(index, file, error);
    if (st == ECAM_OK)
        st = put_picture(index, epoch_id, result, file, error);
    index->torn |= st != ECAM_OK; /* SQLite may have given all of it up */
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

    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_SUMMARY);
    ecam_sql_text(&r, index->stage);
    ecam_sql_int(&r, result->seq);
    ecam_sql_int(&r, result->time_ns);
    ecam_sql_int(&r, s->samples);
    ecam_sql_int(&r, s->components);
    ecam_sql_int(&r, s->complete);
    ecam_sql_text(&r, (const char *)ranks.data);
    ecam_sql_int_if(&r, s->world > 0, s->world);
    ecam_sql_int(&r, s->lost);
    ecam_sql_int(&r, s->rejected);
    ecam_sql_int(&r, s->late);
    for (int i = 0; i < 4; i++)
        ecam_sql_int(&r, s->published[i]);
    ecam_sql_int(&r, s->latency_ns);
    ecam_sql_int(&r, epoch_id);
    ecam_status st = ecam_sql_end(&r, NULL, error);
    ecam_buffer_finish(&ranks);
    return st;
}

static ecam_status put_texts(ecam_index *index, uint64_t epoch_id, const ecam_result_summary *s,
                             ecam_error *error)
{
    ecam_status st = ECAM_OK;
    uint32_t n = s->labels || s->preds ? s->samples : 0;

    for (uint32_t i = 0; st == ECAM_OK && i < n; i++) {
        ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_PUT_TEXTS);
        ecam_sql_int(&r, epoch_id);
        ecam_sql_int(&r, i);
        ecam_sql_text(&r, s->labels ? s->labels[i] : NULL);
        ecam_sql_text(&r, s->preds ? s->preds[i] : NULL);
        st = ecam_sql_end(&r, NULL, error);
    }
    return st;
}

/* What went leaves files behind. */
static ecam_status drop_stale(ecam_index *index, uint64_t epoch_id, const ecam_result_summary *s,
                              bool *gone, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, ECAM_SQL_DROP_PICTURES);

    ecam_sql_int(&r, epoch_id);
    ecam_sql_text(&r, index->stage);
    ecam_sql_int(&r, s->samples);
    ecam_sql_int(&r, s->components);
    for (int i = 0; i < 4; i++)
        ecam_sql_int(&r, s->published[i]);
    *gone = ecam_sql_row(&r);
    ecam_status st = ecam_sql_end(&r, NULL, error);
    if (st != ECAM_OK)
        return st;
    r = ecam_index_sql_begin(index, ECAM_SQL_DROP_SAMPLES);
    ecam_sql_int(&r, epoch_id);
    ecam_sql_int(&r, s->samples);
    return ecam_sql_end(&r, NULL, error);
}

/* For statements whose only value is an epoch. */
static ecam_status of_epoch(ecam_index *index, ecam_index_statement statement, uint64_t epoch_id,
                            uint64_t *value, ecam_error *error)
{
    ecam_sql r = ecam_index_sql_begin(index, statement);

    ecam_sql_int(&r, epoch_id);
    return ecam_sql_end(&r, value, error);
}

ecam_status ecam_index_slim(ecam_index *index, const ecam_result *result, const char *folder,
                            ecam_error *error)
{
    uint64_t epoch_id = 0;
    ecam_status st = ecam_index_begin_result(index, result, error);

    if (st == ECAM_OK)
        st = put_epoch(index, result, folder, &epoch_id, error);
    if (st == ECAM_OK)
        st = of_epoch(index, ECAM_SQL_LET_OVERLAYS_GO, epoch_id, NULL, error);
    if (st == ECAM_OK)
        st = ecam_index_mark(index, folder, false, error);
    return st;
}

ecam_status ecam_index_summary(ecam_index *index, const ecam_result *result, const char *folder,
                               bool compact, uint64_t *pictures, uint64_t *bytes,
                               ecam_error *error)
{
    uint64_t epoch_id = 0;
    bool gone = false;
    ecam_status st = ecam_index_begin_result(index, result, error);

    *pictures = *bytes = 0;
    if (st == ECAM_OK)
        st = put_epoch(index, result, folder, &epoch_id, error);
    if (st == ECAM_OK)
        st = put_summary(index, epoch_id, result, error);
    if (st == ECAM_OK)
        st = drop_stale(index, epoch_id, &result->summary, &gone, error);
    if (st == ECAM_OK)
        st = put_texts(index, epoch_id, &result->summary, error);
    if (st == ECAM_OK && compact)
        st = of_epoch(index, ECAM_SQL_LET_OVERLAYS_GO, epoch_id, NULL, error);
    if (st == ECAM_OK && compact)
        st = of_epoch(index, ECAM_SQL_LET_SHEETS_GO, epoch_id, NULL, error);
    if (st == ECAM_OK && (compact || gone))
        st = ecam_index_mark(index, folder, false, error);
    if (st == ECAM_OK)
        st = of_epoch(index, ECAM_SQL_PUT_BYTES, epoch_id, bytes, error);
    if (st == ECAM_OK)
        st = of_epoch(index, ECAM_SQL_COUNT_PICTURES, epoch_id, pictures, error);
    index->torn |= st != ECAM_OK;
    return st;
}

#include "cli/describe.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "wire/result.h"

/* Longer lists are cut: a line is for reading. */
#define SHOWN 16

static void write_text(FILE *to, const char *text, size_t length)
{
    char clean[400];
    fputs(ecam_text_clean(clean, sizeof clean, text, length), to);
}

static void write_quoted(FILE *to, const char *key, const char *text)
{
    if (!text) {
        fprintf(to, " %s=nil", key);
        return;
    }
    fprintf(to, " %s=\"", key);
    write_text(to, text, strlen(text));
    fputc('"', to);
}

static void write_count(FILE *to, const char *key, uint64_t value)
{
    fprintf(to, " %s=%" PRIu64, key, value);
}

static size_t total_bytes(const ecam_frame *frames, size_t n_frames)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n_frames; i++)
        bytes += frames[i].size;
    return bytes;
}

/* --- What trainers say --- */

static void describe_field(FILE *to, const ecam_field *field)
{
    fputc(' ', to);
    write_text(to, field->key, strlen(field->key));
    if (!field->is_tensor) {
        fprintf(to, "=%zu items", field->n_items);
        return;
    }
    const ecam_tensor *t = &field->tensor;
    fprintf(to, "=%s[", ecam_dtype_name(t->dtype));
    for (unsigned i = 0; i < t->ndim; i++)
        fprintf(to, "%s%" PRIu64, i > 0 ? "," : "", t->shape[i]);
    fputc(']', to);
}

static void describe_batch(FILE *to, const ecam_message *m)
{
    write_count(to, "step", m->step);
    write_quoted(to, "ds_id", m->ds_id);
    for (size_t i = 0; i < m->n_fields && i < SHOWN; i++)
        describe_field(to, &m->fields[i]);
    if (m->n_fields > SHOWN)
        fprintf(to, " and %zu keys more", m->n_fields - SHOWN);
}

static void describe_epoch_end(FILE *to, const ecam_message *m)
{
    if (!m->has_sent)
        return;
    fputs(" sent:", to);
    for (size_t i = 0; i < m->n_sent && i < SHOWN; i++) {
        write_quoted(to, "ds_id", m->sent[i].ds_id);
        fprintf(to, " %" PRIu64 " batches %" PRIu64 " samples", m->sent[i].batches, m->sent[i].samples);
    }
    if (m->n_sent > SHOWN)
        fprintf(to, " and %zu more", m->n_sent - SHOWN);
}

static void describe_message(FILE *to, const ecam_message *m)
{
    static const char *const types[] = {"hello", "batch", "epoch_end", "bye"};

    fprintf(to, " %s:", types[m->type]);
    write_quoted(to, "run", m->run);
    fprintf(to, " rank=%u/%u session=%016" PRIx64 " seq=%" PRIu64, m->rank, m->world, m->session, m->seq);
    if (m->type == ECAM_MESSAGE_BATCH || m->type == ECAM_MESSAGE_EPOCH_END)
        fprintf(to, " mode=%s epoch=%" PRIu64, ecam_mode_name(m->mode), m->epoch);
    if (m->type == ECAM_MESSAGE_BATCH)
        describe_batch(to, m);
    if (m->type == ECAM_MESSAGE_EPOCH_END)
        describe_epoch_end(to, m);
    if (m->label_mapping)
        fprintf(to, " label_mapping=%zu classes", m->label_mapping->size);
    if (m->traces)
        fprintf(to, " traces=%zu", m->traces->size);
    if (m->type == ECAM_MESSAGE_BYE)
        fprintf(to, " last_seq of %zu topics", m->n_last_seq);
}

/* --- What a stage says --- */

static void describe_picture(FILE *to, const ecam_result *r)
{
    if (r->type == ECAM_RESULT_SHEET) {
        fprintf(to, " page=%u/%u rows=%u", r->page.number, r->page.pages, r->page.rows);
    } else {
        write_count(to, "sample", r->sample.number);
        write_quoted(to, "ds_id", r->sample.ds_id);
        fprintf(to, " rank=%u step=%" PRIu64 " index=%u", r->sample.rank, r->sample.step, r->sample.index);
        write_quoted(to, "label", r->sample.label);
        write_quoted(to, "pred", r->sample.pred);
    }
    if (r->type == ECAM_RESULT_OVERLAY || r->type == ECAM_RESULT_MAP)
        fprintf(to, " component=%u/%u explained=%.4g singular=%.6g divisor=%.6g", r->component.number,
                r->component.components, r->component.explained, r->component.singular, r->component.divisor);
    if (r->type == ECAM_RESULT_MAP)
        fprintf(to, " lo=%.6g hi=%.6g", r->component.lo, r->component.hi);
    fprintf(to, " %ux%u png of %zu bytes", r->picture.width, r->picture.height, r->picture.png_bytes);
}

static void describe_summary(FILE *to, const ecam_result_summary *s)
{
    fprintf(to, " samples=%u components=%u %s", s->samples, s->components, s->complete ? "complete" : "incomplete");
    for (uint32_t i = 0; i < s->n_missing && i < SHOWN; i++)
        fprintf(to, "%s%u", i == 0 ? " missing_ranks=" : ",", s->missing_ranks[i]);
    if (s->n_missing > SHOWN)
        fprintf(to, " and %u more", s->n_missing - SHOWN);
    fprintf(to,
            " lost=%" PRIu64 " rejected=%" PRIu64 " late=%" PRIu64 " published=%" PRIu64 " overlays, %" PRIu64
            " maps, %" PRIu64 " images, %" PRIu64 " sheets latency=%.3f ms",
            s->lost, s->rejected, s->late, s->published[ECAM_RESULT_OVERLAY], s->published[ECAM_RESULT_MAP],
            s->published[ECAM_RESULT_IMAGE], s->published[ECAM_RESULT_SHEET], (double)s->latency_ns / 1e6);
}

static void describe_error(FILE *to, const ecam_result_error *e)
{
    write_quoted(to, "code", e->code);
    if (e->has_rank)
        write_count(to, "rank", e->rank);
    if (e->has_session)
        fprintf(to, " session=%016" PRIx64, e->session);
    if (e->has_seq)
        write_count(to, "of_seq", e->of_seq);
    if (e->key)
        write_quoted(to, "key", e->key);
    write_quoted(to, "message", e->message);
}

static void describe_stats(FILE *to, const ecam_result_stats *s)
{
    for (uint32_t i = 0; i < s->n_counters && i < 4 * SHOWN; i++) {
        fputc(' ', to);
        write_text(to, s->counters[i].name, strlen(s->counters[i].name));
        fprintf(to, "=%" PRIu64, s->counters[i].value);
    }
}

static void describe_result(FILE *to, const ecam_result *r)
{
    fprintf(to, " %s: stage=%016" PRIx64 " seq=%" PRIu64, ecam_result_type_name(r->type), r->stage, r->seq);
    if (r->type <= ECAM_RESULT_EPOCH) {
        write_quoted(to, "run", r->run);
        write_quoted(to, "output", r->output);
        fputs(" mode=", to);
        write_text(to, r->mode, strlen(r->mode));
        fprintf(to, " epoch=%" PRIu64 " attempt=%u", r->epoch, r->attempt);
    }
    switch (r->type) {
    case ECAM_RESULT_OVERLAY:
    case ECAM_RESULT_MAP:
    case ECAM_RESULT_IMAGE:
    case ECAM_RESULT_SHEET: describe_picture(to, r); break;
    case ECAM_RESULT_EPOCH: describe_summary(to, &r->summary); break;
    case ECAM_RESULT_ERROR: write_quoted(to, "run", r->run); describe_error(to, &r->error); break;
    case ECAM_RESULT_STATS: describe_stats(to, &r->stats); break;
    }
}

/* --- Which of the two it is --- */

static bool is_of_trainers(const ecam_frame *topic)
{
    static const char *const beginnings[] = {"hello|", "batch|", "epoch_end|", "bye|"};

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (topic->size >= strlen(beginnings[i]) &&
            memcmp(topic->data, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

void ecam_describe(FILE *to, const ecam_frame *frames, size_t n_frames, ecam_arena *arena)
{
    ecam_message message;
    ecam_result result;
    ecam_error error = {0};
    ecam_status st;

    ecam_arena_reset(arena);
    if (n_frames == 0)
        return;
    write_text(to, frames[0].data, frames[0].size);
    if (is_of_trainers(&frames[0])) {
        st = ecam_message_decode(frames, n_frames, arena, &message, &error);
        if (st == ECAM_OK)
            describe_message(to, &message);
    } else {
        st = ecam_result_decode(frames, n_frames, arena, &result, &error);
        if (st == ECAM_OK)
            describe_result(to, &result);
    }
    if (st != ECAM_OK) {
        fprintf(to, " NOT UNDERSTOOD (%s): ", ecam_status_word(st));
        write_text(to, error.text, strlen(error.text));
    }
    fprintf(to, ", %zu bytes in %zu frames", total_bytes(frames, n_frames), n_frames);
}

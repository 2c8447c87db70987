/* Closed epochs out: each output is drawn and published, epoch after epoch. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "stage/internal.h"
#include "stage/report_runs.h"

void ecam_drawing_destroy(ecam_stage *stage, ecam_drawing **handle)
{
    ecam_drawing *drawing = *handle;

    *handle = NULL;
    if (!drawing)
        return;
    ecam_render_destroy(&drawing->render);
    ecam_collector_give_back(&drawing->epoch, &stage->shelf);
    free(drawing);
}

/* The epoch's share of what the run has counted since the one before. */
static void take_counts(ecam_drawing *drawing)
{
    ecam_run *run = drawing->epoch->run;

    drawing->lost = ecam_epoch_lost(drawing->epoch);
    drawing->rejected = run->rejected;
    drawing->late = run->late;
    run->rejected = 0;
    run->late = 0;
}

static void take_closed(ecam_stage *stage)
{
    ecam_epoch *epoch;

    while ((epoch = ecam_collector_take(&stage->collector))) {
        ecam_drawing *drawing = calloc(1, sizeof *drawing);
        if (!drawing) {
            const ecam_error error = {ECAM_ENOMEM, "no memory to draw an epoch: it is lost"};
            ecam_stage_error(stage, &error, NULL, NULL);
            ecam_collector_give_back(&epoch, &stage->shelf);
            continue;
        }
        drawing->epoch = epoch;
        drawing->started_ns = ecam_stage_now();
        take_counts(drawing);
        for (size_t o = 0; o < epoch->traces->n; o++)
            ecam_output_sort(&epoch->outputs[o], &stage->shelf);
        *stage->drawings_last = drawing;
        stage->drawings_last = &drawing->next;
    }
}

static ecam_message about(const ecam_drawing *drawing)
{
    return (ecam_message){.run = drawing->epoch->run->name};
}

static bool mode_accepted(const ecam_drawing *drawing)
{
    return ecam_filter_accepts(&drawing->epoch->outputs[drawing->output].trace->mode,
                               ecam_mode_name(drawing->epoch->mode));
}

/* The next output that takes this mode; false where none is left. */
static bool start_output(ecam_stage *stage, ecam_drawing *d)
{
    while (d->output < d->epoch->traces->n && !mode_accepted(d))
        d->output++;
    if (d->output == d->epoch->traces->n)
        return false;

    const ecam_trace *trace = d->epoch->outputs[d->output].trace;
    const ecam_run *run = d->epoch->run;
    const ecam_render_job job = {
        .epoch = d->epoch,
        .output = &d->epoch->outputs[d->output],
        .shelf = &stage->shelf,
        .mapping_set = trace->label_mapping ? NULL : run->mapping_set,
        .mapping = trace->label_mapping ? trace->label_mapping : run->mapping,
        .lost = d->lost,
        .rejected = d->rejected,
        .late = d->late,
        .window = 2 * stage->config->workers + 1,
    };
    ecam_error error = {0};
    const ecam_message whom = about(d);
    if (ecam_render_create(&job, stage->pool, &d->render, &error) != ECAM_OK)
        d->output++; /* its pictures are lost, and the error says so */
    if (error.status != ECAM_OK)
        ecam_stage_error(stage, &error, &whom, NULL);
    return true;
}

typedef struct target {
    ecam_stage *stage;
    ecam_drawing *drawing;
} target;

static ecam_status emit(void *context, ecam_result *result)
{
    const target *t = context;
    ecam_error error;
    int64_t now = ecam_stage_now();

    if (result->type == ECAM_RESULT_EPOCH) {
        const ecam_epoch *epoch = t->drawing->epoch;
        int64_t from = epoch->has_marker ? epoch->last_marker_ns : t->drawing->started_ns;
        result->summary.latency_ns = (uint64_t)(now - from);
        result->summary.has_account = true;
        result->summary.account = ecam_report_account(&epoch->run->ledger.account);
    }
    ecam_status st = ecam_outlet_send(&t->stage->outlet, result, now, &error);
    t->drawing->stalled = st == ECAM_EAGAIN;
    if (st == ECAM_OK && result->type == ECAM_RESULT_EPOCH && t->stage->observer.published)
        t->stage->observer.published(t->stage->observer.context, result->summary.latency_ns);
    if (st != ECAM_OK && st != ECAM_EAGAIN) {
        t->stage->counters.unsent++;
        ecam_stage_error(t->stage, &error, NULL, NULL);
    }
    return st;
}

static void report_render(ecam_stage *stage, const ecam_drawing *d)
{
    const ecam_error *failure;
    const char *value;
    const ecam_message whom = about(d);
    size_t failed = ecam_render_failed(d->render, &failure);
    size_t unmapped = ecam_render_unmapped(d->render, &value);
    ecam_error error;

    if (failed > 0) {
        stage->counters.failed_samples += failed;
        ecam_stage_error(stage, failure, &whom, NULL);
    }
    if (unmapped > 0) {
        ecam_fail(&error, ECAM_EINVAL,
                  "%zu labels or predictions of epoch %" PRIu64 " are outside the label mapping, for "
                  "example %s: the number is shown",
                  unmapped, d->epoch->number, value);
        ecam_stage_error(stage, &error, &whom, "label_mapping");
    }
}

static void log_epoch(ecam_stage *stage, const ecam_drawing *d)
{
    const ecam_epoch *e = d->epoch;
    const ecam_output *output = &e->outputs[d->output];
    int64_t from = e->has_marker ? e->last_marker_ns : d->started_ns;
    double ms = (double)(ecam_stage_now() - from) / 1e6;
    uint32_t first;
    size_t missing = ecam_epoch_missing(e, &first, 1);
    char complete[96] = "complete";

    if (!e->complete)
        snprintf(complete, sizeof complete, "incomplete (%zu of %" PRIu32 " ranks missing, first %" PRIu32 ")",
                 missing, e->world, first);
    stage->counters.epochs++;
    stage->counters.incomplete += !e->complete;
    ecam_log("run %s, %s, epoch %" PRIu64 ", mode %s: %zu samples, %s, %.1f ms", e->run->name,
             output->trace->outputs, e->number, ecam_mode_name(e->mode), output->n, complete, ms);
}

static size_t draw_first(ecam_stage *stage, ecam_drawing *d, bool *over)
{
    target t = {stage, d};

    *over = false;
    if (!d->render && !start_output(stage, d)) {
        *over = true;
        return 1;
    }
    if (!d->render)
        return 1;
    size_t moved = ecam_render_step(d->render, emit, &t);
    if (ecam_render_finished(d->render)) {
        log_epoch(stage, d);
        report_render(stage, d);
        ecam_stage_tell(stage);
        ecam_render_destroy(&d->render);
        d->output++;
        moved++;
    }
    return moved;
}

size_t ecam_stage_draw(ecam_stage *stage)
{
    size_t moved = 0;
    bool over = true;

    take_closed(stage);
    while (stage->drawings && over) {
        ecam_drawing *first = stage->drawings;
        size_t step;
        do {
            step = draw_first(stage, first, &over);
            moved += step;
        } while (step > 0 && !over && !first->stalled);
        if (over) {
            stage->drawings = first->next;
            if (!stage->drawings)
                stage->drawings_last = &stage->drawings;
            ecam_drawing_destroy(stage, &first);
        }
    }
    return moved;
}

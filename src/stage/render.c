#include "stage/render.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage/row.h"

#define MAX_PAGE_HEIGHT 65535
#define MAX_MISSING 4096

/* The sheet's page that rows are joined to. One at a time: rows leave in
 * order. */
typedef struct page {
    ecam_task task;
    ecam_render *render;
    bool under_way, ready;
    uint32_t number, rows;
    size_t w, h;
    ecam_png_piece *pieces; /* capacity: a header and the rows */
    size_t n_pieces;
    ecam_buffer png;
    ecam_status status;
    ecam_error error;
} page;

struct ecam_render {
    ecam_render_job job;
    ecam_pool *pool;
    ecam_row_context context;
    float *divisors;
    size_t n;              /* samples */
    size_t submitted, emitted; /* of these */
    ecam_row *rows;        /* job.window slots; sample i in slot i % window */
    size_t under_way;      /* tasks */

    ecam_arena arena;      /* texts */
    const char **labels, **preds; /* [n]; NULL where no sample has one */
    char title[512];
    ecam_sheet_layout layout; /* of the page that is being submitted */
    unsigned page_rows;
    uint32_t pages;
    page page;

    bool finished;
    uint64_t published[4];
    size_t failed, unmapped;
    ecam_error failure;
    char unmapped_value[ECAM_LABEL_BYTES];
    uint32_t missing[MAX_MISSING];
    uint32_t n_missing;
};

static unsigned count_components(const ecam_output *output)
{
    unsigned n = output->trace->project.n_components;

    if (n == 0) {
        n = 1;
        for (size_t i = 0; i < output->n; i++)
            if (output->samples[i]->shown > n)
                n = output->samples[i]->shown;
    }
    return n;
}

/* One maximum for each component over all samples. */
static ecam_status find_divisors(ecam_render *r)
{
    unsigned n = r->context.components;

    if (r->context.trace->normalize != ECAM_NORMALIZE_EPOCH)
        return ECAM_OK;
    r->divisors = calloc(n, sizeof *r->divisors);
    if (!r->divisors)
        return ECAM_ENOMEM;
    for (unsigned c = 0; c < n; c++) {
        r->divisors[c] = -INFINITY;
        for (size_t i = 0; i < r->n; i++) {
            const ecam_sample *s = r->job.output->samples[i];
            float max = c < s->components ? s->maxima[c] : s->zero_max;
            if (max > r->divisors[c])
                r->divisors[c] = max;
        }
    }
    r->context.divisors = r->divisors;
    return ECAM_OK;
}

static const char *name_label(ecam_render *r, const ecam_label *label)
{
    char buffer[ECAM_LABEL_BYTES];
    bool unmapped;
    const char *text = ecam_label_text(label, r->job.mapping, buffer, &unmapped);

    if (unmapped && r->unmapped++ == 0)
        snprintf(r->unmapped_value, sizeof r->unmapped_value, "%s", text);
    return text ? ecam_arena_text(&r->arena, text, strlen(text)) : NULL;
}

static ecam_status name_labels(ecam_render *r)
{
    bool labels = false, preds = false;

    for (size_t i = 0; i < r->n; i++) {
        labels |= r->job.output->samples[i]->label.kind != ECAM_LABEL_NONE;
        preds |= r->job.output->samples[i]->pred.kind != ECAM_LABEL_NONE;
    }
    if (labels)
        r->labels = ecam_arena_alloc(&r->arena, r->n, sizeof(*r->labels));
    if (preds)
        r->preds = ecam_arena_alloc(&r->arena, r->n, sizeof(*r->preds));
    if ((labels && !r->labels) || (preds && !r->preds))
        return ECAM_ENOMEM;
    for (size_t i = 0; i < r->n; i++) {
        if (labels)
            r->labels[i] = name_label(r, &r->job.output->samples[i]->label);
        if (preds)
            r->preds[i] = name_label(r, &r->job.output->samples[i]->pred);
    }
    return ECAM_OK;
}

static void write_title(ecam_render *r)
{
    const ecam_epoch *e = r->job.epoch;
    size_t used;

    snprintf(r->title, sizeof r->title, "%s \u00b7 %s \u00b7 %s \u00b7 epoch %" PRIu64, e->run->name,
             r->context.trace->outputs, ecam_mode_name(e->mode), e->number);
    used = strlen(r->title);
    if (e->attempt > 1) {
        snprintf(r->title + used, sizeof r->title - used, " (attempt %" PRIu32 ")", e->attempt);
        used = strlen(r->title);
    }
    if (!e->complete)
        snprintf(r->title + used, sizeof r->title - used, " \u00b7 incomplete: %" PRIu32 " of %" PRIu32
                 " ranks missing, the first is %" PRIu32, r->n_missing, e->world, r->missing[0]);
}

/* What the page that begins with sample `first` looks like. */
static ecam_status measure_page(ecam_render *r, size_t first)
{
    ecam_sheet_page look = {.title = r->title, .labels = r->labels != NULL, .preds = r->preds != NULL,
                            .components = r->context.components};

    for (size_t i = first; i < r->n && i < first + r->page_rows; i++) {
        const ecam_image *image = &r->job.output->samples[i]->image;
        look.image_w = image->w > look.image_w ? image->w : look.image_w;
        look.image_h = image->h > look.image_h ? image->h : look.image_h;
    }
    return ecam_sheet_measure(&look, &r->layout);
}

/* How many rows of the epoch's largest images a PNG of legal height holds. */
static ecam_status plan_pages(ecam_render *r, ecam_error *error)
{
    r->context.sheet = (r->context.trace->publish & ECAM_PUBLISH_SHEET) && r->n > 0;
    if (!r->context.sheet)
        return ECAM_OK;
    r->page_rows = UINT32_MAX;
    ecam_status st = measure_page(r, 0);
    if (st == ECAM_ELIMIT || (st == ECAM_OK && r->layout.header_height + r->layout.row_height > MAX_PAGE_HEIGHT)) {
        ecam_fail(error, ECAM_ELIMIT, "the sheet of %u components would be too large; expected at most %d "
                  "pixels a side: it is left out", r->context.components, MAX_PAGE_HEIGHT);
        r->context.sheet = false;
        return ECAM_OK;
    }
    if (st != ECAM_OK)
        return st;
    size_t rows = (MAX_PAGE_HEIGHT - r->layout.header_height) / r->layout.row_height;
    r->page_rows = rows < r->context.trace->sheet_rows ? (unsigned)rows : r->context.trace->sheet_rows;
    r->pages = (uint32_t)((r->n + r->page_rows - 1) / r->page_rows);
    r->page.pieces = calloc(r->page_rows + 1, sizeof *r->page.pieces);
    return r->page.pieces ? ECAM_OK : ECAM_ENOMEM;
}

static ecam_status prepare(ecam_render *r, ecam_error *error)
{
    size_t missing = ecam_epoch_missing(r->job.epoch, r->missing, MAX_MISSING);

    r->n_missing = (uint32_t)(missing < MAX_MISSING ? missing : MAX_MISSING);
    r->n = r->job.output->n;
    r->context.epoch = r->job.epoch;
    r->context.trace = r->job.output->trace;
    r->context.components = count_components(r->job.output);
    r->rows = calloc(r->job.window, sizeof *r->rows);
    r->page.render = r;
    write_title(r);
    ecam_status st = r->rows ? find_divisors(r) : ECAM_ENOMEM;
    if (st == ECAM_OK)
        st = name_labels(r);
    if (st == ECAM_OK)
        st = plan_pages(r, error);
    return st;
}

ecam_status ecam_render_create(const ecam_render_job *job, ecam_pool *pool, ecam_render **out,
                               ecam_error *error)
{
    ecam_render *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r)
        return ecam_fail(error, ECAM_ENOMEM, "no memory to draw an epoch");
    r->job = *job;
    r->pool = pool;
    if (job->mapping_set)
        ecam_traces_ref(job->mapping_set);
    ecam_arena_init(&r->arena, 0);
    ecam_status st = prepare(r, error);
    if (st != ECAM_OK) {
        ecam_fail(error, st, "no memory to draw an epoch of %zu samples", job->output->n);
        ecam_render_destroy(&r);
        return st;
    }
    *out = r;
    return ECAM_OK;
}

/* ---- tasks ---- */

static void run_row(ecam_task *task, ecam_worker *worker)
{
    ecam_row_draw((ecam_row *)task, worker);
}

static void row_done(ecam_task *task, void *context)
{
    ecam_row *row = (ecam_row *)task;
    ecam_render *r = row->owner;

    (void)context;
    row->ready = true;
    r->under_way--;
}

static void run_page(ecam_task *task, ecam_worker *worker)
{
    page *p = (page *)task;
    const ecam_render *r = p->render;
    const ecam_epoch *e = r->job.epoch;
    char epoch[24], number[12];
    const ecam_png_text texts[] = {{"Software", "eigencam"},
                                   {"run", e->run->name},
                                   {"output", r->context.trace->outputs},
                                   {"mode", ecam_mode_name(e->mode)},
                                   {"epoch", epoch},
                                   {"page", number}};

    (void)worker;
    snprintf(epoch, sizeof epoch, "%" PRIu64, e->number);
    snprintf(number, sizeof number, "%" PRIu32, p->number);
    p->status = ecam_png_join(p->pieces, p->n_pieces, p->w, p->h, texts, sizeof texts / sizeof *texts,
                              &p->png, &p->error);
}

static void page_done(ecam_task *task, void *context)
{
    page *p = (page *)task;

    (void)context;
    p->ready = true;
    p->under_way = false;
    p->render->under_way--;
}

static ecam_status submit_row(ecam_render *r)
{
    size_t i = r->submitted;
    ecam_row *row = &r->rows[i % r->job.window];
    ecam_status st = ecam_row_reserve(row, r->context.components);

    if (st == ECAM_OK && r->context.sheet && i % r->page_rows == 0)
        st = measure_page(r, i);
    if (st != ECAM_OK)
        return st;
    row->task.run = run_row;
    row->task.done = row_done;
    row->context = &r->context;
    row->owner = r;
    row->ready = false;
    row->sample = r->job.output->samples[i];
    row->number = (uint32_t)i;
    row->label = r->labels ? r->labels[i] : NULL;
    row->pred = r->preds ? r->preds[i] : NULL;
    row->layout = r->layout;
    row->first_on_page = r->context.sheet && i % r->page_rows == 0;
    row->emitted = 0;
    r->submitted++;
    r->under_way++;
    ecam_pool_submit(r->pool, &row->task, true);
    return ECAM_OK;
}

/* ---- results ---- */

static ecam_result blank(const ecam_render *r, ecam_result_type type)
{
    const ecam_epoch *e = r->job.epoch;

    return (ecam_result){.type = type, .run = e->run->name, .output = r->context.trace->outputs,
                         .mode = ecam_mode_name(e->mode), .epoch = e->number, .attempt = e->attempt};
}

static ecam_status send(ecam_render *r, ecam_result *result, ecam_emit *emit, void *context)
{
    ecam_status st = emit(context, result);
    if (st == ECAM_OK && result->type <= ECAM_RESULT_SHEET)
        r->published[result->type]++;
    return st;
}

static ecam_result_style style_of(const ecam_trace *trace, const ecam_sample *s)
{
    return (ecam_result_style){.colormap = ecam_colormap_name(trace->style.colormap),
                               .add = trace->style.add,
                               .weight = trace->style.add ? 0 : (double)trace->style.weight,
                               .per_image = trace->normalize == ECAM_NORMALIZE_IMAGE,
                               .image_float = s->image.is_float};
}

static ecam_status send_picture(ecam_render *r, const ecam_row *row, ecam_result_type type,
                                unsigned component, ecam_emit *emit, void *context)
{
    const ecam_sample *s = row->sample;
    bool is_map = type == ECAM_RESULT_MAP, is_image = type == ECAM_RESULT_IMAGE;
    const ecam_buffer *png = is_image ? &row->image : is_map ? &row->maps[component] : &row->overlays[component];
    ecam_result result = blank(r, type);

    result.sample = (ecam_result_sample){.number = row->number, .ds_id = s->key.ds_id,
                                         .rank = s->key.rank, .step = s->key.step, .index = s->key.index,
                                         .label = row->label, .pred = row->pred};
    result.picture = (ecam_result_picture){.width = (uint32_t)(is_map ? s->w : s->image.w),
                                           .height = (uint32_t)(is_map ? s->h : s->image.h),
                                           .png = png->data, .png_bytes = png->size};
    if (!is_image) {
        bool has = component < s->shown;
        result.component = (ecam_result_component){
            .number = component, .components = r->context.components,
            .explained = has ? s->explained[component] : 0, .singular = has ? s->singular[component] : 0,
            .lo = is_map ? (double)row->lo[component] : 0, .hi = is_map ? (double)row->hi[component] : 0,
            .divisor = (double)row->divisors[component],
            .style = style_of(r->context.trace, s)};
    }
    return send(r, &result, emit, context);
}

/* A row's results: the image, then overlay and map of each component. */
static ecam_status emit_row(ecam_render *r, ecam_row *row, ecam_emit *emit, void *context, size_t *moved)
{
    unsigned publish = r->context.trace->publish;
    size_t total = 1 + 2 * (size_t)r->context.components;
    ecam_status st = ECAM_OK;

    while (row->status == ECAM_OK && row->emitted < total) {
        size_t at = row->emitted;
        ecam_result_type type = at == 0 ? ECAM_RESULT_IMAGE : at % 2 ? ECAM_RESULT_OVERLAY : ECAM_RESULT_MAP;
        unsigned bit = at == 0 ? ECAM_PUBLISH_IMAGE : at % 2 ? ECAM_PUBLISH_OVERLAY : ECAM_PUBLISH_MAP;
        unsigned component = at == 0 ? 0 : (unsigned)(at - 1) / 2;
        if (publish & bit)
            st = send_picture(r, row, type, component, emit, context);
        if (st == ECAM_EAGAIN)
            return st;
        row->emitted++;
        ++*moved;
    }
    return ECAM_OK;
}

static void take_piece(page *p, ecam_png_piece *piece)
{
    ecam_png_piece *slot = &p->pieces[p->n_pieces++];
    ecam_png_piece old = *slot;
    *slot = *piece;
    *piece = old;
}

static void add_to_page(ecam_render *r, ecam_row *row)
{
    page *p = &r->page;

    if (row->number % r->page_rows == 0) {
        p->n_pieces = 0;
        p->rows = 0;
        p->number = (uint32_t)(row->number / r->page_rows);
        p->h = 0;
    }
    if (row->first_on_page && row->has_header) {
        take_piece(p, &row->header);
        p->h = row->layout.header_height;
    }
    if (row->status != ECAM_OK)
        return;
    take_piece(p, &row->band);
    p->w = row->layout.width;
    p->h += row->layout.row_height;
    p->rows++;
}

static bool ends_page(const ecam_render *r, size_t i)
{
    return r->context.sheet && ((i + 1) % r->page_rows == 0 || i + 1 == r->n);
}

/* A page without header (memory was short) or without any row is left out. */
static void submit_page(ecam_render *r)
{
    page *p = &r->page;

    if (p->h == 0 || p->rows == 0 || p->n_pieces != p->rows + 1)
        return;
    p->task.run = run_page;
    p->task.done = page_done;
    p->under_way = true;
    p->ready = false;
    r->under_way++;
    ecam_pool_submit(r->pool, &p->task, true);
}

static void retire_row(ecam_render *r, ecam_row *row)
{
    size_t i = r->emitted;

    if (row->status != ECAM_OK) {
        r->failed++;
        r->failure = row->error;
    }
    if (r->context.sheet)
        add_to_page(r, row);
    ecam_sample_give(r->job.shelf, &r->job.output->samples[i]);
    row->sample = NULL;
    row->ready = false;
    r->emitted++;
    if (ends_page(r, i))
        submit_page(r);
}

static ecam_status emit_page(ecam_render *r, ecam_emit *emit, void *context)
{
    page *p = &r->page;
    ecam_result result = blank(r, ECAM_RESULT_SHEET);
    ecam_status st = ECAM_OK;

    result.page = (ecam_result_page){.number = p->number, .pages = r->pages, .rows = p->rows};
    result.picture = (ecam_result_picture){.width = (uint32_t)p->w, .height = (uint32_t)p->h,
                                           .png = p->png.data, .png_bytes = p->png.size};
    if (p->status == ECAM_OK) {
        st = send(r, &result, emit, context);
    } else {
        r->failed++;
        r->failure = p->error;
    }
    if (st != ECAM_EAGAIN)
        p->ready = false;
    return st;
}

static ecam_status emit_summary(ecam_render *r, ecam_emit *emit, void *context)
{
    ecam_result result = blank(r, ECAM_RESULT_EPOCH);

    result.summary = (ecam_result_summary){
        .samples = (uint32_t)r->n, .components = r->context.components, .complete = r->job.epoch->complete,
        .missing_ranks = r->missing, .n_missing = r->n_missing, .world = r->job.epoch->world,
        .lost = r->job.lost,
        .rejected = r->job.rejected, .late = r->job.late, .labels = r->labels, .preds = r->preds};
    memcpy(result.summary.published, r->published, sizeof r->published);
    ecam_status st = emit(context, &result);
    if (st != ECAM_EAGAIN)
        r->finished = true;
    return st;
}

static size_t submit_rows(ecam_render *r)
{
    size_t moved = 0;

    while (r->submitted < r->n && r->submitted - r->emitted < r->job.window) {
        ecam_status st = submit_row(r);
        if (st != ECAM_OK) {
            /* Passed over like a row that failed: it has its turn in emitting. */
            ecam_row *row = &r->rows[r->submitted % r->job.window];
            row->status = st;
            ecam_fail(&row->error, st, "no memory to draw sample %zu", r->submitted);
            row->number = (uint32_t)r->submitted++;
            row->first_on_page = false;
            row->ready = true;
        }
        moved++;
    }
    return moved;
}

size_t ecam_render_step(ecam_render *r, ecam_emit *emit, void *context)
{
    size_t moved = submit_rows(r);

    for (;;) {
        page *p = &r->page;
        if (r->finished || p->under_way)
            return moved;
        if (p->ready) {
            if (emit_page(r, emit, context) == ECAM_EAGAIN)
                return moved;
        } else if (r->emitted < r->n) {
            ecam_row *row = &r->rows[r->emitted % r->job.window];
            if (r->emitted == r->submitted || !row->ready ||
                emit_row(r, row, emit, context, &moved) == ECAM_EAGAIN)
                return moved;
            retire_row(r, row);
            moved += submit_rows(r);
        } else if (emit_summary(r, emit, context) == ECAM_EAGAIN) {
            return moved;
        }
        moved++;
    }
}

bool ecam_render_finished(const ecam_render *r)
{
    return r->finished && r->under_way == 0;
}

size_t ecam_render_failed(const ecam_render *r, const ecam_error **error)
{
    *error = &r->failure;
    return r->failed;
}

size_t ecam_render_unmapped(const ecam_render *r, const char **value)
{
    *value = r->unmapped_value;
    return r->unmapped;
}

void ecam_render_destroy(ecam_render **handle)
{
    ecam_render *r = *handle;

    *handle = NULL;
    if (!r)
        return;
    for (size_t i = 0; r->rows && i < r->job.window; i++)
        ecam_row_finish(&r->rows[i]);
    for (size_t i = 0; r->page.pieces && i <= r->page_rows; i++)
        ecam_png_piece_finish(&r->page.pieces[i]);
    ecam_buffer_finish(&r->page.png);
    ecam_traces_unref(&r->job.mapping_set);
    ecam_arena_finish(&r->arena);
    free(r->page.pieces);
    free(r->rows);
    free(r->divisors);
    free(r);
}

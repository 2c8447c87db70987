#include "stage/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_BYTES 32

ecam_status ecam_row_reserve(ecam_row *row, unsigned components)
{
    if (components <= row->capacity)
        return ECAM_OK;
    ecam_buffer *overlays = realloc(row->overlays, components * sizeof *overlays);
    if (overlays)
        row->overlays = overlays;
    ecam_buffer *maps = realloc(row->maps, components * sizeof *maps);
    if (maps)
        row->maps = maps;
    float *numbers = realloc(row->lo, 3 * (size_t)components * sizeof *numbers);
    if (numbers)
        row->lo = numbers;
    if (!overlays || !maps || !numbers)
        return ECAM_ENOMEM;
    memset(&overlays[row->capacity], 0, (components - row->capacity) * sizeof *overlays);
    memset(&maps[row->capacity], 0, (components - row->capacity) * sizeof *maps);
    row->hi = row->lo + components;
    row->divisors = row->hi + components;
    row->capacity = components;
    return ECAM_OK;
}

void ecam_row_finish(ecam_row *row)
{
    for (unsigned c = 0; c < row->capacity; c++) {
        ecam_buffer_finish(&row->overlays[c]);
        ecam_buffer_finish(&row->maps[c]);
    }
    free(row->overlays);
    free(row->maps);
    free(row->lo);
    ecam_buffer_finish(&row->image);
    ecam_png_piece_finish(&row->header);
    ecam_png_piece_finish(&row->band);
    *row = (ecam_row){0};
}

/* The worker's scratch, cut up for one row. */
typedef struct row_canvas {
    uint8_t *image;      /* [h][w][3] */
    uint8_t *overlays;   /* so many of the same, or one that is used again */
    size_t overlay_step; /* bytes from one to the next, or 0 */
    uint16_t *gray;      /* a map */
    uint8_t *band;       /* the sheet's header or row */
    uint8_t *ground;     /* a row of plain ground, as every band ends with */
} row_canvas;

static ecam_status cut_canvas(const ecam_row *row, ecam_worker *worker, row_canvas *out)
{
    const ecam_sample *s = row->sample;
    bool sheet = row->context->sheet;
    size_t picture = s->image.h * s->image.w * 3;
    size_t n_overlays = sheet ? row->context->components : 1;
    size_t map = s->h * s->w * sizeof(uint16_t);
    size_t line = sheet ? row->layout.width * 3 : 0;
    size_t lines = row->layout.row_height > row->layout.header_height ? row->layout.row_height
                                                                      : row->layout.header_height;
    size_t band = sheet ? lines * line : 0;

    if (n_overlays > (SIZE_MAX / 4 - map - band - line) / picture - 1)
        return ECAM_ENOMEM;
    uint8_t *at = ecam_worker_pixels(worker, map + picture * (n_overlays + 1) + band + line);
    if (!at)
        return ECAM_ENOMEM;
    out->gray = (uint16_t *)(void *)at;
    out->image = at + map;
    out->overlays = out->image + picture;
    out->overlay_step = sheet ? picture : 0;
    out->band = out->overlays + picture * n_overlays;
    out->ground = out->band + band;
    memset(out->ground, 0xff, line);
    return ECAM_OK;
}

/* The text chunks that place a picture; those of a component come on top. */
typedef struct row_texts {
    char epoch[24], attempt[12], sample[12], component[12], explained[32], lo[32], hi[32];
    ecam_png_text texts[16];
    size_t n;
} row_texts;

static void add_text(row_texts *c, const char *key, const char *value)
{
    c->texts[c->n++] = (ecam_png_text){key, value};
}

static void add_place(row_texts *c, const ecam_row *row)
{
    const ecam_epoch *epoch = row->context->epoch;

    c->n = 0;
    snprintf(c->epoch, sizeof c->epoch, "%" PRIu64, epoch->number);
    snprintf(c->attempt, sizeof c->attempt, "%" PRIu32, epoch->attempt);
    snprintf(c->sample, sizeof c->sample, "%" PRIu32, row->number);
    add_text(c, "Software", "eigencam");
    add_text(c, "run", epoch->run->name);
    add_text(c, "output", row->context->trace->outputs);
    add_text(c, "mode", ecam_mode_name(epoch->mode));
    add_text(c, "epoch", c->epoch);
    add_text(c, "attempt", c->attempt);
    add_text(c, "sample", c->sample);
    add_text(c, "ds_id", row->sample->key.ds_id[0] ? row->sample->key.ds_id : NULL);
    add_text(c, "label", row->label);
    add_text(c, "prediction", row->pred);
}

static void add_component(row_texts *c, const ecam_row *row, unsigned component)
{
    double explained = component < row->sample->shown ? row->sample->explained[component] : 0;

    snprintf(c->component, sizeof c->component, "%u", component);
    snprintf(c->explained, sizeof c->explained, "%.9g", explained);
    add_text(c, "component", c->component);
    add_text(c, "explained", c->explained);
}

static ecam_status encode_image(ecam_row *row, ecam_worker *worker, const row_canvas *canvas)
{
    const ecam_image *image = &row->sample->image;
    row_texts c;

    ecam_image_display(image, canvas->image);
    if (!(row->context->trace->publish & ECAM_PUBLISH_IMAGE))
        return ECAM_OK;
    add_place(&c, row);
    return ecam_png_encode(worker->png, canvas->image, image->w, image->h, ECAM_PNG_RGB8, c.texts,
                           c.n, &row->image, &row->error);
}

static const float *map_of(const ecam_sample *s, unsigned component)
{
    return component < s->components ? s->maps + component * s->h * s->w : NULL;
}

static float divisor_of(const ecam_row *row, unsigned component)
{
    const ecam_sample *s = row->sample;

    if (row->context->divisors)
        return row->context->divisors[component];
    return component < s->components ? s->maxima[component] : s->zero_max;
}

static ecam_status draw_overlay(ecam_row *row, ecam_worker *worker, const row_canvas *canvas,
                                unsigned component)
{
    const ecam_sample *s = row->sample;
    const ecam_trace *trace = row->context->trace;
    uint8_t *rgb = canvas->overlays + component * canvas->overlay_step;
    row_texts c;

    row->divisors[component] = divisor_of(row, component);
    ecam_status st = ecam_overlay_draw(worker->workspace, &s->image, map_of(s, component), s->h, s->w,
                                       &trace->style, row->divisors[component], rgb);
    if (st != ECAM_OK || !(trace->publish & ECAM_PUBLISH_OVERLAY))
        return st;
    add_place(&c, row);
    add_component(&c, row, component);
    return ecam_png_encode(worker->png, rgb, s->image.w, s->image.h, ECAM_PNG_RGB8, c.texts, c.n,
                           &row->overlays[component], &row->error);
}

static ecam_status draw_map(ecam_row *row, ecam_worker *worker, const row_canvas *canvas,
                            unsigned component)
{
    const ecam_sample *s = row->sample;
    const float *map = map_of(s, component);
    row_texts c;

    if (!(row->context->trace->publish & ECAM_PUBLISH_MAP))
        return ECAM_OK;
    row->lo[component] = row->hi[component] = 0;
    if (map)
        ecam_map_quantize(map, s->h * s->w, canvas->gray, &row->lo[component], &row->hi[component]);
    else
        memset(canvas->gray, 0, s->h * s->w * sizeof *canvas->gray);
    add_place(&c, row);
    add_component(&c, row, component);
    snprintf(c.lo, sizeof c.lo, "%.9g", (double)row->lo[component]);
    snprintf(c.hi, sizeof c.hi, "%.9g", (double)row->hi[component]);
    add_text(&c, "lo", c.lo);
    add_text(&c, "hi", c.hi);
    return ecam_png_encode(worker->png, canvas->gray, s->w, s->h, ECAM_PNG_GRAY16, c.texts, c.n,
                           &row->maps[component], &row->error);
}

static ecam_status draw_header(ecam_row *row, ecam_worker *worker, const row_canvas *canvas)
{
    ecam_status st = worker->sheet ? ecam_sheet_header(worker->sheet, &row->layout, canvas->band)
                                   : ECAM_ENOMEM;
    if (st == ECAM_OK)
        st = ecam_png_band(worker->png, canvas->band, NULL, row->layout.width,
                           row->layout.header_height, &row->header, &row->error);
    row->has_header = st == ECAM_OK;
    return st;
}

/* Where a sample comes from: "noisy, step 3, index 0"; the rank where several
 * took part. */
static void write_source(const ecam_row *row, char *text, size_t capacity)
{
    const ecam_sample_key *key = &row->sample->key;
    char rank[24] = "";

    if (row->context->epoch->world > 1)
        snprintf(rank, sizeof rank, ", rank %" PRIu32, key->rank);
    snprintf(text, capacity, "%s%sstep %" PRIu64 ", index %" PRIu32 "%s", key->ds_id,
             key->ds_id[0] ? ", " : "", key->step, key->index, rank);
}

static ecam_status draw_band(ecam_row *row, ecam_worker *worker, const row_canvas *canvas,
                             const uint8_t **overlays, const char **notes, char (*texts)[NOTE_BYTES])
{
    const ecam_sample *s = row->sample;
    unsigned n = row->context->components;
    char source[ECAM_NAME_BYTES + 96];

    for (unsigned c = 0; c < n; c++) {
        double share = c < s->shown ? s->explained[c] : 0;
        snprintf(texts[c], NOTE_BYTES, "%.1f %% of variance", 100 * share);
        overlays[c] = canvas->overlays + c * canvas->overlay_step;
        notes[c] = texts[c];
    }
    write_source(row, source, sizeof source);
    const ecam_sheet_row content = {.label = row->label, .pred = row->pred, .w = s->image.w,
                                    .h = s->image.h, .image = canvas->image, .overlays = overlays,
                                    .notes = notes, .source = source};
    ecam_status st = ecam_sheet_draw_row(worker->sheet, &row->layout, &content, canvas->band);
    if (st == ECAM_OK)
        st = ecam_png_band(worker->png, canvas->band, canvas->ground, row->layout.width,
                           row->layout.row_height, &row->band, &row->error);
    return st;
}

static ecam_status draw_sheet(ecam_row *row, ecam_worker *worker, const row_canvas *canvas)
{
    unsigned n = row->context->components;
    const uint8_t **overlays = calloc(n + 1, sizeof(*overlays));
    const char **notes = calloc(n + 1, sizeof(*notes));
    char(*texts)[NOTE_BYTES] = calloc(n + 1, sizeof *texts);
    ecam_status st = overlays && notes && texts && worker->sheet ? ECAM_OK : ECAM_ENOMEM;

    if (st == ECAM_OK)
        st = draw_band(row, worker, canvas, overlays, notes, texts);
    free(overlays);
    free(notes);
    free(texts);
    return st;
}

void ecam_row_draw(ecam_row *row, ecam_worker *worker)
{
    row_canvas canvas = {0};

    row->error = (ecam_error){0};
    row->has_header = false;
    row->status = worker->workspace && worker->png ? cut_canvas(row, worker, &canvas) : ECAM_ENOMEM;
    if (row->status == ECAM_OK && row->first_on_page)
        row->status = draw_header(row, worker, &canvas);
    if (row->status == ECAM_OK)
        row->status = ecam_sample_load(row->sample, worker, &row->error);
    if (row->status == ECAM_OK)
        row->status = encode_image(row, worker, &canvas);
    for (unsigned c = 0; row->status == ECAM_OK && c < row->context->components; c++) {
        row->status = draw_overlay(row, worker, &canvas, c);
        if (row->status == ECAM_OK)
            row->status = draw_map(row, worker, &canvas, c);
    }
    if (row->status == ECAM_OK && row->context->sheet)
        row->status = draw_sheet(row, worker, &canvas);
    if (row->status != ECAM_OK && row->error.status == ECAM_OK)
        ecam_fail(&row->error, row->status, "sample %" PRIu32 " cannot be drawn: %s", row->number,
                  ecam_status_word(row->status));
}

/* A page of the sheet, as the stage draws it: see stage/render.c and row.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/redraw_internal.h"

#define NOTE_BYTES 32

typedef struct sheet_page {
    ecam_redraw *r;
    const ecam_redraw_epoch *epoch;
    uint32_t first, rows;     /* samples */
    ecam_sheet_layout layout;
    uint8_t *band;            /* [rows][width][3] of the layout */
    uint8_t *ground;          /* a row of plain ground, as every band ends with */
    uint8_t *overlays;        /* [components] of the largest image */
    const uint8_t **pictures; /* [components] */
    const char **notes;
    char (*texts)[NOTE_BYTES];
    ecam_png_piece *pieces; /* [1 + rows] */
} sheet_page;

static uint32_t count_missing(const char *ranks, uint32_t *first)
{
    uint32_t n = 0;

    if (!ranks || !*ranks)
        return 0;
    *first = (uint32_t)strtoul(ranks, NULL, 10);
    for (n = 1; (ranks = strchr(ranks, ',')); ranks++)
        n++;
    return n;
}

static const char *write_title(const ecam_redraw_epoch *e, char *title, size_t capacity)
{
    uint32_t first = 0, missing = count_missing(e->missing_ranks, &first);
    size_t used;

    snprintf(title, capacity, "%s \u00b7 %s \u00b7 %s \u00b7 epoch %" PRIu64, e->run, e->output, e->mode, e->epoch);
    used = strlen(title);
    if (e->attempt > 1) {
        snprintf(title + used, capacity - used, " (attempt %" PRIu32 ")", e->attempt);
        used = strlen(title);
    }
    if (!e->complete)
        snprintf(title + used, capacity - used, " \u00b7 incomplete: %" PRIu32 " of %" PRIu32
                 " ranks missing, the first is %" PRIu32, missing, e->world, first);
    return title;
}

static void write_source(const ecam_redraw_epoch *e, const ecam_redraw_sample *s, char *text, size_t capacity)
{
    const char *ds_id = s->ds_id ? s->ds_id : "";
    char rank[24] = "";

    if (e->world > 1)
        snprintf(rank, sizeof rank, ", rank %" PRIu32, s->rank);
    snprintf(text, capacity, "%s%sstep %" PRIu64 ", index %" PRIu32 "%s", ds_id, *ds_id ? ", " : "", s->step,
             s->index, rank);
}

/* Sizes from the index would do, but the images themselves are sure. */
static ecam_status measure(sheet_page *p, const char *title, ecam_error *error)
{
    ecam_sheet_page look = {.title = title, .labels = p->epoch->labels, .preds = p->epoch->preds,
                            .components = p->epoch->components};
    ecam_status st = ECAM_OK;

    for (uint32_t i = 0; st == ECAM_OK && i < p->rows; i++) {
        st = ecam_redraw_load_image(p->r, p->epoch->id, p->first + i, error);
        if (st != ECAM_OK)
            return st;
        look.image_w = p->r->image.w > look.image_w ? p->r->image.w : look.image_w;
        look.image_h = p->r->image.h > look.image_h ? p->r->image.h : look.image_h;
    }
    st = ecam_sheet_measure(&look, &p->layout);
    return st == ECAM_OK ? st : ecam_fail(error, st, "sheet cannot be drawn: %s", ecam_status_word(st));
}

static ecam_status make_room(sheet_page *p, ecam_error *error)
{
    size_t k = p->epoch->components, line = 3 * p->layout.width;
    size_t lines = p->layout.row_height > p->layout.header_height ? p->layout.row_height
                                                                  : p->layout.header_height;

    p->band = calloc(lines, line);
    p->ground = malloc(line);
    p->overlays = calloc(k, 3 * p->layout.page.image_w * p->layout.page.image_h);
    p->pictures = calloc(k, sizeof(*p->pictures));
    p->notes = calloc(k, sizeof(*p->notes));
    p->texts = calloc(k, sizeof *p->texts);
    p->pieces = calloc((size_t)p->rows + 1, sizeof *p->pieces);
    if (!p->band || !p->ground || !p->overlays || !p->pictures || !p->notes || !p->texts || !p->pieces)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a sheet");
    memset(p->ground, 0xff, line);
    return ECAM_OK;
}

static void finish(sheet_page *p)
{
    for (uint32_t i = 0; p->pieces && i <= p->rows; i++)
        ecam_png_piece_finish(&p->pieces[i]);
    free(p->pieces);
    free(p->texts);
    free(p->notes);
    free(p->pictures);
    free(p->overlays);
    free(p->ground);
    free(p->band);
}

static ecam_status draw_header(sheet_page *p, ecam_error *error)
{
    ecam_status st = ecam_sheet_header(p->r->sheet, &p->layout, p->band);

    if (st != ECAM_OK)
        return ecam_fail(error, st, "sheet cannot be drawn: %s", ecam_status_word(st));
    return ecam_png_band(p->r->png, p->band, NULL, p->layout.width, p->layout.header_height, &p->pieces[0], error);
}

static ecam_status draw_overlays(sheet_page *p, uint32_t number, bool image_float, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (uint32_t c = 0; st == ECAM_OK && c < p->epoch->components; c++) {
        size_t step = 3 * p->layout.page.image_w * p->layout.page.image_h;
        ecam_redraw_row row;
        st = ecam_redraw_get(p->r, p->epoch->id, "map", number, c, &row, error);
        if (st == ECAM_OK)
            st = ecam_redraw_overlay(p->r, p->epoch, &row, image_float, p->overlays + c * step, error);
        if (st == ECAM_OK)
            snprintf(p->texts[c], NOTE_BYTES, "%.1f %% of variance", 100 * row.explained);
        p->pictures[c] = p->overlays + c * step;
        p->notes[c] = p->texts[c];
    }
    return st;
}

static ecam_status draw_row(sheet_page *p, uint32_t i, ecam_error *error)
{
    ecam_redraw_sample sample;
    char source[512];
    ecam_status st = ecam_redraw_get_sample(p->r, p->epoch->id, p->first + i, &sample, error);

    if (st == ECAM_OK)
        st = ecam_redraw_load_image(p->r, p->epoch->id, p->first + i, error);
    if (st == ECAM_OK)
        st = draw_overlays(p, p->first + i, sample.image_float, error);
    if (st != ECAM_OK)
        return st;
    write_source(p->epoch, &sample, source, sizeof source);
    const ecam_sheet_row content = {.label = sample.label, .pred = sample.pred, .w = p->r->image.w,
                                    .h = p->r->image.h, .image = p->r->image.pixels, .overlays = p->pictures,
                                    .notes = p->notes, .source = source};
    st = ecam_sheet_draw_row(p->r->sheet, &p->layout, &content, p->band);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "sheet cannot be drawn: %s", ecam_status_word(st));
    return ecam_png_band(p->r->png, p->band, p->ground, p->layout.width, p->layout.row_height, &p->pieces[i + 1],
                         error);
}

static ecam_status join(const sheet_page *p, uint32_t number, ecam_buffer *png, ecam_error *error)
{
    const ecam_redraw_epoch *e = p->epoch;
    char epoch[24], page[12];
    const ecam_png_text texts[] = {{"Software", "eigencam"}, {"run", e->run},     {"output", e->output},
                                   {"mode", e->mode},        {"epoch", epoch},    {"page", page}};

    snprintf(epoch, sizeof epoch, "%" PRIu64, e->epoch);
    snprintf(page, sizeof page, "%" PRIu32, number);
    return ecam_png_join(p->pieces, (size_t)p->rows + 1, p->layout.width,
                         p->layout.header_height + p->rows * p->layout.row_height, texts,
                         sizeof texts / sizeof *texts, png, error);
}

/* A page's samples follow those of the pages before, which are all as long as
 * the first. */
static ecam_status find_samples(sheet_page *p, const ecam_redraw_row *row, ecam_error *error)
{
    ecam_redraw_row first;
    ecam_status st = ecam_redraw_get(p->r, p->epoch->id, "sheet", 0, -1, &first, error);

    if (st != ECAM_OK)
        return st;
    uint64_t at = (uint64_t)first.page_rows * row->number;
    if (row->page_rows == 0 || row->page_rows > first.page_rows || at + row->page_rows > UINT32_MAX ||
        p->epoch->components == 0 || p->epoch->components > ECAM_MAX_COMPONENTS)
        return ecam_fail(error, ECAM_EFORMAT, "the store is wrong about a sheet of %" PRIu32 " rows", row->page_rows);
    p->first = (uint32_t)at;
    p->rows = row->page_rows;
    return ECAM_OK;
}

ecam_status ecam_redraw_encode_sheet(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                     const ecam_redraw_row *row, ecam_buffer *png, ecam_error *error)
{
    sheet_page p = {.r = r, .epoch = epoch};
    char title[512];
    ecam_status st = r->sheet || ecam_sheet_create(&r->sheet) == ECAM_OK
                         ? ECAM_OK
                         : ecam_fail(error, ECAM_ENOMEM, "no memory for fonts");

    if (st == ECAM_OK)
        st = find_samples(&p, row, error);
    if (st == ECAM_OK)
        st = measure(&p, write_title(epoch, title, sizeof title), error);
    if (st == ECAM_OK)
        st = make_room(&p, error);
    if (st == ECAM_OK)
        st = draw_header(&p, error);
    for (uint32_t i = 0; st == ECAM_OK && i < p.rows; i++)
        st = draw_row(&p, i, error);
    if (st == ECAM_OK)
        st = join(&p, row->number, png, error);
    finish(&p);
    return st;
}

#include "codec/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/caption.h"

/* The page's measures, in pixels. */
enum {
    MARGIN = 24,
    GAP = 16,          /* between columns */
    CAPTION_W = 128,
    CELL_MIN = 96,     /* a picture's cell, however small the picture */
    ENLARGED = 128,    /* what the larger side of a picture should reach */
    TITLE_H = 26,
    TITLE_GAP = 14,
    HEAD_H = 20,
    HEAD_GAP = 8,
    RULE_GAP = 16,     /* from the rule under the heads to the first row */
    NOTE_GAP = 4,
    NOTE_H = 16,
    ROW_GAP = 18,
    MAX_SIDE = 65535
};

enum { INK = 0x00, NOTE_INK = 0x60, RULE_INK = 0xd0, GROUND = 0xff };

struct ecam_sheet {
    ecam_captions *captions;
};

ecam_status ecam_sheet_create(ecam_sheet **out)
{
    ecam_sheet *sheet = calloc(1, sizeof *sheet);
    ecam_status st = sheet ? ecam_captions_create(&sheet->captions) : ECAM_ENOMEM;

    if (st != ECAM_OK)
        ecam_sheet_destroy(&sheet);
    *out = sheet;
    return st;
}

void ecam_sheet_destroy(ecam_sheet **sheet)
{
    if (!*sheet)
        return;
    ecam_captions_destroy(&(*sheet)->captions);
    free(*sheet);
    *sheet = NULL;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The smallest whole factor that brings the larger side to ENLARGED. */
static unsigned scale_of(size_t w, size_t h)
{
    size_t side = larger(w, h);
    return side >= ENLARGED ? 1 : (unsigned)((ENLARGED + side - 1) / side);
}

static size_t cell_w(const ecam_sheet_layout *l)
{
    return larger(l->page.image_w * l->scale, CELL_MIN);
}

static size_t cell_h(const ecam_sheet_layout *l)
{
    return larger(l->page.image_h * l->scale, CELL_MIN);
}

ecam_status ecam_sheet_measure(const ecam_sheet_page *page, ecam_sheet_layout *out)
{
    ecam_sheet_layout l = {.page = *page, .caption_w = CAPTION_W};
    size_t x = MARGIN;

    if (page->image_w == 0 || page->image_h == 0)
        return ECAM_EINVAL;
    if (page->image_w > MAX_SIDE || page->image_h > MAX_SIDE || page->components > MAX_SIDE)
        return ECAM_ELIMIT;
    l.scale = scale_of(page->image_w, page->image_h);
    l.label_x = x;
    x += page->labels ? CAPTION_W + GAP : 0;
    l.pred_x = x;
    x += page->preds ? CAPTION_W + GAP : 0;
    l.image_x = x;
    l.component_step = cell_w(&l) + GAP;
    l.component_x = x + l.component_step;
    uint64_t width = l.component_x + (uint64_t)page->components * l.component_step - GAP + MARGIN;
    l.header_height = MARGIN + (page->title ? TITLE_H + TITLE_GAP : 0) + HEAD_H + HEAD_GAP + 1 +
                      RULE_GAP;
    l.row_height = cell_h(&l) + NOTE_GAP + NOTE_H + ROW_GAP;
    if (width > MAX_SIDE || l.row_height > MAX_SIDE)
        return ECAM_ELIMIT;
    l.width = (size_t)width;
    *out = l;
    return ECAM_OK;
}

/* A band under work. */
typedef struct canvas {
    ecam_sheet *sheet;
    const ecam_sheet_layout *layout;
    uint8_t *rgb;
} canvas;

typedef struct box {
    size_t x, y, w, h;
} box;

static uint8_t *pixel(const canvas *c, size_t x, size_t y)
{
    return c->rgb + (y * c->layout->width + x) * 3;
}

static void blend_row(const uint8_t *alpha, size_t w, uint8_t ink, uint8_t *to)
{
    for (size_t x = 0; x < w; x++, to += 3)
        if (alpha[x])
            to[0] = to[1] = to[2] = (uint8_t)(GROUND - alpha[x] * (GROUND - ink) / 255);
}

/* The text stands in the middle of its box's height. NULL: nothing. */
static ecam_status draw_text(const canvas *c, const char *text, ecam_caption_style style, box b)
{
    const ecam_caption *caption;

    if (!text || !*text)
        return ECAM_OK;
    ecam_status st = ecam_captions_set(c->sheet->captions, text, style, b.w, b.h, &caption);
    if (st != ECAM_OK)
        return st;
    size_t top = b.y + (b.h - caption->h) / 2;
    for (size_t y = 0; y < caption->h; y++)
        blend_row(caption->alpha + y * caption->stride, caption->w,
                  style == ECAM_CAPTION_NOTE ? NOTE_INK : INK, pixel(c, b.x, top + y));
    return ECAM_OK;
}

/* Each pixel of the source becomes scale x scale pixels. */
static void enlarge_row(const uint8_t *from, size_t w, unsigned scale, uint8_t *to)
{
    for (size_t x = 0; x < w; x++, from += 3)
        for (unsigned i = 0; i < scale; i++, to += 3)
            memcpy(to, from, 3);
}

/* In the middle of its cell. */
static void draw_picture(const canvas *c, const uint8_t *rgb, size_t w, size_t h, size_t cell_x)
{
    unsigned scale = c->layout->scale;
    size_t wide = w * scale, high = h * scale;
    size_t x = cell_x + (cell_w(c->layout) - wide) / 2;
    size_t y = (cell_h(c->layout) - high) / 2;

    for (size_t row = 0; row < h; row++, y += scale) {
        enlarge_row(rgb + row * w * 3, w, scale, pixel(c, x, y));
        for (unsigned i = 1; i < scale; i++)
            memcpy(pixel(c, x, y + i), pixel(c, x, y), wide * 3);
    }
}

static ecam_status draw_heads(const canvas *c, size_t y)
{
    const ecam_sheet_layout *l = c->layout;
    char text[32];
    ecam_status st = ECAM_OK;

    if (l->page.labels)
        st = draw_text(c, "Label", ECAM_CAPTION_HEAD, (box){l->label_x, y, l->caption_w, HEAD_H});
    if (st == ECAM_OK && l->page.preds)
        st = draw_text(c, "Prediction", ECAM_CAPTION_HEAD,
                       (box){l->pred_x, y, l->caption_w, HEAD_H});
    if (st == ECAM_OK)
        st = draw_text(c, "Image", ECAM_CAPTION_HEAD, (box){l->image_x, y, cell_w(l), HEAD_H});
    for (unsigned i = 0; i < l->page.components && st == ECAM_OK; i++) {
        snprintf(text, sizeof text, "Component %u", i);
        st = draw_text(c, text, ECAM_CAPTION_HEAD,
                       (box){l->component_x + i * l->component_step, y, cell_w(l), HEAD_H});
    }
    return st;
}

ecam_status ecam_sheet_header(ecam_sheet *sheet, const ecam_sheet_layout *layout, uint8_t *rgb)
{
    canvas c = {sheet, layout, rgb};
    size_t y = MARGIN, inner = layout->width - 2 * MARGIN;
    ecam_status st = ECAM_OK;

    memset(rgb, GROUND, layout->header_height * layout->width * 3);
    if (layout->page.title) {
        size_t w = inner < 32767 ? inner : 32767;
        st = draw_text(&c, layout->page.title, ECAM_CAPTION_TITLE, (box){MARGIN, y, w, TITLE_H});
        y += TITLE_H + TITLE_GAP;
    }
    if (st == ECAM_OK)
        st = draw_heads(&c, y);
    memset(pixel(&c, MARGIN, y + HEAD_H + HEAD_GAP), RULE_INK, inner * 3);
    return st;
}

static ecam_status draw_captions(const canvas *c, const ecam_sheet_row *row)
{
    const ecam_sheet_layout *l = c->layout;
    size_t h = cell_h(l) < 32767 ? cell_h(l) : 32767, y = cell_h(l) + NOTE_GAP;
    size_t w = cell_w(l) < 32767 ? cell_w(l) : 32767;
    ecam_status st = ECAM_OK;

    if (l->page.labels)
        st = draw_text(c, row->label, ECAM_CAPTION_TEXT, (box){l->label_x, 0, l->caption_w, h});
    if (st == ECAM_OK && l->page.preds)
        st = draw_text(c, row->pred, ECAM_CAPTION_TEXT, (box){l->pred_x, 0, l->caption_w, h});
    if (st == ECAM_OK)
        st = draw_text(c, row->source, ECAM_CAPTION_NOTE, (box){l->image_x, y, w, NOTE_H});
    for (unsigned i = 0; row->notes && i < l->page.components && st == ECAM_OK; i++)
        st = draw_text(c, row->notes[i], ECAM_CAPTION_NOTE,
                       (box){l->component_x + i * l->component_step, y, w, NOTE_H});
    return st;
}

ecam_status ecam_sheet_draw_row(ecam_sheet *sheet, const ecam_sheet_layout *layout,
                                const ecam_sheet_row *row, uint8_t *rgb)
{
    canvas c = {sheet, layout, rgb};

    if (row->w > layout->page.image_w || row->h > layout->page.image_h)
        return ECAM_EINVAL;
    memset(rgb, GROUND, layout->row_height * layout->width * 3);
    draw_picture(&c, row->image, row->w, row->h, layout->image_x);
    for (unsigned i = 0; i < layout->page.components; i++)
        draw_picture(&c, row->overlays[i], row->w, row->h,
                     layout->component_x + i * layout->component_step);
    return draw_captions(&c, row);
}

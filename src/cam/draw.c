#include "cam/draw.h"

#include <stdlib.h>
#include <string.h>

#include "cam/resize.h"

/* Keeps indices within 32 bits, and sums of products of two sizes far from
 * where they could overflow. */
#define MAX_AXIS ((size_t)1 << 24)
#define ALIGNMENT ((size_t)64)

/* Pixels whose colours stay in the second cache, with the image. */
#define KEPT_COLOURS ((size_t)128 << 10)

void ecam_draw_scratch_destroy(struct ecam_draw_scratch **scratch)
{
    if (!*scratch)
        return;
    free((*scratch)->memory);
    free(*scratch);
    *scratch = NULL;
}

static ecam_status make(ecam_workspace *ws)
{
    if (ws->draw)
        return ECAM_OK;
    ws->draw = aligned_alloc(_Alignof(struct ecam_draw_scratch), sizeof *ws->draw);
    if (!ws->draw)
        return ECAM_ENOMEM;
    memset(ws->draw, 0, sizeof *ws->draw);
    ws->draw->rows = ecam_rows_usable(0);
    ecam_paint_sum(&ws->draw->sums);
    return ECAM_OK;
}

static ecam_status grow(struct ecam_draw_scratch *s, size_t bytes)
{
    if (bytes <= s->size_bytes)
        return ECAM_OK;
    free(s->memory);
    s->memory = aligned_alloc(ALIGNMENT, bytes);
    s->size_bytes = s->memory ? bytes : 0;
    s->h = 0; /* fits nothing now */
    return s->memory ? ECAM_OK : ECAM_ENOMEM;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void *take(char **at, size_t bytes)
{
    char *taken = *at;
    *at += aligned(bytes);
    return taken;
}

static ecam_taps take_taps(char **at, size_t m)
{
    return (ecam_taps){.near = take(at, m * sizeof(int32_t)),
                       .far = take(at, m * sizeof(int32_t)),
                       .weight = take(at, m * sizeof(float))};
}

static size_t taps_bytes(size_t m)
{
    return 2 * aligned(m * sizeof(int32_t)) + aligned(m * sizeof(float));
}

static bool fits(size_t axis)
{
    return axis >= 1 && axis <= MAX_AXIS;
}

static ecam_status lay_out(struct ecam_draw_scratch *s, size_t h, size_t w, size_t image_h,
                           size_t image_w)
{
    size_t rows = h > image_h ? h : image_h; /* a halved map is stored resized */
    size_t projection = h * w * sizeof(float), column = h * sizeof(float);
    size_t source = (w + ECAM_ROWS_PADDING) * sizeof(float);
    size_t stretched = rows * image_w * sizeof(float);
    size_t levels = image_h * image_w;
    bool keeps_colours = levels <= KEPT_COLOURS;
    size_t colours = 3 * (keeps_colours ? levels : ECAM_HEAT_PIECE);
    ecam_status st = grow(s, taps_bytes(image_w) + taps_bytes(image_h) + aligned(projection) +
                                 aligned(source) + aligned(stretched) + 2 * aligned(column) +
                                 aligned(levels) + aligned(colours));
    if (st != ECAM_OK)
        return st;

    char *at = s->memory;
    s->taps_x = take_taps(&at, image_w);
    s->taps_y = take_taps(&at, image_h);
    s->projection = take(&at, projection);
    s->source = take(&at, source);
    s->stretched = take(&at, stretched);
    s->row_lo = take(&at, column);
    s->row_hi = take(&at, column);
    s->levels = take(&at, levels);
    s->colours = take(&at, colours);
    s->keeps_colours = keeps_colours;
    s->heated = false;
    memset(s->source + w, 0, ECAM_ROWS_PADDING * sizeof(float));
    ecam_resize_taps(w, image_w, true, &s->taps_x);
    ecam_resize_taps(h, image_h, false, &s->taps_y);
    s->h = h;
    s->w = w;
    s->image_h = image_h;
    s->image_w = image_w;
    return ECAM_OK;
}

ecam_status ecam_draw_scratch_fit(ecam_workspace *ws, size_t h, size_t w, size_t image_h,
                                  size_t image_w, struct ecam_draw_scratch **out)
{
    if (!fits(h) || !fits(w) || !fits(image_h) || !fits(image_w))
        return ECAM_ESHAPE;
    ecam_status st = make(ws);
    struct ecam_draw_scratch *s = ws->draw;

    if (st == ECAM_OK && (s->h != h || s->w != w || s->image_h != image_h || s->image_w != image_w))
        st = lay_out(s, h, w, image_h, image_w);
    *out = s;
    return st;
}

static bool same_style(const ecam_overlay_style *a, const ecam_overlay_style *b)
{
    return a->colormap == b->colormap && a->add == b->add && (a->add || a->weight == b->weight);
}

ecam_status ecam_draw_begin(ecam_workspace *ws, const ecam_image *image, const float *projection,
                            size_t h, size_t w, const ecam_overlay_style *style,
                            struct ecam_draw_scratch **out)
{
    if (image->channels != 1 && image->channels != 3)
        return ECAM_ESHAPE;
    ecam_status st = ecam_draw_scratch_fit(ws, projection ? h : 1, projection ? w : 1, image->h,
                                           image->w, out);
    if (st != ECAM_OK)
        return st;
    struct ecam_draw_scratch *s = *out;
    if (!s->mixed || !same_style(&s->style, style)) {
        ecam_paint_mix(&s->paint, style);
        s->style = *style;
        s->mixed = true;
        s->coloured = 0;
    }
    ecam_heat_begin(s, projection);
    return ECAM_OK;
}

ecam_pixels ecam_image_pixels(const ecam_image *image, size_t first)
{
    size_t pixel_stride = image->channels_last ? image->channels : 1;
    size_t plane = image->channels_last ? 1 : image->h * image->w;
    size_t bytes = first * pixel_stride * (image->is_float ? sizeof(float) : 1);

    return (ecam_pixels){.pixels = (const char *)image->data + bytes,
                         .is_float = image->is_float,
                         .pixel_stride = pixel_stride,
                         .channel_stride = image->channels == 1 ? 0 : plane};
}

#include <math.h>

#include "cam/draw.h"

ecam_pixels ecam_image_row(const ecam_image *image, size_t y)
{
    size_t pixel_stride = image->channels_last ? image->channels : 1;
    size_t plane = image->channels_last ? 1 : image->h * image->w;
    size_t bytes = y * image->w * pixel_stride * (image->is_float ? sizeof(float) : 1);

    return (ecam_pixels){.pixels = (const char *)image->data + bytes,
                         .is_float = image->is_float,
                         .pixel_stride = pixel_stride,
                         .channel_stride = image->channels == 1 ? 0 : plane};
}

static void mix_tints(const ecam_overlay_style *style, ecam_tints *tints)
{
    const uint8_t(*colours)[3] = ecam_colormap_table(style->colormap);
    float heat_weight = style->add ? 1.0f : style->weight;

    tints->image_weight = style->add ? 1.0f : 1.0f - style->weight;
    for (size_t v = 0; v < 256; v++) {
        tints->image[v] = tints->image_weight * ((float)v / 255.0f);
        for (size_t c = 0; c < 3; c++)
            tints->heat[v][c] = heat_weight * ((float)colours[v][c] / 255.0f);
    }
}

ecam_status ecam_overlay_begin(ecam_workspace *ws, const ecam_image *image,
                               const float *projection, size_t h, size_t w,
                               const ecam_overlay_style *style, struct ecam_draw_scratch **out)
{
    if (image->channels != 1 && image->channels != 3)
        return ECAM_ESHAPE;
    ecam_status st = ecam_draw_scratch_fit(ws, projection ? h : 1, projection ? w : 1, image->h,
                                           image->w, out);
    if (st != ECAM_OK)
        return st;
    mix_tints(style, &(*out)->tints);
    ecam_heat_levels(*out, projection, h, w, image->h, image->w);
    return ECAM_OK;
}

void ecam_overlay_row(const ecam_image *image, size_t y, const struct ecam_draw_scratch *scratch,
                      float *overlay)
{
    ecam_pixels row = ecam_image_row(image, y);

    ecam_rows_overlay(&row, scratch->levels + y * image->w, image->w, &scratch->tints, overlay);
}

ecam_status ecam_overlay_max(ecam_workspace *ws, const ecam_image *image, const float *projection,
                             size_t h, size_t w, const ecam_overlay_style *style, float *max)
{
    struct ecam_draw_scratch *s;
    ecam_extremes extremes = ecam_extremes_none;
    ecam_status st = ecam_overlay_begin(ws, image, projection, h, w, style, &s);

    if (st != ECAM_OK)
        return st;
    for (size_t y = 0; y < image->h; y++) {
        ecam_overlay_row(image, y, s, s->overlay);
        ecam_rows_extremes(s->overlay, image->w, &extremes);
    }
    *max = fmaxf(fmaxf(extremes.hi[0], extremes.hi[1]), extremes.hi[2]);
    return ECAM_OK;
}

static void divided_row(const ecam_image *image, size_t y, struct ecam_draw_scratch *s,
                        float divisor)
{
    ecam_overlay_row(image, y, s, s->overlay);
    ecam_rows_divide(s->overlay, image->w, divisor);
}

ecam_status ecam_overlay_draw(ecam_workspace *ws, const ecam_image *image,
                              const float *projection, size_t h, size_t w,
                              const ecam_overlay_style *style, float divisor, uint8_t *rgb)
{
    struct ecam_draw_scratch *s;
    ecam_extremes extremes = ecam_extremes_none;
    ecam_status st = ecam_overlay_begin(ws, image, projection, h, w, style, &s);

    if (st != ECAM_OK)
        return st;
    if (!(divisor > 0.0f))
        divisor = 1.0f;
    for (size_t y = 0; y < image->h; y++) {
        divided_row(image, y, s, divisor);
        ecam_rows_extremes(s->overlay, image->w, &extremes);
    }
    ecam_display display = ecam_display_choose(&extremes);
    for (size_t y = 0; y < image->h; y++) {
        divided_row(image, y, s, divisor);
        ecam_rows_display(s->overlay, image->w, &display, rgb + 3 * y * image->w);
    }
    return ECAM_OK;
}

#include <math.h>

#include "cam/draw.h"

void ecam_paint_sum(ecam_sums *sums)
{
    for (size_t sum = 0; sum < 511; sum++) {
        sums->least[sum] = INFINITY;
        sums->most[sum] = -INFINITY;
    }
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            float value = (float)a / 255.0f + (float)b / 255.0f;
            sums->least[a + b] = fminf(sums->least[a + b], value);
            sums->most[a + b] = fmaxf(sums->most[a + b], value);
        }
}

void ecam_paint_mix(ecam_paint *paint, const ecam_overlay_style *style)
{
    const uint8_t(*colours)[3] = ecam_colormap_table(style->colormap);

    paint->add = style->add;
    paint->image_weight = style->add ? 1.0f : 1.0f - style->weight;
    paint->heat_weight = style->add ? 1.0f : style->weight;
    for (size_t v = 0; v < 256; v++) {
        paint->image[v] = paint->image_weight * ((float)v / 255.0f);
        paint->packed[v] = 0;
        for (size_t c = 0; c < 3; c++) {
            paint->heat[v][c] = paint->heat_weight * ((float)colours[v][c] / 255.0f);
            paint->planes[c][v] = colours[v][c];
            paint->packed[v] |= (uint32_t)colours[v][c] << 8 * c;
        }
    }
}

/* As the display rule x * 255 makes it of a value up to 1; larger values do
 * not take that rule. */
static uint8_t byte_of(float divided)
{
    return (uint8_t)(divided < 1.0f ? divided * 255.0f : 255.0f);
}

bool ecam_paint_bytes(ecam_paint *paint, const ecam_sums *sums, float divisor)
{
    bool decide = true;

    for (size_t sum = 0; sum < 511; sum++) {
        float least = sums->least[sum] / divisor, most = sums->most[sum] / divisor;
        paint->byte_of_sum[sum] = byte_of(least);
        if (most <= 1.0f && byte_of(least) != byte_of(most))
            decide = false;
    }
    return decide;
}

#include "cam/draw.h"

#include <stdlib.h>

/* Sizes are kept far from where sums of products of two could overflow. */
#define MAX_AXIS ((size_t)1 << 24)
#define ALIGNMENT ((size_t)64)

void ecam_draw_scratch_destroy(struct ecam_draw_scratch **scratch)
{
    if (!*scratch)
        return;
    free((*scratch)->memory);
    free(*scratch);
    *scratch = NULL;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static ecam_status grow(struct ecam_draw_scratch *scratch, size_t bytes)
{
    if (bytes <= scratch->size_bytes)
        return ECAM_OK;
    free(scratch->memory);
    scratch->memory = aligned_alloc(ALIGNMENT, bytes);
    scratch->size_bytes = scratch->memory ? bytes : 0;
    return scratch->memory ? ECAM_OK : ECAM_ENOMEM;
}

static ecam_status make(ecam_workspace *ws)
{
    if (!ws->draw)
        ws->draw = calloc(1, sizeof *ws->draw);
    return ws->draw ? ECAM_OK : ECAM_ENOMEM;
}

static bool fits(size_t axis)
{
    return axis >= 1 && axis <= MAX_AXIS;
}

ecam_status ecam_draw_scratch_fit(ecam_workspace *ws, size_t h, size_t w, size_t image_h,
                                  size_t image_w, struct ecam_draw_scratch **out)
{
    if (!fits(h) || !fits(w) || !fits(image_h) || !fits(image_w))
        return ECAM_ESHAPE;
    size_t rows = h > image_h ? h : image_h; /* a halved map is stored resized */
    size_t source = aligned(w * sizeof(float));
    size_t taps = aligned(image_w * sizeof(ecam_tap));
    size_t stretched = aligned(rows * image_w * sizeof(float));
    size_t levels = aligned(image_h * image_w);
    size_t overlay = aligned(image_w * 3 * sizeof(float));
    ecam_status st = make(ws);
    if (st == ECAM_OK)
        st = grow(ws->draw, source + taps + stretched + levels + overlay);
    if (st != ECAM_OK)
        return st;

    char *at = ws->draw->memory;
    ws->draw->source = (float *)at;
    ws->draw->taps = (ecam_tap *)(at += source);
    ws->draw->stretched = (float *)(at += taps);
    ws->draw->levels = (uint8_t *)(at += stretched);
    ws->draw->overlay = (float *)(at + levels);
    *out = ws->draw;
    return ECAM_OK;
}

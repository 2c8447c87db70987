#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sinks/redraw_internal.h"

#define MAX_PIXELS ((size_t)1 << 28) /* 16,384 a side, as the stage's */

/* --- What it is drawn from --- */

ecam_status ecam_redraw_load_image(ecam_redraw *r, int64_t epoch_id, uint32_t number, ecam_error *error)
{
    ecam_redraw_row row;

    if (r->image.pixels && r->image_epoch == epoch_id && r->image_number == number)
        return ECAM_OK;
    ecam_png_image_finish(&r->image);
    r->image = (ecam_png_image){0};
    ecam_status st = ecam_redraw_get(r, epoch_id, "image", number, -1, &row, error);
    if (st == ECAM_OK)
        st = ecam_redraw_read_file(r, &row, error);
    if (st == ECAM_OK)
        st = ecam_png_decode(r->file.data, r->file.size, MAX_PIXELS, &r->image, error);
    if (st == ECAM_OK && r->image.format != ECAM_PNG_RGB8) {
        ecam_png_image_finish(&r->image);
        r->image = (ecam_png_image){0};
        st = ecam_fail(error, ECAM_EFORMAT, "image %.200s has 16 bits; expected one of 8", row.file);
    }
    r->image_epoch = epoch_id;
    r->image_number = number;
    return st;
}

static ecam_status reserve_map(ecam_redraw *r, size_t n, ecam_error *error)
{
    if (n <= r->map_capacity)
        return ECAM_OK;
    float *map = n <= SIZE_MAX / sizeof *map ? realloc(r->map, n * sizeof *map) : NULL;
    if (!map)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a map of %zu values", n);
    r->map = map;
    r->map_capacity = n;
    return ECAM_OK;
}

/* The projection of a sample's component to r->map. */
static ecam_status load_map(ecam_redraw *r, const ecam_redraw_row *of, size_t *h, size_t *w,
                            ecam_error *error)
{
    ecam_png_image levels = {0};
    ecam_redraw_row row;
    ecam_status st = ecam_redraw_get(r, of->epoch_id, "map", of->number, of->component, &row, error);

    if (st == ECAM_OK)
        st = ecam_redraw_read_file(r, &row, error);
    if (st == ECAM_OK)
        st = ecam_png_decode(r->file.data, r->file.size, MAX_PIXELS, &levels, error);
    if (st == ECAM_OK && levels.format != ECAM_PNG_GRAY16)
        st = ecam_fail(error, ECAM_EFORMAT, "map %.200s is no grey picture of 16 bits", row.file);
    *h = levels.h;
    *w = levels.w;
    if (st == ECAM_OK)
        st = reserve_map(r, *h * *w, error);
    const uint16_t *values = levels.pixels;
    for (size_t i = 0; st == ECAM_OK && i < *h * *w; i++)
        r->map[i] = (float)(row.lo + (row.hi - row.lo) * values[i] / 65535);
    ecam_png_image_finish(&levels);
    return st;
}

static ecam_image image_of(const ecam_redraw *r)
{
    return (ecam_image){.data = r->image.pixels, .channels_last = true, .channels = 3,
                        .h = r->image.h, .w = r->image.w};
}

/* --- Divisors of float images --- */

/* The maximum over r->image with the component's map, which is left in r->map. */
static ecam_status find_maximum(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                const ecam_redraw_row *row, float *max, ecam_error *error)
{
    const ecam_image image = image_of(r);
    size_t h, w;
    ecam_status st = load_map(r, row, &h, &w, error);

    if (st != ECAM_OK)
        return st;
    st = ecam_overlay_max(r->workspace, &image, r->map, h, w, &epoch->style, max);
    return st == ECAM_OK ? st : ecam_fail(error, st, "overlay cannot be drawn: %s", ecam_status_word(st));
}

static ecam_status find_over_epoch(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                   const ecam_redraw_row *row, float *max, ecam_error *error)
{
    uint32_t *numbers;
    size_t n;
    ecam_status st = ecam_redraw_get_numbers(r, epoch->id, row->component, &numbers, &n, error);

    *max = -INFINITY;
    for (size_t i = 0; st == ECAM_OK && i < n; i++) {
        ecam_redraw_row other = *row;
        float own = -INFINITY;
        other.number = numbers[i];
        st = ecam_redraw_load_image(r, epoch->id, numbers[i], error);
        if (st == ECAM_OK)
            st = find_maximum(r, epoch, &other, &own, error);
        *max = own > *max ? own : *max;
    }
    if (st == ECAM_OK) /* back to where we were */
        st = ecam_redraw_load_image(r, epoch->id, row->number, error);
    return st;
}

/* Room for what is found over this epoch, emptied where the index is another. */
static ecam_status turn_to(ecam_redraw *r, const ecam_redraw_epoch *epoch, uint32_t component,
                           ecam_error *error)
{
    uint64_t version = 0;
    ecam_status st = ecam_redraw_version(r, &version, error);
    uint32_t known = r->divisors_epoch == epoch->id && r->divisors_version == version ? r->n_divisors : 0;

    if (st != ECAM_OK || component < known)
        return st;
    if (component >= ECAM_MAX_COMPONENTS)
        return ecam_fail(error, ECAM_ELIMIT, "component %" PRIu32 " is too large", component);
    float *divisors = realloc(r->divisors, (component + 1) * sizeof *divisors);
    if (!divisors)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for divisors");
    for (uint32_t i = known; i <= component; i++)
        divisors[i] = NAN;
    r->divisors = divisors;
    r->n_divisors = component + 1;
    r->divisors_epoch = epoch->id;
    r->divisors_version = version;
    return ECAM_OK;
}

static ecam_status find_divisor(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                const ecam_redraw_row *row, float *divisor, ecam_error *error)
{
    if (epoch->per_image)
        return find_maximum(r, epoch, row, divisor, error);
    ecam_status st = turn_to(r, epoch, row->component, error);
    if (st != ECAM_OK)
        return st;
    *divisor = r->divisors[row->component];
    if (isnan(*divisor))
        st = find_over_epoch(r, epoch, row, divisor, error);
    if (st == ECAM_OK)
        r->divisors[row->component] = *divisor;
    return st;
}

/* --- Overlays --- */

ecam_status ecam_redraw_overlay(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                const ecam_redraw_row *row, bool image_float, uint8_t *rgb,
                                ecam_error *error)
{
    float divisor = (float)row->divisor;
    size_t h, w;
    ecam_status st = ECAM_OK;

    if (!epoch->styled)
        return ecam_fail(error, ECAM_EMISSING, "the store does not say how overlays of epoch %" PRIu64 " are coloured",
                         epoch->epoch);
    if (image_float)
        st = find_divisor(r, epoch, row, &divisor, error);
    if (st == ECAM_OK)
        st = load_map(r, row, &h, &w, error);
    if (st != ECAM_OK)
        return st;
    const ecam_image image = image_of(r);
    st = ecam_overlay_draw(r->workspace, &image, r->map, h, w, &epoch->style, divisor, rgb);
    return st == ECAM_OK ? st : ecam_fail(error, st, "overlay cannot be drawn: %s", ecam_status_word(st));
}

static ecam_status encode(ecam_redraw *r, const ecam_redraw_epoch *e, const ecam_redraw_row *row,
                          const ecam_redraw_sample *sample, const uint8_t *rgb, ecam_buffer *png,
                          ecam_error *error)
{
    char epoch[24], attempt[12], number[12], component[12], explained[32];
    const ecam_png_text texts[] = {{"Software", "eigencam"},
                                   {"run", e->run},
                                   {"output", e->output},
                                   {"mode", e->mode},
                                   {"epoch", epoch},
                                   {"attempt", attempt},
                                   {"sample", number},
                                   {"ds_id", sample->ds_id && *sample->ds_id ? sample->ds_id : NULL},
                                   {"label", sample->label},
                                   {"prediction", sample->pred},
                                   {"component", component},
                                   {"explained", explained}};

    snprintf(epoch, sizeof epoch, "%" PRIu64, e->epoch);
    snprintf(attempt, sizeof attempt, "%" PRIu32, e->attempt);
    snprintf(number, sizeof number, "%" PRIu32, row->number);
    snprintf(component, sizeof component, "%" PRIu32, row->component);
    snprintf(explained, sizeof explained, "%.9g", row->explained);
    return ecam_png_encode(r->png, rgb, r->image.w, r->image.h, ECAM_PNG_RGB8, texts,
                           sizeof texts / sizeof *texts, png, error);
}

ecam_status ecam_redraw_encode_overlay(ecam_redraw *r, const ecam_redraw_epoch *epoch,
                                       const ecam_redraw_row *row, ecam_buffer *png, ecam_error *error)
{
    ecam_redraw_sample sample;
    uint8_t *rgb = NULL;
    ecam_status st = ecam_redraw_get_sample(r, epoch->id, row->number, &sample, error);

    if (st == ECAM_OK)
        st = ecam_redraw_load_image(r, epoch->id, row->number, error);
    if (st == ECAM_OK) {
        rgb = malloc(3 * r->image.w * r->image.h);
        st = rgb ? ECAM_OK : ecam_fail(error, ECAM_ENOMEM, "no memory for an overlay");
    }
    if (st == ECAM_OK)
        st = ecam_redraw_overlay(r, epoch, row, sample.image_float, rgb, error);
    if (st == ECAM_OK)
        st = encode(r, epoch, row, &sample, rgb, png, error);
    free(rgb);
    return st;
}

/* The kernels of each instruction set against the plain ones: the same bytes
 * on random rows of any length. */
#include <math.h>
#include <stdlib.h>

#include "cam/draw.h"
#include "cam/resize.h"
#include "support/check.h"

#define LONGEST 700

static uint32_t seed = 12345;

static uint32_t random_bits(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static float random_float(float lo, float hi)
{
    return lo + (hi - lo) * (float)random_bits() / 16777216.0f;
}

/* One after the other all short lengths, then some of the longer ones. */
static size_t length_of(size_t round)
{
    return round < 150 ? round + 1 : 1 + random_bits() % LONGEST;
}

/* A row of the image: its own allocation, so that a sanitizer sees any access
 * beyond it. */
typedef struct row {
    ecam_pixels image;
    uint8_t *levels, *colours;
    size_t n;
    void *storage;
} row;

static float image_value(unsigned kind)
{
    if (kind == 4) {
        const float odd[] = {0, 1, -1, 1e30f, -1e30f, 1e-30f, INFINITY, NAN};
        return odd[random_bits() % 8];
    }
    const float lo[] = {0, -0.4f, -0.9f, -3}, hi[] = {1, 0.5f, 1, 5};
    return random_bits() % 4 == 0 ? (float)(random_bits() % 256) / 255.0f
                                  : random_float(lo[kind], hi[kind]);
}

static row make_row(size_t n, bool is_float, unsigned layout, unsigned kind)
{
    size_t channels = layout == 2 ? 1 : 3;
    row r = {.n = n,
             .storage = malloc(channels * n * (is_float ? 4 : 1)),
             .levels = malloc(n),
             .colours = malloc(3 * n)};

    for (size_t i = 0; i < channels * n; i++) {
        if (is_float)
            ((float *)r.storage)[i] = image_value(kind);
        else
            ((uint8_t *)r.storage)[i] = random_bits() % 8 ? (uint8_t)random_bits() : 255;
    }
    for (size_t i = 0; i < n; i++)
        r.levels[i] = (uint8_t)random_bits();
    r.image = (ecam_pixels){.pixels = r.storage,
                            .is_float = is_float,
                            .pixel_stride = layout == 1 ? 3 : 1,
                            .channel_stride = layout == 0 ? n : layout == 1 ? 1 : 0};
    return r;
}

static void free_row(row *r)
{
    free(r->storage);
    free(r->levels);
    free(r->colours);
}

static ecam_paint paint;

static void mix(size_t round)
{
    const float divisors[] = {2.0f, 1.3f, 1.0f, 0.7f, 3.9f, 1e-30f, 1e30f};
    ecam_overlay_style style = {.colormap = (ecam_colormap)(round % ECAM_COLORMAP_COUNT),
                                .add = random_bits() % 2,
                                .weight = random_float(0, 1)};

    ecam_paint_mix(&paint, &style);
    paint.divisor = round % 3 ? divisors[random_bits() % 7] : random_float(1, 2.2f);
}

static ecam_heat heat_of(const ecam_rows *rows, const row *r)
{
    if (rows->colour)
        rows->colour(r->levels, r->n, &paint, r->colours, r->n);
    return (ecam_heat){.levels = r->levels, .colours = r->colours, .stride = r->n};
}

static ecam_display fitting(const ecam_extremes *e)
{
    ecam_extremes divided;

    for (size_t c = 0; c < 3; c++) {
        divided.lo[c] = e->lo[c] / paint.divisor;
        divided.hi[c] = e->hi[c] / paint.divisor;
    }
    return ecam_display_choose(&divided);
}

static void check_extremes(const ecam_extremes *a, const ecam_extremes *b)
{
    for (size_t c = 0; c < 3; c++) {
        assert_true(a->lo[c] == b->lo[c]);
        assert_true(a->hi[c] == b->hi[c]);
    }
}

static void check_painting(const ecam_rows *rows, const row *r)
{
    ecam_heat heat = heat_of(rows, r);
    ecam_extremes plain = ecam_extremes_none, own = ecam_extremes_none;
    uint8_t *expected = malloc(3 * r->n), *rgb = malloc(3 * r->n);

    ecam_rows_plain.extremes(&r->image, &heat, r->n, &paint, &plain);
    rows->extremes(&r->image, &heat, r->n, &paint, &own);
    check_extremes(&own, &plain);

    paint.display = fitting(&plain);
    own = ecam_extremes_none;
    ecam_rows_plain.paint(&r->image, &heat, r->n, &paint, &plain, expected);
    rows->paint(&r->image, &heat, r->n, &paint, &own, rgb);
    check_extremes(&own, &plain);
    assert_memory_equal(rgb, expected, 3 * r->n);
    free(expected);
    free(rgb);
}

/* What most() finds, with colours of its own. */
static void check_most(const ecam_rows *rows, const row *r)
{
    ecam_heat heat = heat_of(rows, r);
    uint8_t *colours = malloc(3 * r->n);
    ecam_extremes plain = ecam_extremes_none;
    float most = -INFINITY;

    ecam_rows_plain.extremes(&r->image, &heat, r->n, &paint, &plain);
    memcpy(colours, heat.colours, 3 * r->n);
    memset(heat.colours, 0xaa, 3 * r->n);
    rows->most(&r->image, &heat, r->n, &paint, &most);
    assert_true(most == fmaxf(fmaxf(plain.hi[0], plain.hi[1]), plain.hi[2]));
    assert_memory_equal(heat.colours, colours, 3 * r->n);
    free(colours);
}

/* Whether all values, divided, lie where this display has bytes. */
static bool lies_within(const ecam_extremes *e, const ecam_display *d)
{
    bool within = true;

    for (size_t c = 0; c < 3; c++)
        within = within && e->lo[c] / paint.divisor >= -d->shift[c] &&
                 e->hi[c] / paint.divisor <= 255.0f / d->scale - d->shift[c];
    return within;
}

/* With each of the displays that are not per channel. Returns how often a row
 * was painted. */
static size_t check_within(const ecam_rows *rows, const row *r)
{
    const ecam_display displays[] = {
        {.span = {1, 1, 1}, .scale = 255},
        {.shift = {0.5f, 0.5f, 0.5f}, .span = {1, 1, 1}, .scale = 255},
        {.shift = {1, 1, 1}, .span = {1, 1, 1}, .scale = 127.5f},
    };
    ecam_heat heat = heat_of(rows, r);
    uint8_t *expected = malloc(3 * r->n), *rgb = malloc(3 * r->n);
    size_t painted = 0;

    for (size_t i = 0; i < 3; i++) {
        ecam_extremes plain = ecam_extremes_none;
        paint.display = displays[i];
        ecam_rows_plain.paint(&r->image, &heat, r->n, &paint, &plain, expected);
        bool done = rows->paint_within(&r->image, &heat, r->n, &paint, rgb);
        assert_int_equal(done, lies_within(&plain, &paint.display));
        if (done)
            assert_memory_equal(rgb, expected, 3 * r->n);
        painted += done;
    }
    free(expected);
    free(rgb);
    return painted;
}

static void check_sums(const ecam_rows *rows, const row *r)
{
    ecam_heat heat = heat_of(rows, r);
    uint8_t *expected = malloc(3 * r->n), *rgb = malloc(3 * r->n);
    unsigned plain = 0, own = 0, alone = 0;

    for (size_t i = 0; i < 512; i++)
        paint.byte_of_sum[i] = (uint8_t)random_bits();
    ecam_rows_plain.paint_sums(&r->image, &heat, r->n, &paint, &plain, expected);
    rows->paint_sums(&r->image, &heat, r->n, &paint, &own, rgb);
    rows->sums(&r->image, &heat, r->n, &paint, &alone);
    assert_int_equal(own, plain);
    assert_int_equal(alone, plain);
    assert_memory_equal(rgb, expected, 3 * r->n);
    free(expected);
    free(rgb);
}

static void check_own_bytes(const ecam_rows *rows, const row *r)
{
    uint8_t *expected = malloc(3 * r->n), *rgb = malloc(3 * r->n);

    ecam_rows_plain.bytes(&r->image, r->n, expected);
    rows->bytes(&r->image, r->n, rgb);
    assert_memory_equal(rgb, expected, 3 * r->n);
    free(expected);
    free(rgb);
}

static void float_images_are_painted_alike(void **state)
{
    const ecam_rows *rows = *state;

    for (size_t round = 0; round < 600; round++) {
        mix(round);
        row r = make_row(length_of(round), true, round % 3, (unsigned)(round % 5));
        check_painting(rows, &r);
        if (rows->most)
            check_most(rows, &r);
        free_row(&r);
    }
}

/* Divided by their largest value or by something near it; at last so that many
 * quotients are bytes exactly. */
static void float_images_are_painted_within(void **state)
{
    const ecam_rows *rows = *state;
    size_t painted = 0;

    for (size_t round = 0; round < 1500; round++) {
        mix(round);
        row r = make_row(length_of(round), true, round % 3, (unsigned)(round % 5));
        ecam_heat heat = heat_of(rows, &r);
        ecam_extremes e = ecam_extremes_none;
        ecam_rows_plain.extremes(&r.image, &heat, r.n, &paint, &e);
        float most = fmaxf(fmaxf(e.hi[0], e.hi[1]), e.hi[2]);
        paint.divisor = most > 0 && most < 1e20f ? most : 1;
        if (round % 4 == 1)
            paint.divisor *= random_float(0.99f, 3);
        else if (round % 4 == 2)
            paint.divisor = (float)(1 + random_bits() % 510) / 255.0f;
        painted += check_within(rows, &r);
        free_row(&r);
    }
    assert_in_range(painted, 1000, 4000);
}

static void byte_images_are_painted_alike(void **state)
{
    const ecam_rows *rows = *state;

    for (size_t round = 0; round < 600; round++) {
        mix(round);
        row r = make_row(length_of(round), false, round % 3, 0);
        check_painting(rows, &r);
        if (rows->sums)
            check_sums(rows, &r);
        check_own_bytes(rows, &r);
        free_row(&r);
    }
}

/* All 256 image bytes with all 256 levels of gray. */
static void every_byte_is_the_nearest_float(void **state)
{
    const ecam_rows *rows = *state;
    const ecam_overlay_style gray = {.colormap = ECAM_COLORMAP_GRAY, .add = true};

    ecam_paint_mix(&paint, &gray);
    row r = make_row(256, false, 2, 0);
    for (unsigned level = 0; level < 256; level++) {
        paint.divisor = random_float(2, 3);
        for (unsigned v = 0; v < 256; v++) {
            ((uint8_t *)r.storage)[v] = (uint8_t)v;
            r.levels[v] = (uint8_t)level;
        }
        check_painting(rows, &r);
    }
    free_row(&r);
}

static void rows_are_stretched_alike(void **state)
{
    const ecam_rows *rows = *state;
    int32_t near[LONGEST], far[LONGEST];
    float weight[LONGEST], expected[LONGEST], out[LONGEST], source[1000 + ECAM_ROWS_PADDING] = {0};
    ecam_taps taps = {near, far, weight};

    for (size_t round = 0; round < 500; round++) {
        size_t m = length_of(round), w = 1 + random_bits() % (round % 2 ? 20 : 1000);
        memset(source, 0, sizeof source);
        for (size_t i = 0; i < w; i++)
            source[i] = random_float(0, 9);
        ecam_resize_taps(w, m, round % 3 != 0, &taps);
        ecam_rows_plain.stretch(source, &taps, m, expected);
        rows->stretch(source, &taps, m, out);
        assert_memory_equal(out, expected, m * sizeof *out);
    }
}

static void check_map_row(const ecam_rows *rows, const ecam_between *between, size_t n)
{
    float lo = INFINITY, hi = -INFINITY, own_lo = INFINITY, own_hi = -INFINITY;
    uint8_t expected[LONGEST], levels[LONGEST];

    ecam_rows_plain.range(between, n, &lo, &hi);
    rows->range(between, n, &own_lo, &own_hi);
    assert_true(own_lo == lo && own_hi == hi);
    if (!(hi - lo > 0))
        return;
    ecam_rows_plain.levels(between, n, lo, hi - lo, expected);
    rows->levels(between, n, lo, hi - lo, levels);
    assert_memory_equal(levels, expected, n);
}

/* Of ordinary size, tiny, huge; and at last beyond all numbers. */
static void levels_are_found_alike(void **state)
{
    const ecam_rows *rows = *state;
    const float scales[] = {1, 1e-20f, 1e-42f, 1e20f, 1e37f};

    for (size_t round = 0; round < 800; round++) {
        size_t n = length_of(round);
        float *near = malloc(n * sizeof *near), *far = malloc(n * sizeof *far);
        float scale = scales[random_bits() % 5];
        for (size_t i = 0; i < n; i++) {
            near[i] = scale * (float)(random_bits() % 256);
            far[i] = random_bits() % 2 ? scale * random_float(0, 256) : near[i];
        }
        if (round % 50 == 49)
            near[random_bits() % n] = random_bits() % 2 ? INFINITY : NAN;
        ecam_between between = {near, far, round % 4 ? random_float(0, 1) : 0};
        check_map_row(rows, &between, n);
        free(near);
        free(far);
    }
}

int main(void)
{
    static char names[3 * 6][80];
    static struct CMUnitTest tests[3 * 6];
    const struct {
        const char *name;
        CMUnitTestFunction run;
    } subjects[] = {
        {"float images are painted alike", float_images_are_painted_alike},
        {"float images are painted within", float_images_are_painted_within},
        {"byte images are painted alike", byte_images_are_painted_alike},
        {"every byte is the nearest float", every_byte_is_the_nearest_float},
        {"rows are stretched alike", rows_are_stretched_alike},
        {"levels are found alike", levels_are_found_alike},
    };
    size_t n = 0;

    for (size_t i = 0; ecam_rows_usable(i); i++)
        for (size_t k = 0; k < 6; k++) {
            const ecam_rows *rows = ecam_rows_usable(i);
            if (subjects[k].run == float_images_are_painted_within && !rows->paint_within)
                continue;
            snprintf(names[n], sizeof names[n], "%s: %s", rows->name, subjects[k].name);
            tests[n] = (struct CMUnitTest){.name = names[n],
                                           .test_func = subjects[k].run,
                                           .initial_state = (void *)(uintptr_t)rows};
            n++;
        }
    return _cmocka_run_group_tests("draw_rows", tests, n, NULL, NULL);
}

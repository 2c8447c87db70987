/* Painting floats with AVX-512 in fixed-point numbers: the display byte of a
 * pixel is found with two fused operations and no division. Blocks of which
 * that is not sure enough are painted again, as the rules are written. */
#if defined(__x86_64__)

#include "cam/draw.h"
#include "cam/draw_avx512.h"

/* So many blocks at a time are looked at; where too many were near an edge, it
 * is that kind of picture. */
#define TOGETHER 32
#define TOO_MANY(found, seen) ((found) > 16 + (seen) / 4)

/* Blocks that wait to be painted again. */
#define MOST_AGAIN 256

/* number = pixel * image + (colour * heat + start): see draw_avx512.h. */
typedef struct scale {
    float image, heat, start;
    int margin;
} scale;

/* The error in units of the last digit. All is relative to the divisor: heat is
 * at most h, the image at most 1 + h as the overlay is at most 1. The rules
 * round products, sums, quotient, shifted and scaled number (255 at most), by
 * 2^-24 each; we round the two factors, and two numbers of 2^23 to 2^24, or to
 * 2^25 where h is at most 1. */
static double error_of(const ecam_paint *paint, double h)
{
    double rules = h + 1 + 1 + (paint->display.shift[0] > 0 ? 2 : 0) + (paint->add ? 0 : 1 + 2 * h);
    double ours = (1 + h) + h;

    return ((rules + ours) * (double)paint->display.scale + 255) * 0x1p-24 * UNIT + 1.5;
}

/* Whether numbers come near enough to make use of. */
static bool find_scale(const ecam_paint *paint, scale *out)
{
    const ecam_display *d = &paint->display;
    double full = (double)d->scale * UNIT / (double)paint->divisor;
    double h = (double)paint->heat_weight / (double)paint->divisor;

    if (d->per_channel || !(h <= 1) || !ecam_rows_divides(paint->divisor))
        return false;
    double error = error_of(paint, h);
    out->margin = error <= 4 ? 4 : 8;
    out->image = (float)((double)paint->image_weight * full);
    out->heat = (float)((double)paint->heat_weight * full * 0x1p-32); /* see unpack */
    out->start = FIRST + d->shift[0] * d->scale * UNIT + (float)out->margin;
    return error <= 8;
}

/* Pixels 16q..16q+15 of a channel join `bytes` in the order of lane_of;
 * `apart` keeps the lanes that are far enough from an edge, `wrong` the digits
 * that a number within FIRST..2 * FIRST has not. */
INLINE __m512i find_bytes(__m512i bytes, const float *pixels, __m512i colours, unsigned q,
                          const scale *by, __mmask16 *apart, __m512i *wrong)
{
    __m512 heat = _mm512_fmadd_ps(unpack(colours, q), _mm512_set1_ps(by->heat),
                                  _mm512_set1_ps(by->start));
    __m512i number = _mm512_castps_si512(
        _mm512_fmadd_ps(_mm512_loadu_ps(pixels), _mm512_set1_ps(by->image), heat));

    *apart = far_from_edges(*apart, number, by->margin);
    *wrong = _mm512_ternarylogic_epi32(*wrong, number, _mm512_castps_si512(_mm512_set1_ps(FIRST)),
                                       0xf6); /* wrong | (number ^ FIRST) */
    return join_bytes(bytes, number, q);
}

/* The part of a piece that begins at pixel i. */
static blocks behind(const blocks *piece, size_t i, size_t n)
{
    size_t bytes = i * (piece->interleaved ? 3 : 1) * sizeof(float);
    blocks rest = {.interleaved = piece->interleaved, .n = n};

    for (unsigned c = 0; c < 3; c++) {
        rest.channels[c] = (const char *)piece->channels[c] + bytes;
        rest.colours[c] = piece->colours[c] + i;
    }
    return rest;
}

/* Paints; returns how many blocks are to be painted again, and their pixels,
 * from `first` on, in `again`. A byte of 255 may be one of a number too large. */
KERNEL static size_t paint_near(const blocks *piece, const task *job, const scale *given,
                                uint32_t first, uint32_t again[TOGETHER])
{
    const __m512i beyond = _mm512_set1_epi32((int)0xff800000), none = _mm512_setzero_si512();
    const __m512i lanes[3] = {lane_of(pixel_of_lane(0)), lane_of(pixel_of_lane(1)),
                              lane_of(pixel_of_lane(2))};
    const scale by = *given;
    _Alignas(64) float storage[3][64];
    const void *at[3];
    size_t count = 0;

    for (size_t i = 0; i < piece->n; i += 64) {
        __m512i wrong = none, shown[3];
        __m512i most = none;
        __mmask16 apart = 0xffff;
        block_at(piece, i, true, storage, at);
        for (unsigned c = 0; c < 3; c++) {
            __m512i colours = _mm512_loadu_si512(piece->colours[c] + i);
            shown[c] = none;
            for (unsigned q = 0; q < 4; q++)
                shown[c] = find_bytes(shown[c], (const float *)at[c] + 16 * q, colours, q, &by,
                                      &apart, &wrong);
            most = _mm512_max_epu8(most, shown[c]);
        }
        interleave(job->rgb + 3 * i, shown, lanes);
        again[count] = first + (uint32_t)i;
        count += ((unsigned)(__mmask16)~apart | _mm512_test_epi32_mask(wrong, beyond)) != 0 ||
                 _mm512_cmpeq_epi8_mask(most, _mm512_set1_epi8(-1)) != 0;
    }
    return count;
}

/* By the rules; whether all values fit the display is known then. */
static void paint_exactly(const blocks *piece, const task *job)
{
    const ecam_display *d = &job->paint->display;
    const float lo = -d->shift[0], hi = 255.0f / d->scale - d->shift[0];
    ecam_extremes e = ecam_extremes_none;
    task exact = {.paint = job->paint, .extremes = &e, .rgb = job->rgb};

    ecam_avx512_paint_floats(piece, &exact);
    for (unsigned c = 0; c < 3; c++)
        if (e.lo[c] / job->paint->divisor < lo || e.hi[c] / job->paint->divisor > hi)
            *job->within = false;
}

static void paint_again(const blocks *piece, const task *job, const uint32_t *chosen, size_t count)
{
    blocks part = *piece;

    part.chosen = chosen;
    part.n = 64 * count;
    if (count > 0)
        paint_exactly(&part, job);
}

/* As far as it pays; returns the pixel to go on from. */
static size_t paint_begin(const blocks *piece, const task *job, const scale *by)
{
    uint32_t again[MOST_AGAIN + TOGETHER];
    size_t waiting = 0, found = 0, i = 0;

    while (i < piece->n && !TOO_MANY(found, i / 64) && *job->within) {
        size_t n = piece->n - i < 64 * TOGETHER ? piece->n - i : 64 * TOGETHER;
        blocks part = behind(piece, i, n);
        task own = {.paint = job->paint, .rgb = job->rgb + 3 * i};
        size_t more = paint_near(&part, &own, by, (uint32_t)i, again + waiting);
        found += more;
        waiting += more;
        i += n;
        if (waiting > MOST_AGAIN) {
            paint_again(piece, job, again, waiting);
            waiting = 0;
        }
    }
    paint_again(piece, job, again, waiting);
    return i;
}

void ecam_avx512_paint_floats_near(const blocks *piece, const task *job)
{
    size_t i = 0;
    scale by;

    if (find_scale(job->paint, &by))
        i = paint_begin(piece, job, &by);
    if (i < piece->n && *job->within) {
        blocks rest = behind(piece, i, piece->n - i);
        task own = {.paint = job->paint, .within = job->within, .rgb = job->rgb + 3 * i};
        paint_exactly(&rest, &own);
    }
}

#else
typedef int ecam_draw_near_avx512_is_for_x86_64;
#endif

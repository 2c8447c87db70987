/* How long drawing takes: microseconds a picture, best and median of rounds.
 * Each call draws another image and another map. The last column is the floor:
 * reading the image and writing the picture with memcpy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cam/draw.h"

#define INPUTS 8
#define MAX_ROUNDS 60
#define BUDGET_US 100e3 /* for each figure */

typedef struct bench {
    ecam_workspace *ws;
    ecam_overlay_style style;
    size_t size, map;
    bool is_float, channels_last;
    float mean, deviation; /* that a float image is normalised by */
    void *images[INPUTS];
    float *maps[INPUTS];
    uint8_t *rgb;
    float divisor;
} bench;

typedef void (*step)(bench *b, size_t input);

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static ecam_image image_of(const bench *b, size_t input)
{
    return (ecam_image){.data = b->images[input],
                        .is_float = b->is_float,
                        .channels_last = b->channels_last,
                        .channels = 3,
                        .h = b->size,
                        .w = b->size};
}

static void run_max(bench *b, size_t input)
{
    ecam_image image = image_of(b, input);
    float max = 0;
    ecam_overlay_max(b->ws, &image, b->maps[input], b->map, b->map, &b->style, &max);
    b->divisor = max > b->divisor ? max : b->divisor;
}

static void run_draw(bench *b, size_t input)
{
    ecam_image image = image_of(b, input);
    ecam_overlay_draw(b->ws, &image, b->maps[input], b->map, b->map, &b->style, b->divisor, b->rgb);
}

static void run_both(bench *b, size_t input)
{
    run_max(b, input);
    run_draw(b, input);
}

static void run_copy(bench *b, size_t input)
{
    size_t pixels = b->size * b->size;
    for (size_t k = 0; k < (b->is_float ? 4 : 1); k++) /* a float is four bytes to read */
        memcpy(b->rgb, (const char *)b->images[input] + k * 3 * pixels, 3 * pixels);
}

static void run_levels(bench *b, size_t input)
{
    ecam_image image = image_of(b, input);
    struct ecam_draw_scratch *s;
    ecam_draw_begin(b->ws, &image, b->maps[input], b->map, b->map, &b->style, &s);
    ecam_heat_level(s, b->size * b->size);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(bench *b, const char *name, step run)
{
    double times[MAX_ROUNDS];
    double begin = now_us();
    size_t r = 0;

    for (; r < 3 || (r < MAX_ROUNDS && now_us() - begin < BUDGET_US); r++) {
        double start = now_us();
        for (size_t i = 0; i < INPUTS; i++)
            run(b, i);
        times[r] = (now_us() - start) / INPUTS;
    }
    qsort(times, r, sizeof *times, ascending);
    printf("  %s %.1f (%.1f)", name, times[0], times[r / 2]);
}

/* Noise on a ramp; one value in 64 is white, as photos have it. */
static void fill(bench *b)
{
    size_t n = 3 * b->size * b->size;
    uint32_t seed = 1;

    for (size_t i = 0; i < INPUTS; i++) {
        b->images[i] = malloc(n * (b->is_float ? sizeof(float) : 1));
        b->maps[i] = malloc(b->map * b->map * sizeof(float));
        for (size_t k = 0; k < n; k++) {
            uint32_t r = next_random(&seed);
            uint8_t v = r % 64 == 0 ? 255 : (uint8_t)(r >> 8);
            if (b->is_float)
                ((float *)b->images[i])[k] = ((float)v / 255.0f - b->mean) / b->deviation;
            else
                ((uint8_t *)b->images[i])[k] = v;
        }
        for (size_t k = 0; k < b->map * b->map; k++)
            b->maps[i][k] = (float)(next_random(&seed) % 2001) - 1000.0f;
    }
    b->rgb = malloc(n);
}

static void bench_one(const ecam_rows *rows, size_t size, size_t map, bool is_float, bool last,
                      bool normalised)
{
    bench b = {.style = {.colormap = ECAM_COLORMAP_JET, .add = true},
               .size = size,
               .map = map,
               .is_float = is_float,
               .channels_last = last,
               .mean = normalised ? 0.45f : 0,
               .deviation = normalised ? 0.225f : 1};
    struct ecam_draw_scratch *s;

    if (ecam_workspace_create(&b.ws) != ECAM_OK ||
        ecam_draw_scratch_fit(b.ws, 1, 1, 1, 1, &s) != ECAM_OK)
        exit(1);
    s->rows = rows;
    fill(&b);
    printf("%-6s %4zu from %2zu %-5s %s%s:", rows->name, size, map, is_float ? "float" : "uint8",
           last ? "HWC" : "CHW", is_float && !normalised ? ", 0..1" : "");
    measure(&b, "max", run_max);
    measure(&b, "draw", run_draw);
    measure(&b, "both", run_both);
    measure(&b, "levels", run_levels);
    measure(&b, "floor", run_copy);
    printf("\n");
    fflush(stdout);
    for (size_t i = 0; i < INPUTS; i++) {
        free(b.images[i]);
        free(b.maps[i]);
    }
    free(b.rgb);
    ecam_workspace_destroy(&b.ws);
}

int main(void)
{
    printf("microseconds a picture, best (median)\n");
    for (size_t r = 0; ecam_rows_usable(r); r++)
        for (size_t size = 224; size <= 1024; size += 800)
            for (int kind = 0; kind < 4; kind++)
                bench_one(ecam_rows_usable(r), size, 7, kind & 1, kind & 2, true);
    bench_one(ecam_rows_usable(0), 224, 7, true, false, false);
    bench_one(ecam_rows_usable(0), 224, 56, false, false, true);
    return 0;
}

/* Times ecam_project and what the processor could do at best.
 *
 *   bench_project C H W [method [kernels [data]]]   microseconds a sample
 *   bench_project floor                             multiply-adds, reads
 *   bench_project                                   both, eleven usual shapes
 *
 * data: relu (default: smooth fields mixed into channels, noise, rectified),
 * noise, or .npy files of float32 activations (C, H, W). Every call takes
 * another input than the one before. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cam/project_plan.h"
#include "codec/npy.h"

#define INPUTS 8
#define SECONDS 1.5
#define MAX_RUNS 4000

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_project: %s\n", what);
    exit(2);
}

static double gaussian(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += drand48();
    return sum - 6;
}

static float *allocate(size_t count)
{
    float *p = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!p)
        die("no memory");
    return p;
}

#define FIELDS 24

static void make_field(float *field, size_t h, size_t w, int number)
{
    double frequency = 0.6 + 0.12 * number, a = gaussian() * frequency, b = gaussian() * frequency;
    double phase = drand48() * 6.28, weight = pow(1 + number, -0.6);

    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            field[y * w + x] = (float)(weight * 1.4 * cos(phase + 6.28 * (a * (double)y / (double)h +
                                                                        b * (double)x / (double)w)));
}

/* Spectra like those of ResNet layers: a tenth to a third of the variance in
 * the first component, then a slow decay. */
static void make_relu(float *out, size_t c, size_t h, size_t w)
{
    size_t n = h * w;
    float *fields = allocate(FIELDS * n);

    for (int i = 0; i < FIELDS; i++)
        make_field(fields + (size_t)i * n, h, w, i);
    for (size_t ch = 0; ch < c; ch++) {
        float mix[FIELDS];
        for (int i = 0; i < FIELDS; i++)
            mix[i] = (float)gaussian();
        for (size_t p = 0; p < n; p++) {
            float v = (float)(0.6 * (drand48() + drand48() - 1)) - 0.5f;
            for (size_t i = 0; i < FIELDS; i++)
                v += mix[i] * fields[i * n + p];
            out[ch * n + p] = v > 0 ? v : 0;
        }
    }
    free(fields);
}

static void make_input(const char *data, float *out, size_t c, size_t h, size_t w)
{
    ecam_npy npy;
    ecam_error error;

    if (strcmp(data, "relu") == 0) {
        make_relu(out, c, h, w);
    } else if (strcmp(data, "noise") == 0) {
        for (size_t i = 0; i < c * h * w; i++)
            out[i] = (float)gaussian();
    } else {
        if (ecam_npy_read(data, &npy, &error) != ECAM_OK)
            die(error.text);
        if (npy.tensor.dtype != ECAM_F32 || npy.tensor.size_bytes < c * h * w * sizeof *out)
            die("the file is not float32, or too short");
        memcpy(out, npy.tensor.data, c * h * w * sizeof *out);
        ecam_npy_finish(&npy);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct job {
    ecam_workspace *ws;
    ecam_activation input[INPUTS];
    bool automatic;
    ecam_method method;
    const ecam_kernels *kernels;
} job;

static void run_once(const job *j, size_t i)
{
    ecam_project_options options = {.n_components = 3};
    ecam_projection out;
    ecam_status st = j->automatic
                         ? ecam_project(j->ws, &j->input[i % INPUTS], &options, &out)
                         : ecam_project_by(j->ws, &j->input[i % INPUTS], &options, j->method,
                                           j->kernels, &out);
    if (st != ECAM_OK)
        die(ecam_status_word(st));
}

static void time_job(const job *j, const char *label)
{
    static double times[MAX_RUNS];
    size_t runs = 0;

    for (size_t i = 0; i < 2 * INPUTS; i++)
        run_once(j, i);
    double start = now_us();
    while (runs < MAX_RUNS && now_us() - start < SECONDS * 1e6) {
        double t = now_us();
        run_once(j, runs);
        times[runs++] = now_us() - t;
    }
    qsort(times, runs, sizeof *times, ascending);
    printf("%-14s %-18s median %9.1f us   least %9.1f us   (%zu runs)\n", label,
           j->automatic ? "auto" : ecam_method_name(j->method), times[runs / 2], times[0], runs);
}

/* words: method, kernels, data; as many as there are. */
static void bench(size_t c, size_t h, size_t w, int count, char **words)
{
    const char *method = count > 0 ? words[0] : "auto";
    job j = {.automatic = strcmp(method, "auto") == 0};
    char label[64];

    j.kernels = count > 1 && strcmp(words[1], "best") != 0 ? ecam_kernels_find(words[1])
                                                            : ecam_kernels_best();
    while (!j.automatic && j.method < ECAM_METHOD_COUNT && strcmp(method, ecam_method_name(j.method)) != 0)
        j.method++;
    if (c * h * w == 0 || j.method == ECAM_METHOD_COUNT || !j.kernels ||
        ecam_workspace_create(&j.ws) != ECAM_OK)
        die("usage: C H W [auto|exact|lanczos|... [best|avx512|avx2|plain [relu|noise|FILE...]]]");
    for (int i = 0; i < INPUTS; i++) {
        float *values = allocate(c * h * w);
        make_input(count > 2 ? words[2 + i % (count - 2)] : "relu", values, c, h, w);
        j.input[i] = (ecam_activation){.data = values, .dtype = ECAM_F32, .c = c, .h = h, .w = w};
    }
    snprintf(label, sizeof label, "%zu,%zu,%zu", c, h, w);
    time_job(&j, label);
    for (int i = 0; i < INPUTS; i++)
        free((void *)(uintptr_t)j.input[i].data);
    ecam_workspace_destroy(&j.ws);
}

/* Multiply-adds that count, in tiles of a Gram matrix from the first cache. */
static void floor_fma(const ecam_kernels *k)
{
    enum { SIDE = 96, ROWS = 64, REPEAT = 200 };
    static double gram[SIDE * SIDE] __attribute__((aligned(64)));
    float *panel = allocate(ROWS * SIDE);
    double best = INFINITY;

    for (int i = 0; i < ROWS * SIDE; i++)
        panel[i] = 1e-3f;
    for (int round = 0; round < 20; round++) {
        double t = now_us();
        for (int i = 0; i < REPEAT; i++)
            k->gram(panel, SIDE, ROWS, SIDE, gram);
        best = fmin(best, now_us() - t);
    }
    printf("%-8s Gram matrix of side %d, half of it: %6.1f GFLOP/s\n", k->name, SIDE,
           (double)SIDE * (SIDE + 1) * ROWS * REPEAT / best / 1e3);
    free(panel);
}

static void floor_read(const ecam_kernels *k, size_t bytes)
{
    size_t stride = 1024, rows = bytes / (stride * sizeof(float));
    float *matrix = allocate(rows * stride), *y = allocate(stride);
    double *out = malloc(rows * sizeof *out), best = INFINITY;
    int repeat = (int)((64 << 20) / bytes) + 1;

    if (!out)
        die("no memory");
    memset(matrix, 0, rows * stride * sizeof *matrix);
    memset(y, 0, stride * sizeof *y);
    for (int round = 0; round < 12; round++) {
        double t = now_us();
        for (int i = 0; i < repeat; i++)
            k->dots(matrix, rows, stride, y, out);
        best = fmin(best, now_us() - t);
    }
    printf("%-8s read of %8zu KB, again and again: %6.1f GB/s\n", k->name, bytes >> 10,
           (double)(rows * stride * sizeof(float)) * repeat / best / 1e3);
    free(matrix);
    free(y);
    free(out);
}

static void floors(void)
{
    floor_fma(ecam_kernels_best());
    for (size_t bytes = 32 << 10; bytes <= 256 << 20; bytes *= 8)
        floor_read(ecam_kernels_best(), bytes);
}

static void bench_all(void)
{
    static const size_t shapes[][3] = {
        {64, 8, 8},     {2048, 7, 7},  {512, 7, 7},   {512, 14, 14},  {768, 14, 14},  {1024, 14, 14},
        {1024, 16, 16}, {256, 28, 28}, {256, 56, 56}, {64, 112, 112}, {64, 224, 224}};

    floors();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        bench(shapes[i][0], shapes[i][1], shapes[i][2], 0, NULL);
}

int main(int argc, char **argv)
{
    srand48(1);
    if (argc == 1)
        bench_all();
    else if (argc == 2 && strcmp(argv[1], "floor") == 0)
        floors();
    else if (argc >= 4)
        bench(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
              argc - 4, argv + 4);
    else
        die("usage: [C H W [method [kernels [data]]]] | floor");
    return 0;
}

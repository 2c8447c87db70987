/* A small closed epoch made up of numbers, drawn by a pool of workers, and the
 * results that come of it. */
#ifndef TESTS_UNIT_STAGE_SCENE_H
#define TESTS_UNIT_STAGE_SCENE_H

#include <poll.h>
#include <stdlib.h>

#include "stage/render.h"
#include "support/check.h"

/* ---- the epoch ---- */

typedef struct scene {
    ecam_run run;
    ecam_traces *traces;
    ecam_trace *trace; /* the only one; set it before samples are added */
    ecam_sample_shelf shelf;
    ecam_epoch *epoch;
    ecam_output *output;
    ecam_worker worker;
    ecam_pool *pool;
    ecam_render_job job;
} scene;

static inline void scene_open(scene *s, unsigned workers, size_t memory_bytes)
{
    ecam_trace base;
    ecam_error error = {0};

    memset(s, 0, sizeof *s);
    ecam_trace_init(&base);
    base.n_samples = 0;
    s->run.name = (char *)"run \u00fc";
    ecam_sample_shelf_init(&s->shelf, memory_bytes);
    CHECK_STATUS(ecam_traces_create(&base, 1, &s->traces), ECAM_OK);
    s->trace = s->traces->traces;
    s->epoch = ecam_epoch_create(&s->run, ECAM_MODE_EVAL, 12, 1, s->traces);
    assert_non_null(s->epoch);
    ecam_epoch_set_done(s->epoch, ecam_epoch_part(s->epoch, 0, 1));
    s->epoch->closed = s->epoch->complete = true;
    s->output = &s->epoch->outputs[0];
    CHECK_STATUS(ecam_workspace_create(&s->worker.workspace), ECAM_OK);
    CHECK_OK(ecam_pool_create(workers, &s->pool, &error), error);
    s->job = (ecam_render_job){.epoch = s->epoch, .output = s->output, .shelf = &s->shelf,
                               .window = 2 * workers + 1};
}

static inline void scene_close(scene *s)
{
    ecam_pool_destroy(&s->pool);
    ecam_epoch_destroy(&s->epoch, &s->shelf);
    ecam_sample_shelf_finish(&s->shelf);
    ecam_traces_unref(&s->traces);
    ecam_workspace_destroy(&s->worker.workspace);
    free(s->worker.block);
    free(s->worker.pixels);
}

static inline float scene_number(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (float)(*state >> 8) / (float)(1 << 24);
}

/* One sample: activations (c, h, w), and a grey or colour image, NCHW. */
typedef struct scene_sample {
    const float *activation;
    size_t c, h, w;
    const uint8_t *image;
    unsigned channels;
    size_t image_h, image_w;
} scene_sample;

static inline ecam_sample *scene_put(scene *s, const scene_sample *from)
{
    const ecam_image_batch images = {.data = (const char *)from->image, .dtype = ECAM_U8,
                                     .layout = ECAM_LAYOUT_NCHW, .n = 1, .channels = from->channels,
                                     .h = from->image_h, .w = from->image_w};
    const ecam_activation_batch activations = {.data = (const char *)from->activation, .dtype = ECAM_F32,
                                               .layout = ECAM_LAYOUT_NCHW, .n = 1, .c = from->c,
                                               .h = from->h, .w = from->w};
    ecam_sample *evicted, *sample = ecam_sample_take(&s->shelf);

    assert_non_null(sample);
    sample->epoch = s->epoch;
    sample->key = (ecam_sample_key){.step = s->output->n / 4, .index = (uint32_t)s->output->n % 4, .rank = 0};
    strcpy(sample->key.ds_id, "ds");
    ecam_sample_set(sample, s->trace, &images, &activations, 0);
    ecam_sample_project(sample, &s->worker);
    CHECK_OK(sample->status, sample->error);
    CHECK_STATUS(ecam_output_add(s->output, sample, &evicted), ECAM_OK);
    return sample;
}

#define SCENE_H 5
#define SCENE_W 4
#define SCENE_C 6

/* n samples of noise with 20 x 24 colour images. */
static inline void scene_fill(scene *s, size_t n)
{
    float activation[SCENE_C * SCENE_H * SCENE_W];
    uint8_t image[3 * 20 * 24];

    for (size_t i = 0; i < n; i++) {
        uint32_t state = (uint32_t)(s->output->n * 7919 + 1);
        for (size_t j = 0; j < sizeof activation / sizeof *activation; j++)
            activation[j] = scene_number(&state);
        for (size_t j = 0; j < sizeof image; j++)
            image[j] = (uint8_t)(255 * scene_number(&state));
        scene_put(s, &(scene_sample){activation, SCENE_C, SCENE_H, SCENE_W, image, 3, 20, 24});
    }
}

/* ---- the results ---- */

/* A result as it was when it came; its texts are copies. */
typedef struct scene_result {
    ecam_result result;
    uint8_t *png;
    char label[64], pred[64]; /* "-" for NULL */
    char labels[256], preds[256]; /* of a summary: joined by ";" */
} scene_result;

typedef struct scene_results {
    scene_result *items;
    size_t n;
    /* what the receiver answers */
    ecam_status (*answer)(struct scene_results *results, const ecam_result *result);
    size_t calls, refused;
} scene_results;

static inline void scene_results_finish(scene_results *results)
{
    for (size_t i = 0; i < results->n; i++)
        free(results->items[i].png);
    free(results->items);
    *results = (scene_results){0};
}

static inline void scene_join(char *out, size_t capacity, const char *const *texts, uint32_t n)
{
    strcpy(out, texts ? "" : "-");
    for (uint32_t i = 0; texts && i < n; i++) {
        size_t used = strlen(out);
        snprintf(out + used, capacity - used, "%s%s", i ? ";" : "", texts[i] ? texts[i] : "-");
    }
}

static inline ecam_status scene_emit(void *context, ecam_result *result)
{
    scene_results *r = context;
    ecam_status st = r->answer ? r->answer(r, result) : ECAM_OK;

    r->calls++;
    if (st != ECAM_OK) {
        r->refused++;
        return st;
    }
    r->items = realloc(r->items, (r->n + 1) * sizeof *r->items);
    assert_non_null(r->items);
    scene_result *item = &r->items[r->n++];
    *item = (scene_result){.result = *result};
    snprintf(item->label, sizeof item->label, "%s", result->sample.label ? result->sample.label : "-");
    snprintf(item->pred, sizeof item->pred, "%s", result->sample.pred ? result->sample.pred : "-");
    scene_join(item->labels, sizeof item->labels, result->summary.labels, result->summary.samples);
    scene_join(item->preds, sizeof item->preds, result->summary.preds, result->summary.samples);
    if (result->picture.png) {
        item->png = malloc(result->picture.png_bytes);
        assert_non_null(item->png);
        memcpy(item->png, result->picture.png, result->picture.png_bytes);
    }
    return ECAM_OK;
}

static inline ecam_render *scene_create(scene *s)
{
    ecam_render *render;
    ecam_error error = {0};
    CHECK_OK(ecam_render_create(&s->job, s->pool, &render, &error), error);
    assert_non_null(render);
    if (error.status != ECAM_OK)
        fail_msg("unexpected: %s", error.text);
    return render;
}

/* Until all is out. */
static inline void scene_drive(scene *s, ecam_render *render, scene_results *results)
{
    while (!ecam_render_finished(render)) {
        ecam_pool_collect(s->pool, NULL);
        size_t moved = ecam_render_step(render, scene_emit, results);
        if (moved == 0 && ecam_pool_waiting(s->pool) > 0) {
            struct pollfd fd = {.fd = ecam_pool_fd(s->pool), .events = POLLIN};
            assert_int_equal(poll(&fd, 1, 60000), 1);
        }
    }
    assert_int_equal(ecam_pool_waiting(s->pool), 0);
}

/* Draw it and forget the render. */
static inline void scene_draw(scene *s, scene_results *results)
{
    ecam_render *render = scene_create(s);
    scene_drive(s, render, results);
    ecam_render_destroy(&render);
    assert_null(render);
}

static inline const scene_result *scene_last(const scene_results *results)
{
    assert_true(results->n > 0);
    return &results->items[results->n - 1];
}

/* The picture of a type, sample (or page) and component. */
static inline const scene_result *scene_find(const scene_results *results, ecam_result_type type,
                                             uint32_t number, uint32_t component)
{
    for (size_t i = 0; i < results->n; i++) {
        const ecam_result *r = &results->items[i].result;
        uint32_t own = type == ECAM_RESULT_SHEET ? r->page.number : r->sample.number;
        if (r->type == type && own == number && r->component.number == component)
            return &results->items[i];
    }
    fail_msg("no %s of sample %u, component %u", ecam_result_type_name(type), number, component);
    return NULL;
}

static inline ecam_png_image scene_decode(const scene_result *from)
{
    ecam_png_image image;
    ecam_error error = {0};
    CHECK_OK(ecam_png_decode(from->png, from->result.picture.png_bytes, (size_t)1 << 28, &image, &error), error);
    assert_int_equal(image.w, from->result.picture.width);
    assert_int_equal(image.h, from->result.picture.height);
    return image;
}

#endif

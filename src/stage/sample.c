#include "stage/sample.h"

#include <stdlib.h>
#include <string.h>

#define MAX_IDLE 256

int ecam_sample_compare(const ecam_sample_key *a, const ecam_sample_key *b)
{
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return strcmp(a->ds_id, b->ds_id);
}

ecam_sample *ecam_sample_take(ecam_sample_shelf *shelf)
{
    ecam_sample *sample = shelf->idle;

    if (!sample)
        return calloc(1, sizeof *sample);
    shelf->idle = sample->next;
    shelf->n_idle--;
    void *block = sample->block;
    size_t block_bytes = sample->block_bytes;
    memset(sample, 0, sizeof *sample);
    sample->block = block;
    sample->block_bytes = block_bytes;
    return sample;
}

void ecam_sample_give(ecam_sample_shelf *shelf, ecam_sample **handle)
{
    ecam_sample *sample = *handle;

    *handle = NULL;
    if (!sample)
        return;
    ecam_delivery_unref(&sample->delivery);
    if (shelf->n_idle < MAX_IDLE) {
        sample->next = shelf->idle;
        shelf->idle = sample;
        shelf->n_idle++;
        return;
    }
    free(sample->block);
    free(sample);
}

void ecam_sample_shelf_finish(ecam_sample_shelf *shelf)
{
    while (shelf->idle) {
        ecam_sample *sample = shelf->idle;
        shelf->idle = sample->next;
        free(sample->block);
        free(sample);
    }
    shelf->n_idle = 0;
}

void ecam_sample_set(ecam_sample *sample, const ecam_trace *trace, const ecam_image_batch *images,
                     const ecam_activation_batch *activations, uint64_t i)
{
    sample->trace = trace;
    sample->activation = ecam_activation_of(activations, i);
    sample->image_source = images->data + i * images->stride;
    sample->image_dtype = images->dtype;
    sample->image = (ecam_image){.is_float = ecam_image_is_float(images->dtype),
                                 .channels_last = images->layout == ECAM_LAYOUT_NHWC,
                                 .channels = images->channels,
                                 .h = images->h,
                                 .w = images->w};
}

/* Where the parts of a block begin, in bytes; the order keeps all aligned. */
typedef struct block_plan {
    size_t singular, explained, maps, image, maxima, total;
} block_plan;

static bool plan_block(const ecam_sample *s, const ecam_projection *p, block_plan *plan)
{
    size_t positions = s->activation.h * s->activation.w;
    size_t image = ecam_image_bytes(s->image_dtype, s->image.channels * s->image.h * s->image.w);

    if (p->components != 0 && positions > SIZE_MAX / 8 / p->components)
        return false;
    plan->singular = 0;
    plan->explained = plan->singular + p->shown * sizeof(double);
    plan->maps = plan->explained + p->shown * sizeof(double);
    plan->maxima = plan->maps + p->components * positions * sizeof(float);
    plan->image = plan->maxima + p->components * sizeof(float);
    plan->total = plan->image + image;
    return true;
}

static ecam_status grow_block(ecam_sample *s, size_t bytes)
{
    if (bytes > s->block_bytes) {
        void *block = malloc(bytes);
        if (!block)
            return ECAM_ENOMEM;
        free(s->block);
        s->block = block;
        s->block_bytes = bytes;
    }
    return ECAM_OK;
}

/* An empty projection has no arrays. */
static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes != 0)
        memcpy(to, from, bytes);
}

static ecam_status keep(ecam_sample *s, const ecam_projection *p)
{
    block_plan plan;

    if (!plan_block(s, p, &plan) || grow_block(s, plan.total) != ECAM_OK)
        return ecam_fail(&s->error, ECAM_ENOMEM, "no memory for the maps of a sample");
    char *block = s->block;
    copy(block + plan.singular, p->singular, p->shown * sizeof(double));
    copy(block + plan.explained, p->explained, p->shown * sizeof(double));
    copy(block + plan.maps, p->maps, plan.maxima - plan.maps);
    ecam_image_load(s->image_source, s->image_dtype, s->image.channels * s->image.h * s->image.w,
                    block + plan.image);
    s->singular = (const double *)(block + plan.singular);
    s->explained = (const double *)(block + plan.explained);
    s->maps = (const float *)(block + plan.maps);
    s->maxima = (const float *)(block + plan.maxima);
    s->image.data = block + plan.image;
    s->shown = p->shown;
    s->components = p->components;
    s->h = s->activation.h;
    s->w = s->activation.w;
    return ECAM_OK;
}

/* The empty map's maximum is needed wherever the epoch may show more
 * components than this sample has. */
static ecam_status find_maxima(ecam_sample *s, ecam_workspace *ws)
{
    const ecam_overlay_style *style = &s->trace->style;
    float *maxima = (float *)s->maxima;
    ecam_status st = ECAM_OK;

    for (unsigned c = 0; st == ECAM_OK && c < s->components; c++)
        st = ecam_overlay_max(ws, &s->image, s->maps + c * s->h * s->w, s->h, s->w, style, &maxima[c]);
    if (st == ECAM_OK && (s->trace->project.n_components == 0 || s->components < s->shown))
        st = ecam_overlay_max(ws, &s->image, NULL, s->h, s->w, style, &s->zero_max);
    return st;
}

void ecam_sample_project(ecam_sample *s, ecam_worker *worker)
{
    ecam_projection projection;

    s->status = worker->workspace ? ECAM_OK : ECAM_ENOMEM;
    if (s->status == ECAM_OK)
        s->status = ecam_project(worker->workspace, &s->activation, &s->trace->project, &projection);
    if (s->status == ECAM_OK)
        s->status = keep(s, &projection);
    if (s->status == ECAM_OK)
        s->status = find_maxima(s, worker->workspace);
    if (s->status != ECAM_OK && s->error.status == ECAM_OK)
        ecam_fail(&s->error, s->status, "a sample of %zu x %zu x %zu activations cannot be projected: %s",
                  s->activation.c, s->activation.h, s->activation.w, ecam_status_word(s->status));
}

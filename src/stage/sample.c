#include "stage/sample.h"

#include <stdlib.h>
#include <string.h>

#include "stage/shared.h"

/* What idle samples may keep for those to come. */
#define MAX_IDLE_BYTES ((size_t)16 << 20)

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

void ecam_sample_shelf_init(ecam_sample_shelf *shelf, size_t memory_bytes)
{
    *shelf = (ecam_sample_shelf){0};
    ecam_vault_init(&shelf->vault, memory_bytes);
}

static void destroy(ecam_sample *sample)
{
    free(sample->numbers);
    free(sample->block);
    free(sample);
}

void ecam_sample_shelf_finish(ecam_sample_shelf *shelf)
{
    while (shelf->idle) {
        ecam_sample *sample = shelf->idle;
        shelf->idle = sample->next;
        destroy(sample);
    }
    ecam_vault_finish(&shelf->vault);
}

/* A sample that is used again keeps its memory and nothing else. */
static void wipe(ecam_sample *sample)
{
    const ecam_sample memory = {.numbers = sample->numbers, .numbers_bytes = sample->numbers_bytes,
                                .block = sample->block, .block_bytes = sample->block_bytes};
    *sample = memory;
}

ecam_sample *ecam_sample_take(ecam_sample_shelf *shelf)
{
    ecam_sample *sample = shelf->idle;

    if (sample) {
        shelf->idle = sample->next;
        shelf->idle_bytes -= sample->block_bytes;
        wipe(sample);
    } else {
        sample = calloc(1, sizeof *sample);
    }
    if (sample)
        sample->shelf = shelf;
    return sample;
}

static void forget_content(ecam_sample *sample)
{
    ecam_vault *vault = &sample->shelf->vault;

    if (sample->kept && sample->block)
        ecam_vault_release(vault, sample->content_bytes);
    else if (sample->kept)
        ecam_vault_discard(vault, sample->offset, sample->content_bytes);
    sample->kept = false;
}

void ecam_sample_give(ecam_sample_shelf *shelf, ecam_sample **handle)
{
    ecam_sample *sample = *handle;

    *handle = NULL;
    if (!sample)
        return;
    ecam_delivery_unref(&sample->delivery);
    forget_content(sample);
    if (shelf->idle_bytes + sample->block_bytes > MAX_IDLE_BYTES) {
        destroy(sample);
        return;
    }
    sample->next = shelf->idle;
    shelf->idle = sample;
    shelf->idle_bytes += sample->block_bytes;
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

static size_t image_elements(const ecam_sample *s)
{
    return s->image.channels * s->image.h * s->image.w;
}

/* At least `bytes` at *memory, contents unspecified. */
static ecam_status grow(void **memory, size_t *capacity, size_t bytes)
{
    if (bytes > *capacity) {
        free(*memory);
        *memory = malloc(bytes);
        *capacity = *memory ? bytes : 0;
    }
    return *memory || bytes == 0 ? ECAM_OK : ECAM_ENOMEM;
}

/* An empty projection has no arrays. */
static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes != 0)
        memcpy(to, from, bytes);
}

static ecam_status keep_numbers(ecam_sample *s, const ecam_projection *p)
{
    size_t doubles = p->shown * sizeof(double);
    ecam_status st = grow(&s->numbers, &s->numbers_bytes, 2 * doubles + (p->components + 1) * sizeof(float));

    if (st != ECAM_OK)
        return st;
    s->singular = s->numbers;
    s->explained = s->singular + p->shown;
    s->maxima = (float *)(void *)(s->explained + p->shown);
    copy(s->singular, p->singular, doubles);
    copy(s->explained, p->explained, doubles);
    s->shown = p->shown;
    s->components = p->components;
    return ECAM_OK;
}

/* Where maps and image stand in a block of content. */
static void point_into(ecam_sample *s, const void *block)
{
    s->maps = block;
    s->image.data = (const char *)block + s->components * s->h * s->w * sizeof(float);
}

/* The content, put together in the worker's block. */
static ecam_status build_content(ecam_sample *s, const ecam_projection *p, ecam_worker *worker)
{
    size_t positions = s->activation.h * s->activation.w;

    if (p->components != 0 && positions > SIZE_MAX / 8 / p->components)
        return ECAM_ENOMEM;
    size_t maps = p->components * positions * sizeof(float);
    s->h = s->activation.h;
    s->w = s->activation.w;
    s->content_bytes = maps + ecam_image_bytes(s->image_dtype, image_elements(s));
    ecam_status st = grow(&worker->block, &worker->block_bytes, s->content_bytes);
    if (st != ECAM_OK)
        return st;
    point_into(s, worker->block);
    copy(worker->block, p->maps, maps);
    ecam_image_load(s->image_source, s->image_dtype, image_elements(s), (char *)worker->block + maps);
    return ECAM_OK;
}

/* The empty map's maximum is needed wherever the epoch may show more
 * components than this sample has. */
static ecam_status find_maxima(ecam_sample *s, ecam_workspace *ws)
{
    const ecam_overlay_style *style = &s->trace->style;
    ecam_status st = ECAM_OK;

    for (unsigned c = 0; st == ECAM_OK && c < s->components; c++)
        st = ecam_overlay_max(ws, &s->image, s->maps + c * s->h * s->w, s->h, s->w, style, &s->maxima[c]);
    if (st == ECAM_OK && (s->trace->project.n_components == 0 || s->components < s->shown))
        st = ecam_overlay_max(ws, &s->image, NULL, s->h, s->w, style, &s->zero_max);
    return st;
}

/* The sample takes the worker's block, and the worker the one it had. */
static void swap_blocks(ecam_sample *s, ecam_worker *worker)
{
    void *block = s->block;
    size_t bytes = s->block_bytes;

    s->block = worker->block;
    s->block_bytes = worker->block_bytes;
    worker->block = block;
    worker->block_bytes = bytes;
}

static void keep_content(ecam_sample *s, ecam_worker *worker)
{
    ecam_vault *vault = &s->shelf->vault;

    s->kept = true;
    if (!ecam_vault_admit(vault, s->content_bytes)) {
        if (ecam_vault_spill(vault, worker->block, s->content_bytes, &s->offset, &s->error) == ECAM_OK) {
            free(s->block);
            s->block = NULL;
            s->block_bytes = 0;
            return;
        }
        s->error.status = ECAM_OK;
        ecam_vault_force(vault, s->content_bytes);
    }
    swap_blocks(s, worker);
}

ecam_status ecam_sample_load(ecam_sample *s, ecam_worker *worker, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    if (!s->block) {
        st = grow(&worker->block, &worker->block_bytes, s->content_bytes);
        if (st == ECAM_OK)
            st = ecam_vault_load(&s->shelf->vault, s->offset, worker->block, s->content_bytes, error);
    }
    point_into(s, s->block ? s->block : worker->block);
    return st;
}

void ecam_sample_project(ecam_sample *s, ecam_worker *worker)
{
    ecam_projection projection;

    s->status = worker->workspace ? ECAM_OK : ECAM_ENOMEM;
    if (s->status == ECAM_OK)
        s->status = ecam_shared_fetch(s, worker);
    if (s->status == ECAM_OK)
        s->status = ecam_project(worker->workspace, &s->activation, &s->trace->project, &projection);
    if (s->status == ECAM_OK)
        s->status = keep_numbers(s, &projection);
    if (s->status == ECAM_OK)
        s->status = build_content(s, &projection, worker);
    if (s->status == ECAM_OK)
        s->status = find_maxima(s, worker->workspace);
    if (s->status == ECAM_OK)
        keep_content(s, worker);
    else
        ecam_fail(&s->error, s->status, "a sample of %zu x %zu x %zu activations cannot be projected: %s",
                  s->activation.c, s->activation.h, s->activation.w, ecam_status_word(s->status));
}

#include "stage/shared.h"

#define ALIGN ((size_t)64)

ecam_status ecam_shared_open(ecam_delivery *d, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < d->message.n_fields; i++) {
        ecam_field *field = (ecam_field *)&d->message.fields[i];
        if (field->shared.there && d->hold.peer)
            st = ecam_hold_find(&d->hold, field, &field->tensor.data, error);
    }
    return st;
}

ecam_status ecam_shared_bring(ecam_delivery *d, const ecam_field *field, ecam_error *error)
{
    ecam_field *mine = (ecam_field *)field;

    if (!field->shared.there)
        return ECAM_OK;
    void *copy = ecam_arena_alloc(&d->arena, field->tensor.size_bytes, 1);
    if (!copy)
        return ecam_fail(error, ECAM_ELIMIT, "\"%s\" has %zu bytes, which is too much for labels", field->key,
                         field->tensor.size_bytes);
    const ecam_ring_reader *ring = &d->hold.peer->ring;
    if (!ecam_ring_fetch(ring, copy, field->tensor.data, field->tensor.size_bytes) ||
        !ecam_ring_intact(ring, field->shared.ticket))
        return ecam_fail(error, ECAM_ECLOSED, "\"%s\" is written over", field->key);
    mine->tensor.data = copy;
    mine->shared = (ecam_shared_place){0};
    return ECAM_OK;
}

static ecam_shared_range range_of(const ecam_field *field, uint64_t i)
{
    const ecam_tensor *t = &field->tensor;
    size_t bytes = (size_t)(t->size_bytes / t->shape[0]);

    if (!field->shared.there)
        return (ecam_shared_range){0};
    return (ecam_shared_range){.from = (const char *)t->data + i * bytes, .bytes = bytes,
                               .ticket = field->shared.ticket};
}

void ecam_shared_tell(const ecam_delivery *d, const ecam_field *images, const ecam_field *activations,
                      uint64_t i, ecam_sample *sample)
{
    if (!d->hold.peer)
        return;
    sample->ring = &d->hold.peer->ring;
    sample->image_range = range_of(images, i);
    sample->activation_range = range_of(activations, i);
}

/* The same place in a copy of the range. */
static const void *moved(const void *at, const ecam_shared_range *range, const char *copy)
{
    return copy + ((const char *)at - (const char *)range->from);
}

static bool fetch(const ecam_sample *s, const ecam_shared_range *range, void *copy)
{
    return !range->from || ecam_ring_fetch(s->ring, copy, range->from, range->bytes);
}

static bool is_whole(const ecam_sample *s, const ecam_shared_range *range)
{
    return !range->from || ecam_ring_intact(s->ring, range->ticket);
}

ecam_status ecam_shared_fetch(ecam_sample *s, ecam_worker *worker)
{
    const ecam_shared_range *activation = &s->activation_range, *image = &s->image_range;

    if (!s->ring)
        return ECAM_OK;
    if (activation->bytes > SIZE_MAX / 4 || image->bytes > SIZE_MAX / 4)
        return ECAM_ENOMEM;
    size_t second = (activation->bytes + ALIGN - 1) / ALIGN * ALIGN;
    char *copy = ecam_worker_pixels(worker, second + image->bytes);
    if (!copy)
        return ECAM_ENOMEM;
    bool fetched = fetch(s, activation, copy) && fetch(s, image, copy + second);
    if (activation->from)
        s->activation.data = moved(s->activation.data, activation, copy);
    if (image->from)
        s->image_source = moved(s->image_source, image, copy + second);
    s->overwritten = !fetched || !is_whole(s, activation) || !is_whole(s, image);
    return s->overwritten ? ECAM_ECLOSED : ECAM_OK;
}

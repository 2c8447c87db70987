/* A batch on its way out: what of it is wanted, by which way each tensor goes,
 * and the message. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "base/text.h"
#include "client/publisher_batch.h"
#include "wire/message_batch.h"
#include "wire/reader.h"

#define INLINE_BYTES 1024          /* smaller tensors stay in the header */
#define MAX_OUT 512                /* slots on their way */
#define MAX_OUT_BYTES ((size_t)64 << 20)
#define MAX_FRAMES (ECAM_MAX_PARTS - 2)
#define WAIT_NS 100000

typedef enum route { ROUTE_INLINE, ROUTE_RING, ROUTE_FRAME } route;

typedef struct plan_item {
    const ecam_batch_value *value;
    size_t bytes; /* of a tensor's wanted samples */
    route route;
    ecam_ring_place place;
    size_t frame;
} plan_item;

typedef struct batch_plan {
    const ecam_batch *batch;
    ecam_mode mode;
    size_t stream;
    uint32_t world;
    uint64_t n, take; /* samples there, samples that go */
    plan_item items[ECAM_MAX_FIELDS];
    size_t n_items;
    size_t record_bytes; /* of the ring; 0: not used */
    size_t frame_bytes, n_frames;
} batch_plan;

/* ---- what the caller gave ---- */

static ecam_status check_tensor(const ecam_batch_value *v, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    if ((unsigned)v->tensor.dtype >= ECAM_DTYPE_COUNT)
        return ecam_fail(error, ECAM_EINVAL, "\"%s\" has element type %d, which there is not", v->key,
                         (int)v->tensor.dtype);
    if (v->tensor.ndim == 0)
        return ecam_fail(error, ECAM_ESHAPE, "\"%s\" has no axis; expected the samples on the first", v->key);
    st = ecam_tensor_check(&v->tensor, error);
    if (st != ECAM_OK)
        ecam_error_prefix(error, "\"%s\": ", v->key);
    else if (!v->tensor.data)
        st = ecam_fail(error, ECAM_EINVAL, "\"%s\" has no data", v->key);
    return st;
}

static ecam_status check_value(const ecam_batch_value *v, uint64_t *n, ecam_error *error)
{
    if (!v->key || !ecam_text_is_name(v->key, strlen(v->key), 128, ""))
        return ecam_fail(error, ECAM_EINVAL, "a key is not accepted; expected 1 to 128 bytes of UTF-8 without control "
                                             "characters");
    ecam_status st = v->texts ? ECAM_OK : check_tensor(v, error);
    for (size_t i = 0; st == ECAM_OK && v->texts && i < v->n_texts; i++)
        if (!v->texts[i])
            st = ecam_fail(error, ECAM_EINVAL, "\"%s\": text %zu is missing", v->key, i);
    if (st == ECAM_OK)
        *n = v->texts ? v->n_texts : v->tensor.shape[0];
    return st;
}

static ecam_status check_values(const ecam_batch *batch, uint64_t *n, ecam_error *error)
{
    uint64_t first = 0;

    if (batch->n_values == 0 || batch->n_values > ECAM_MAX_FIELDS)
        return ecam_fail(error, ECAM_EINVAL, "the batch has %zu values; expected 1 to %d", batch->n_values,
                         ECAM_MAX_FIELDS);
    for (size_t i = 0; i < batch->n_values; i++) {
        ecam_status st = check_value(&batch->values[i], n, error);
        if (st != ECAM_OK)
            return st;
        if (i == 0)
            first = *n;
        if (*n != first)
            return ecam_fail(error, ECAM_ESHAPE,
                             "\"%s\" has %" PRIu64 " samples, \"%s\" has %" PRIu64 "; expected the same batch size",
                             batch->values[0].key, first, batch->values[i].key, *n);
    }
    return ECAM_OK;
}

ecam_status ecam_publisher_mode(const char *name, ecam_mode *out, ecam_error *error)
{
    if (name && ecam_mode_parse(name, strlen(name), out))
        return ECAM_OK;
    return ecam_fail(error, ECAM_EINVAL, "mode \"%.40s\" is not accepted; expected train, eval, test or infer",
                     name ? name : "");
}

ecam_status ecam_publisher_ds_id(const char *ds_id, ecam_error *error)
{
    if (!ds_id || *ds_id == '\0' || ecam_text_is_name(ds_id, strlen(ds_id), 128, ":;|"))
        return ECAM_OK;
    return ecam_fail(error, ECAM_EINVAL,
                     "ds_id \"%.40s\" is not accepted; expected nothing, or up to 128 bytes without \":\", \";\", \"|\" "
                     "and control characters",
                     ds_id);
}

static ecam_status check(ecam_publisher *p, batch_plan *plan, ecam_error *error)
{
    const ecam_batch *batch = plan->batch;
    ecam_status st = ecam_publisher_mode(batch->mode, &plan->mode, error);

    if (st == ECAM_OK)
        st = ecam_publisher_ds_id(batch->ds_id, error);
    plan->world = batch->world ? batch->world : p->world;
    if (st == ECAM_OK && (p->rank >= plan->world || plan->world > ECAM_MAX_WORLD))
        st = ecam_fail(error, ECAM_EINVAL, "rank %u of a world of %u; expected less than it, and a world of at most 2^20",
                       p->rank, plan->world);
    if (st == ECAM_OK && (batch->epoch > ECAM_MAX_COUNT || batch->step > ECAM_MAX_COUNT))
        st = ecam_fail(error, ECAM_EINVAL, "epoch and step are at most 2^53");
    if (st == ECAM_OK)
        st = check_values(batch, &plan->n, error);
    if (st == ECAM_OK)
        st = ecam_wishes_stream(&p->wishes, plan->mode, batch->ds_id ? batch->ds_id : "", &plan->stream, error);
    return st;
}

/* ---- what goes, and how ---- */

static void choose_items(ecam_publisher *p, batch_plan *plan)
{
    const ecam_batch *b = plan->batch;

    plan->n_items = 0;
    for (size_t i = 0; i < b->n_values; i++) {
        const ecam_batch_value *v = &b->values[i];
        if (!ecam_wishes_key(&p->wishes, plan->stream, b->epoch, b->step, v->key))
            continue;
        plan_item *item = &plan->items[plan->n_items++];
        item->value = v;
        item->bytes = v->texts ? 0 : (size_t)(v->tensor.size_bytes / plan->n * plan->take);
        item->route = item->bytes <= INLINE_BYTES ? ROUTE_INLINE : ROUTE_FRAME;
    }
}

static size_t ring_bytes(const batch_plan *plan)
{
    size_t sizes[ECAM_MAX_FIELDS], n = 0;

    for (size_t i = 0; i < plan->n_items; i++)
        if (plan->items[i].route == ROUTE_RING)
            sizes[n++] = plan->items[i].bytes;
    return n > 0 ? ecam_ring_record_bytes(sizes, n) : 0;
}

static void take_out_largest(ecam_publisher *p, batch_plan *plan)
{
    plan_item *largest = NULL;

    for (size_t i = 0; i < plan->n_items; i++)
        if (plan->items[i].route == ROUTE_RING && (!largest || plan->items[i].bytes > largest->bytes))
            largest = &plan->items[i];
    largest->route = ROUTE_FRAME;
    p->stats.oversize++;
    if (!p->oversize_noticed)
        ecam_publisher_tell(p, "a batch's \"%s\" of %zu bytes does not fit the ring of %" PRIu64
                               " bytes: it goes in a frame (ring_bytes makes it larger)",
                            largest->value->key, largest->bytes, p->ring.capacity);
    p->oversize_noticed = true;
}

static void route_items(ecam_publisher *p, batch_plan *plan)
{
    bool share = ecam_publisher_can_share(p);

    for (size_t i = 0; share && i < plan->n_items; i++)
        if (plan->items[i].route == ROUTE_FRAME)
            plan->items[i].route = ROUTE_RING;
    while ((plan->record_bytes = ring_bytes(plan)) > p->ring.capacity)
        take_out_largest(p, plan);
    plan->frame_bytes = plan->n_frames = 0;
    for (size_t i = 0; i < plan->n_items; i++) {
        if (plan->items[i].route != ROUTE_FRAME)
            continue;
        plan->items[i].frame = plan->n_frames++;
        plan->frame_bytes += plan->items[i].bytes;
    }
}

static bool has_room(ecam_publisher *p, const batch_plan *plan)
{
    const ecam_slots *s = &p->slots;

    if (s->n_out + 1 + plan->n_frames > MAX_OUT ||
        (s->bytes_out > 0 && s->bytes_out + plan->frame_bytes > MAX_OUT_BYTES))
        return false;
    return plan->record_bytes == 0 || ecam_publisher_ring_room(p, plan->record_bytes);
}

/* Waiting changes what is wanted, too. ECAM_EAGAIN: no room; ECAM_ECLOSED:
 * nothing is wanted. */
static ecam_status decide(ecam_publisher *p, batch_plan *plan, ecam_error *error)
{
    const struct timespec pause = {.tv_nsec = WAIT_NS};
    int64_t deadline = 0;

    for (;;) {
        size_t left = ecam_wishes_left(&p->wishes, plan->stream, plan->batch->epoch, plan->batch->step);
        if (left == 0)
            return ECAM_ECLOSED;
        plan->take = left < plan->n ? left : plan->n;
        choose_items(p, plan);
        route_items(p, plan);
        if (plan->n_frames > MAX_FRAMES)
            return ecam_fail(error, ECAM_ELIMIT, "the batch needs %zu frames; at most %d are possible", plan->n_frames,
                             MAX_FRAMES);
        if (has_room(p, plan))
            return ECAM_OK;
        if (deadline == 0)
            deadline = ecam_publisher_now() + (int64_t)p->block_ms * 1000000;
        ecam_publisher_listen(p);
        if (has_room(p, plan))
            continue;
        if (ecam_publisher_now() >= deadline)
            return ecam_fail(error, ECAM_EAGAIN, "there is no room for the batch: it is dropped");
        nanosleep(&pause, NULL);
    }
}

/* ---- the message ---- */

static void pack_layout(ecam_packer *packer, const ecam_tensor *t)
{
    static const char *const names[] = {NULL, "NCHW", "NHWC", "NLC"};

    ecam_pack_text(packer, "layout");
    ecam_pack_text(packer, names[t->layout]);
    if (t->grid[0] == 0)
        return;
    ecam_pack_text(packer, "grid");
    ecam_pack_list(packer, 2);
    ecam_pack_uint(packer, t->grid[0]);
    ecam_pack_uint(packer, t->grid[1]);
}

static void pack_place(ecam_publisher *p, ecam_packer *packer, const plan_item *item)
{
    if (item->route == ROUTE_INLINE) {
        ecam_pack_text(packer, "data");
        ecam_pack_bytes(packer, item->value->tensor.data, item->bytes);
    } else if (item->route == ROUTE_FRAME) {
        ecam_pack_text(packer, "frame");
        ecam_pack_uint(packer, 2 + item->frame);
    } else {
        ecam_pack_text(packer, "shm");
        ecam_pack_map(packer, 4);
        ecam_pack_text(packer, "ring");
        ecam_pack_uint(packer, p->link.ring);
        ecam_pack_text(packer, "offset");
        ecam_pack_uint(packer, item->place.offset);
        ecam_pack_text(packer, "size");
        ecam_pack_uint(packer, item->place.size);
        ecam_pack_text(packer, "ticket");
        ecam_pack_uint(packer, item->place.ticket);
    }
}

static void pack_tensor(ecam_publisher *p, ecam_packer *packer, const batch_plan *plan, const plan_item *item)
{
    const ecam_tensor *t = &item->value->tensor;
    bool has_layout = t->layout == ECAM_LAYOUT_NCHW || t->layout == ECAM_LAYOUT_NHWC || t->layout == ECAM_LAYOUT_NLC;
    bool has_grid = t->layout == ECAM_LAYOUT_NLC && t->grid[0] != 0;

    ecam_pack_map(packer, 4 + (has_layout ? 1 : 0) + (has_grid ? 1 : 0));
    ecam_pack_text(packer, "nd");
    ecam_pack_bool(packer, true);
    ecam_pack_text(packer, "type");
    ecam_pack_text(packer, ecam_dtype_name(t->dtype));
    ecam_pack_text(packer, "shape");
    ecam_pack_list(packer, t->ndim);
    ecam_pack_uint(packer, plan->take);
    for (unsigned i = 1; i < t->ndim; i++)
        ecam_pack_uint(packer, t->shape[i]);
    pack_place(p, packer, item);
    if (has_layout)
        pack_layout(packer, t);
}

static ecam_status pack_batch(ecam_publisher *p, const batch_plan *plan, ecam_buffer *out)
{
    const ecam_stream *stream = p->wishes.streams[plan->stream];
    ecam_packer packer;

    ecam_pack_begin(&packer, out);
    ecam_publisher_pack_common(p, &packer, "batch", plan->world, stream->next_seq);
    ecam_pack_uint_entry(&packer, "epoch", plan->batch->epoch);
    ecam_pack_text_entry(&packer, "mode", ecam_mode_name(plan->mode));
    ecam_pack_text_entry(&packer, "ds_id", stream->ds_id);
    ecam_pack_uint_entry(&packer, "step", plan->batch->step);
    ecam_pack_key(&packer, "data");
    ecam_pack_map(&packer, plan->n_items);
    for (size_t i = 0; i < plan->n_items; i++) {
        const plan_item *item = &plan->items[i];
        ecam_pack_text(&packer, item->value->key);
        if (!item->value->texts) {
            pack_tensor(p, &packer, plan, item);
            continue;
        }
        ecam_pack_list(&packer, plan->take);
        for (uint64_t t = 0; t < plan->take; t++)
            ecam_pack_text(&packer, item->value->texts[t]);
    }
    return ecam_pack_end(&packer);
}

static void write_record(ecam_publisher *p, batch_plan *plan)
{
    ecam_ring_begin(&p->ring, plan->record_bytes);
    for (size_t i = 0; i < plan->n_items; i++)
        if (plan->items[i].route == ROUTE_RING)
            plan->items[i].place = ecam_ring_put(&p->ring, plan->items[i].value->tensor.data, plan->items[i].bytes);
    ecam_ring_commit(&p->ring);
}

/* Copies of the tensors that go in frames. */
static ecam_status fill_frames(ecam_publisher *p, const batch_plan *plan, ecam_slot **frames)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->n_items; i++) {
        const plan_item *item = &plan->items[i];
        if (item->route != ROUTE_FRAME)
            continue;
        frames[n] = ecam_slots_take(&p->slots, item->bytes);
        if (!frames[n])
            break;
        (void)ecam_buffer_append(&frames[n++]->bytes, item->value->tensor.data, item->bytes);
    }
    if (n == plan->n_frames)
        return ECAM_OK;
    while (n > 0)
        ecam_slots_give(&p->slots, frames[--n]);
    return ECAM_ENOMEM;
}

/* The slots are given away in any case. */
static ecam_status send_parts(ecam_publisher *p, const char *topic, ecam_slot **slots, size_t n)
{
    ecam_status st = ECAM_OK;

    if (zmq_send(p->socket, topic, strlen(topic), ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        st = ECAM_EAGAIN;
    for (size_t i = 0; i < n; i++) {
        if (st == ECAM_OK)
            st = ecam_slots_send(&p->slots, slots[i], p->socket, ZMQ_DONTWAIT | (i + 1 < n ? ZMQ_SNDMORE : 0));
        else
            ecam_slots_give(&p->slots, slots[i]);
    }
    return st;
}

static ecam_status send_batch(ecam_publisher *p, batch_plan *plan, ecam_error *error)
{
    ecam_stream *stream = p->wishes.streams[plan->stream];
    ecam_slot *slots[1 + MAX_FRAMES];

    slots[0] = ecam_slots_take(&p->slots, 0);
    if (!slots[0])
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a batch: it is dropped");
    ecam_status st = fill_frames(p, plan, slots + 1);
    if (st == ECAM_OK && plan->record_bytes > 0)
        write_record(p, plan);
    size_t n = st == ECAM_OK ? 1 + plan->n_frames : 1;
    if (st == ECAM_OK)
        st = pack_batch(p, plan, &slots[0]->bytes);
    if (st != ECAM_OK) {
        while (n > 0)
            ecam_slots_give(&p->slots, slots[--n]);
        return ecam_fail(error, st, "no memory for a batch: it is dropped");
    }
    st = send_parts(p, stream->topic, slots, n);
    if (st != ECAM_OK)
        return ecam_fail(error, st, "ZeroMQ did not take the batch: it is dropped");
    stream->next_seq++;
    return ECAM_OK;
}

static void count_sent(ecam_publisher *p, const batch_plan *plan)
{
    p->stats.sent++;
    p->stats.frame_bytes += plan->frame_bytes;
    for (size_t i = 0; i < plan->n_items; i++)
        if (plan->items[i].route == ROUTE_RING)
            p->stats.ring_bytes += plan->items[i].bytes;
    ecam_wishes_sent(&p->wishes, plan->stream, plan->batch->epoch, plan->batch->step, plan->take);
}

ecam_status ecam_publisher_send_batch(ecam_publisher *p, const ecam_batch *batch, ecam_error *error)
{
    batch_plan plan;

    plan.batch = batch;
    ecam_status st = check(p, &plan, error);
    if (st != ECAM_OK)
        return st;
    ecam_publisher_tick(p);
    st = decide(p, &plan, error);
    if (st == ECAM_ECLOSED) {
        p->stats.unwanted++;
        return ECAM_OK;
    }
    if (st == ECAM_OK)
        st = send_batch(p, &plan, error);
    if (st == ECAM_OK)
        count_sent(p, &plan);
    else
        p->stats.dropped++;
    return st;
}

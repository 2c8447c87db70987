#include "wire/message_tensor.h"

#include <string.h>

#include "base/text.h"

static const char *const layouts[] = {
    [ECAM_LAYOUT_AUTO] = "auto",
    [ECAM_LAYOUT_NCHW] = "NCHW",
    [ECAM_LAYOUT_NHWC] = "NHWC",
    [ECAM_LAYOUT_NLC] = "NLC",
};

static void read_type(ecam_reader *r, const ecam_node *map, ecam_tensor *t)
{
    const ecam_node *kind = ecam_reader_find(map, "kind");
    const ecam_node *type = ecam_reader_need(r, map, "type", "NumPy's dtype string");
    char shown[40];

    if (!type)
        return;
    if (type->kind == ECAM_NODE_LIST || ecam_node_is_text(kind, "V")) {
        ecam_reader_fail(r, "type", ECAM_ETYPE,
                         "structured arrays are not accepted; expected numbers (bfloat16 is named "
                         "\"bfloat16\")");
    } else if (type->kind != ECAM_NODE_TEXT) {
        ecam_reader_fail(r, "type", ECAM_ETYPE, "key \"type\" is %s; expected NumPy's dtype string",
                         ecam_node_kind_name(type));
    } else if (ecam_node_is_text(kind, "O") || ecam_node_is_text(type, "|O") ||
               ecam_node_is_text(type, "O")) {
        ecam_reader_fail(r, "type", ECAM_ETYPE, "object arrays are not accepted; expected numbers");
    } else if (ecam_dtype_parse(type->bytes, type->size, &t->dtype) != ECAM_OK) {
        ecam_reader_fail(r, "type", ECAM_ETYPE,
                         "element type \"%s\" is not accepted; expected a little-endian bool, "
                         "integer, float16, bfloat16, float32 or float64",
                         ecam_text_clean(shown, sizeof shown, type->bytes, type->size));
    }
}

static void read_shape(ecam_reader *r, const ecam_node *map, ecam_tensor *t)
{
    const ecam_node *shape = ecam_reader_list(r, map, "shape");

    if (!shape)
        return;
    if (shape->size < 1 || shape->size > ECAM_MAX_DIMS) {
        ecam_reader_fail(r, "shape", ECAM_ESHAPE, "the shape has %zu axes; expected 1 to %d",
                         shape->size, ECAM_MAX_DIMS);
        return;
    }
    t->ndim = (unsigned)shape->size;
    for (unsigned i = 0; i < t->ndim; i++) {
        const ecam_node *axis = &shape->items[i];
        if (!ecam_node_uint(axis, ECAM_MAX_COUNT, &t->shape[i])) {
            bool integer = axis->kind == ECAM_NODE_INT || axis->kind == ECAM_NODE_UINT;
            ecam_reader_fail(r, "shape", ECAM_ESHAPE,
                             "axis %u of the shape is %s%s; expected an integer from 1 to 2^53", i,
                             ecam_node_kind_name(axis), integer ? " out of range" : "");
            return;
        }
    }
}

static void read_inline(ecam_reader *r, const ecam_node *data, ecam_tensor *t)
{
    if (data->kind != ECAM_NODE_TEXT) {
        ecam_reader_fail(r, "data", ECAM_ETYPE, "key \"data\" is %s; expected the tensor's bytes",
                         ecam_node_kind_name(data));
        return;
    }
    t->data = data->bytes;
    t->size_bytes = data->size;
}

static void read_framed(ecam_reader *r, const ecam_node *map, const ecam_frame *frames,
                        size_t n_frames, ecam_tensor *t)
{
    uint64_t index = ecam_reader_uint(r, map, "frame", 2, ECAM_MAX_COUNT);

    if (r->status != ECAM_OK)
        return;
    if (index >= n_frames) {
        ecam_reader_fail(r, "frame", ECAM_EFORMAT,
                         "frame %llu is not there: the message has %zu frames, counted from 0",
                         (unsigned long long)index, n_frames);
        return;
    }
    t->data = frames[index].data;
    t->size_bytes = frames[index].size;
}

static void read_shared(ecam_reader *r, const ecam_node *map, ecam_tensor *t, ecam_shared_place *out)
{
    const ecam_node *place = ecam_reader_map(r, map, "shm");

    if (!place)
        return;
    *out = (ecam_shared_place){.there = true,
                               .ring = ecam_reader_uint(r, place, "ring", 1, UINT64_MAX),
                               .offset = ecam_reader_uint(r, place, "offset", 0, UINT64_MAX),
                               .size = ecam_reader_uint(r, place, "size", 1, SIZE_MAX),
                               .ticket = ecam_reader_uint(r, place, "ticket", 0, UINT64_MAX)};
    t->size_bytes = (size_t)out->size;
}

static void read_bytes(ecam_reader *r, const ecam_node *map, const ecam_frame *frames,
                       size_t n_frames, ecam_tensor *t, ecam_shared_place *shared)
{
    const ecam_node *data = ecam_reader_find(map, "data");
    const ecam_node *frame = ecam_reader_find(map, "frame");
    const ecam_node *shm = ecam_reader_find(map, "shm");

    if (shm && r->shared && shared && !data && !frame)
        read_shared(r, map, t, shared);
    else if (shm)
        ecam_reader_fail(r, "shm", ECAM_EINVAL,
                         "the bytes are said to lie in shared memory, but no ring was handed over; "
                         "expected \"data\" or \"frame\"");
    else if (data && frame)
        ecam_reader_fail(r, "frame", ECAM_EINVAL,
                         "both \"data\" and \"frame\" are given; expected one");
    else if (data)
        read_inline(r, data, t);
    else if (frame)
        read_framed(r, map, frames, n_frames, t);
    else
        ecam_reader_fail(r, "data", ECAM_EMISSING,
                         "keys \"data\" and \"frame\" are missing; expected one of them");
}

static void read_grid(ecam_reader *r, const ecam_node *map, ecam_tensor *t)
{
    const ecam_node *grid = ecam_reader_list(r, map, "grid");
    uint64_t h = 0, w = 0;

    if (!grid)
        return;
    if (t->layout != ECAM_LAYOUT_NLC)
        ecam_reader_fail(r, "grid", ECAM_EINVAL, "key \"grid\" goes with layout NLC only");
    else if (grid->size != 2 || !ecam_node_uint(&grid->items[0], UINT32_MAX, &h) ||
             !ecam_node_uint(&grid->items[1], UINT32_MAX, &w) || h == 0 || w == 0)
        ecam_reader_fail(r, "grid", ECAM_EINVAL,
                         "key \"grid\" is not two positive integers; expected [height, width] in "
                         "tokens");
    else if (h > t->shape[1] / w)
        ecam_reader_fail(r, "grid", ECAM_ESHAPE,
                         "a grid of %llu x %llu needs more than the %llu tokens there are",
                         (unsigned long long)h, (unsigned long long)w,
                         (unsigned long long)t->shape[1]);
    t->grid[0] = (uint32_t)h;
    t->grid[1] = (uint32_t)w;
}

static void read_layout(ecam_reader *r, const ecam_node *map, ecam_tensor *t)
{
    if (ecam_reader_find(map, "layout"))
        t->layout = (ecam_layout)ecam_reader_word(r, map, "layout", layouts, 4);
    if (t->layout == ECAM_LAYOUT_NLC && t->ndim != 3)
        ecam_reader_fail(r, "layout", ECAM_ESHAPE,
                         "layout NLC has 3 axes (samples, tokens, channels); the shape has %u",
                         t->ndim);
    if (r->status == ECAM_OK && ecam_reader_find(map, "grid"))
        read_grid(r, map, t);
}

static void read_all(ecam_reader *r, const ecam_node *map, const ecam_frame *frames,
                     size_t n_frames, ecam_tensor *t, ecam_shared_place *shared)
{
    if (ecam_reader_find(map, "complex")) {
        ecam_reader_fail(r, "complex", ECAM_ETYPE,
                         "complex numbers are not accepted; expected real ones");
        return;
    }
    bool array = ecam_reader_bool(r, map, "nd");
    read_type(r, map, t);
    if (array)
        read_shape(r, map, t);
    read_bytes(r, map, frames, n_frames, t, shared);
    if (r->status == ECAM_OK) {
        ecam_status st = ecam_tensor_check(t, r->error);
        if (st != ECAM_OK) {
            r->status = st;
            r->bad_key = "shape";
        }
    }
    if (array)
        read_layout(r, map, t);
}

void ecam_message_tensor(ecam_reader *r, const char *key, const ecam_node *map,
                         const ecam_frame *frames, size_t n_frames, ecam_tensor *out,
                         ecam_shared_place *shared)
{
    *out = (ecam_tensor){0};
    if (r->status != ECAM_OK)
        return;
    read_all(r, map, frames, n_frames, out, shared);
    if (r->status != ECAM_OK) {
        ecam_error_prefix(r->error, "tensor \"%s\": ", key);
        r->bad_key = key;
    }
}

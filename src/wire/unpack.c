#include "wire/unpack.h"

#include <assert.h>
#include <msgpack.h>

#include "wire/reader.h"
#include "wire/scan.h"

/* Nodes are taken from one array: children of a container lie side by side. */
typedef struct tree {
    ecam_node *nodes;
    size_t used;
} tree;

static ecam_node *take(tree *t, size_t n)
{
    ecam_node *first = t->nodes + t->used;
    t->used += n;
    return first;
}

static ecam_node text_node(const char *bytes, size_t size)
{
    return (ecam_node){.kind = ECAM_NODE_TEXT, .size = size, .bytes = bytes};
}

/* Recursion is bounded by the scan's depth. */
static void convert(tree *t, const msgpack_object *in, ecam_node *out)
{
    ecam_node *items;

    switch (in->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        *out = (ecam_node){.kind = ECAM_NODE_BOOL, .boolean = in->via.boolean};
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        *out = (ecam_node){.kind = ECAM_NODE_UINT, .natural = in->via.u64};
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        *out = (ecam_node){.kind = ECAM_NODE_INT, .integer = in->via.i64};
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *out = (ecam_node){.kind = ECAM_NODE_FLOAT, .real = in->via.f64};
        break;
    case MSGPACK_OBJECT_STR:
        *out = text_node(in->via.str.ptr, in->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        *out = text_node(in->via.bin.ptr, in->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        items = take(t, in->via.array.size);
        *out = (ecam_node){.kind = ECAM_NODE_LIST, .size = in->via.array.size, .items = items};
        for (size_t i = 0; i < out->size; i++)
            convert(t, &in->via.array.ptr[i], &items[i]);
        break;
    case MSGPACK_OBJECT_MAP:
        items = take(t, 2 * (size_t)in->via.map.size);
        *out = (ecam_node){.kind = ECAM_NODE_MAP, .size = in->via.map.size, .items = items};
        for (size_t i = 0; i < out->size; i++) {
            convert(t, &in->via.map.ptr[i].key, &items[2 * i]);
            convert(t, &in->via.map.ptr[i].val, &items[2 * i + 1]);
        }
        break;
    default:
        *out = (ecam_node){.kind = ECAM_NODE_NIL};
        break;
    }
}

ecam_status ecam_unpack(const void *bytes, size_t size, const ecam_scan_limits *limits,
                        ecam_arena *arena, const ecam_node **out, ecam_error *error)
{
    size_t count = 0, end = 0;
    tree t = {0};
    ecam_reader r = {.arena = arena, .error = error};
    msgpack_unpacked unpacked;

    *out = NULL;
    ecam_status st = ecam_scan_count(bytes, size, limits, &count, error);
    if (st != ECAM_OK)
        return st;
    t.nodes = ecam_reader_alloc(&r, count, sizeof *t.nodes);
    if (!t.nodes)
        return r.status;

    msgpack_unpacked_init(&unpacked);
    msgpack_unpack_return rc = msgpack_unpack_next(&unpacked, bytes, size, &end);
    if (rc == MSGPACK_UNPACK_NOMEM_ERROR) {
        st = ecam_fail(error, ECAM_ENOMEM, "no memory to unpack a header of %zu objects", count);
    } else if (rc != MSGPACK_UNPACK_SUCCESS || end != size) {
        st = ecam_fail(error, ECAM_EFORMAT, "not MessagePack: refused at byte %zu", end);
    } else {
        ecam_node *root = take(&t, 1);
        convert(&t, &unpacked.data, root);
        assert(t.used == count);
        *out = root;
    }
    msgpack_unpacked_destroy(&unpacked);
    return st;
}

#include "wire/message_batch.h"

#include <string.h>

#include "wire/message_tensor.h"

typedef struct source {
    ecam_reader *r;
    const ecam_frame *frames;
    size_t n_frames;
} source;

static bool is_item(const ecam_node *node)
{
    return node->kind != ECAM_NODE_NIL && node->kind != ECAM_NODE_LIST &&
           node->kind != ECAM_NODE_MAP;
}

/* A NumPy scalar in a list: msgpack-numpy makes a map of each element of
 * list(array). */
static void scalar_item(const source *s, const char *key, const ecam_node *map, ecam_node *out)
{
    ecam_tensor t;

    ecam_message_tensor(s->r, key, map, s->frames, s->n_frames, &t, NULL);
    if (s->r->status != ECAM_OK)
        return;
    if (t.ndim != 0) {
        ecam_reader_fail(s->r, key, ECAM_ETYPE,
                         "key \"%s\" is a list of tensors; expected one tensor, or a list of "
                         "numbers or strings",
                         key);
        return;
    }
    if (t.dtype == ECAM_BOOL) {
        *out = (ecam_node){.kind = ECAM_NODE_BOOL, .boolean = ecam_tensor_at(&t, 0) != 0};
    } else if (t.dtype == ECAM_U64) {
        *out = (ecam_node){.kind = ECAM_NODE_UINT};
        memcpy(&out->natural, t.data, sizeof out->natural);
    } else if (t.dtype == ECAM_I64) {
        *out = (ecam_node){.kind = ECAM_NODE_INT};
        memcpy(&out->integer, t.data, sizeof out->integer);
    } else if (t.dtype < ECAM_F16) {
        *out = (ecam_node){.kind = ECAM_NODE_INT, .integer = (int64_t)ecam_tensor_at(&t, 0)};
    } else {
        *out = (ecam_node){.kind = ECAM_NODE_FLOAT, .real = ecam_tensor_at(&t, 0)};
    }
}

/* Most lists are used as they were unpacked; only one with NumPy scalars in it
 * is copied. */
static void list_field(const source *s, const ecam_node *list, ecam_field *field)
{
    ecam_node *copy = NULL;

    field->items = list->items;
    field->n_items = list->size;
    for (size_t i = 0; i < list->size && s->r->status == ECAM_OK; i++) {
        const ecam_node *item = &list->items[i];
        if (is_item(item))
            continue;
        if (item->kind != ECAM_NODE_MAP) {
            ecam_reader_fail(s->r, field->key, ECAM_ETYPE,
                             "key \"%s\": item %zu is %s; expected a number or a string",
                             field->key, i, ecam_node_kind_name(item));
            return;
        }
        if (!copy) {
            copy = ecam_reader_alloc(s->r, list->size, sizeof *copy);
            if (!copy)
                return;
            memcpy(copy, list->items, list->size * sizeof *copy);
            field->items = copy;
        }
        scalar_item(s, field->key, item, &copy[i]);
    }
}

static void read_field(const source *s, const ecam_node *value, ecam_field *field)
{
    if (value->kind == ECAM_NODE_MAP) {
        field->is_tensor = true;
        ecam_message_tensor(s->r, field->key, value, s->frames, s->n_frames, &field->tensor, &field->shared);
    } else if (value->kind == ECAM_NODE_LIST) {
        list_field(s, value, field);
    } else {
        field->items = value;
        field->n_items = 1;
    }
}

const ecam_field *ecam_message_field(const ecam_message *message, const char *key)
{
    for (size_t i = 0; i < message->n_fields; i++)
        if (strcmp(message->fields[i].key, key) == 0)
            return &message->fields[i];
    return NULL;
}

void ecam_message_fields(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                         size_t n_frames, ecam_message *out)
{
    const source s = {.r = r, .frames = frames, .n_frames = n_frames};
    const ecam_node *data = ecam_reader_map(r, header, "data");

    if (!data)
        return;
    if (data->size > ECAM_MAX_FIELDS) {
        ecam_reader_fail(r, "data", ECAM_ELIMIT,
                         "key \"data\" has %zu entries; at most %d are accepted",
                         data->size, ECAM_MAX_FIELDS);
        return;
    }
    ecam_field *fields = ecam_reader_alloc(r, data->size, sizeof *fields);
    out->fields = fields;
    for (size_t i = 0; i < data->size && r->status == ECAM_OK; i++) {
        const ecam_node *value = &data->items[2 * i + 1];
        ecam_field *field = &fields[out->n_fields];
        field->key = ecam_reader_name_in(r, &data->items[2 * i], "data", &ecam_name_plain);
        if (r->status != ECAM_OK || value->kind == ECAM_NODE_NIL ||
            ecam_message_field(out, field->key))
            continue; /* the first of equal keys counts */
        read_field(&s, value, field);
        out->n_fields++;
    }
}

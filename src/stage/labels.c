#include "stage/labels.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static ecam_status mapping_create(size_t n, ecam_arena *arena, ecam_mapping **out,
                                  ecam_error *error)
{
    *out = ecam_arena_alloc(arena, 1, sizeof **out);
    if (*out)
        (*out)->entries = ecam_arena_alloc(arena, n, sizeof *(*out)->entries);
    if (!*out || !(*out)->entries)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a label mapping of %zu names", n);
    return ECAM_OK;
}

static ecam_status mapping_add(ecam_mapping *mapping, ecam_arena *arena, const char *name,
                               size_t length, int64_t value, ecam_error *error)
{
    char clean[ECAM_LABEL_BYTES];

    ecam_text_clean(clean, sizeof clean, name, length);
    char *copy = ecam_arena_text(arena, clean, strlen(clean));
    if (!copy)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a label mapping");
    mapping->entries[mapping->n].name = copy;
    mapping->entries[mapping->n++].value = value;
    return ECAM_OK;
}

/* YAML gives numbers as text; everything else as numbers. */
static bool integer_of(const ecam_node *node, int64_t *out)
{
    if (node->kind != ECAM_NODE_TEXT)
        return ecam_node_int(node, out);

    char text[32], *end;
    if (node->size == 0 || node->size >= sizeof text)
        return false;
    memcpy(text, node->bytes, node->size);
    text[node->size] = '\0';
    errno = 0;
    *out = strtoll(text, &end, 10);
    return end != text && end == text + node->size && errno == 0;
}

static ecam_status from_map(const ecam_node *node, ecam_arena *arena, ecam_mapping *mapping,
                            ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < node->size; i++) {
        const ecam_node *key = &node->items[2 * i], *value = &node->items[2 * i + 1];
        int64_t number;
        if (key->kind != ECAM_NODE_TEXT || !integer_of(value, &number))
            return ecam_fail(error, ECAM_EINVAL,
                             "entry %zu of the label mapping is %s: %s; expected class name: "
                             "integer",
                             i, ecam_node_kind_name(key), ecam_node_kind_name(value));
        st = mapping_add(mapping, arena, key->bytes, key->size, number, error);
    }
    return st;
}

static ecam_status from_list(const ecam_node *node, ecam_arena *arena, ecam_mapping *mapping,
                             ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < node->size; i++) {
        const ecam_node *name = &node->items[i];
        if (name->kind != ECAM_NODE_TEXT)
            return ecam_fail(error, ECAM_EINVAL,
                             "entry %zu of the label mapping is %s; expected class names", i,
                             ecam_node_kind_name(name));
        st = mapping_add(mapping, arena, name->bytes, name->size, (int64_t)i, error);
    }
    return st;
}

static ecam_status from_inline(const char *text, ecam_arena *arena, ecam_mapping *mapping,
                               ecam_error *error)
{
    ecam_status st = ECAM_OK;

    while (st == ECAM_OK && *text) {
        size_t length = strcspn(text, ",");
        const char *equals = memchr(text, '=', length);
        ecam_node value = {.kind = ECAM_NODE_TEXT};
        int64_t number;
        if (equals) {
            value.bytes = equals + 1;
            value.size = length - (size_t)(equals + 1 - text);
        }
        if (!equals || equals == text || !integer_of(&value, &number))
            return ecam_fail(error, ECAM_EINVAL,
                             "\"%.*s\" is no entry of a label mapping; expected name=integer,... "
                             "or a file FILE.json",
                             (int)length, text);
        st = mapping_add(mapping, arena, text, (size_t)(equals - text), number, error);
        text += length + (text[length] == ',');
    }
    return st;
}

static ecam_status from_json(const char *path, const json_t *json, ecam_arena *arena,
                             ecam_mapping *mapping, ecam_error *error)
{
    ecam_status st = ECAM_OK;
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)json, name, value) {
        if (!json_is_integer(value))
            return ecam_fail(error, ECAM_EINVAL, "%s: the value of \"%s\" is no integer", path,
                             name);
        st = mapping_add(mapping, arena, name, strlen(name), json_integer_value(value), error);
        if (st != ECAM_OK)
            return st;
    }
    json_array_foreach(json, i, value) {
        if (!json_is_string(value))
            return ecam_fail(error, ECAM_EINVAL, "%s: entry %zu is no string", path, i);
        st = mapping_add(mapping, arena, json_string_value(value), json_string_length(value),
                         (int64_t)i, error);
        if (st != ECAM_OK)
            return st;
    }
    return st;
}

static ecam_status from_file(const char *path, ecam_arena *arena, ecam_mapping **out,
                             ecam_error *error)
{
    json_error_t detail;
    json_t *json = json_load_file(path, 0, &detail);

    if (!json)
        return ecam_fail(error, detail.line < 0 ? ECAM_EIO : ECAM_EINVAL,
                         "label mapping %s: %s (line %d); expected JSON {\"class name\": integer} "
                         "or [\"class name\", ...]",
                         path, detail.text, detail.line);
    ecam_status st =
        mapping_create(json_is_object(json) ? json_object_size(json) : json_array_size(json),
                       arena, out, error);
    if (st == ECAM_OK && !json_is_object(json) && !json_is_array(json))
        st = ecam_fail(error, ECAM_EINVAL, "label mapping %s is neither an object nor a list",
                       path);
    if (st == ECAM_OK)
        st = from_json(path, json, arena, *out, error);
    json_decref(json);
    return st;
}

static size_t count_commas(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == ',';
    return n;
}

static ecam_status from_text(const ecam_node *node, ecam_arena *arena, ecam_mapping **out,
                             ecam_error *error)
{
    char *text = ecam_arena_text(arena, node->bytes, node->size);
    if (!text)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a label mapping");

    size_t length = strlen(text);
    bool is_file = length > 5 && strcmp(text + length - 5, ".json") == 0;
    if (is_file || !strchr(text, '='))
        return from_file(text, arena, out, error);
    ecam_status st = mapping_create(count_commas(text), arena, out, error);
    return st == ECAM_OK ? from_inline(text, arena, *out, error) : st;
}

ecam_status ecam_mapping_load(const ecam_node *node, ecam_arena *arena,
                              const ecam_mapping **out, ecam_error *error)
{
    ecam_mapping *mapping = NULL;
    ecam_status st;

    *out = NULL;
    if (node->kind == ECAM_NODE_TEXT) {
        st = from_text(node, arena, &mapping, error);
    } else if (node->kind == ECAM_NODE_MAP || node->kind == ECAM_NODE_LIST) {
        st = mapping_create(node->size, arena, &mapping, error);
        if (st == ECAM_OK)
            st = node->kind == ECAM_NODE_MAP ? from_map(node, arena, mapping, error)
                                             : from_list(node, arena, mapping, error);
    } else {
        st = ecam_fail(error, ECAM_EINVAL,
                       "the label mapping is %s; expected class names with integers",
                       ecam_node_kind_name(node));
    }
    if (st == ECAM_OK)
        *out = mapping;
    return st;
}

const char *ecam_mapping_name(const ecam_mapping *mapping, int64_t value)
{
    for (size_t i = 0; mapping && i < mapping->n; i++)
        if (mapping->entries[i].value == value)
            return mapping->entries[i].name;
    return NULL;
}

ecam_status ecam_label_check(const ecam_field *field, uint64_t n, ecam_error *error)
{
    const ecam_tensor *t = &field->tensor;

    if (!field->is_tensor && field->n_items != n)
        return ecam_fail(error, ECAM_ESHAPE, "\"%s\" has %zu entries, the images are %llu",
                         field->key, field->n_items, (unsigned long long)n);
    if (!field->is_tensor)
        return ECAM_OK;
    bool single = t->ndim == 0 && n == 1;
    if (!single && (t->ndim < 1 || t->ndim > 2 || t->shape[0] != n))
        return ecam_fail(error, ECAM_ESHAPE,
                         "\"%s\" is not of shape (%llu,) or (%llu, classes) as the images need it",
                         field->key, (unsigned long long)n, (unsigned long long)n);
    return ECAM_OK;
}

static void set_number(double value, ecam_label *out)
{
    if (value == floor(value) && fabs(value) < 9e15) {
        out->kind = ECAM_LABEL_INT;
        out->integer = (int64_t)value;
    } else {
        out->kind = ECAM_LABEL_REAL;
        out->real = value;
    }
}

static bool is_integer_type(ecam_dtype dtype)
{
    return dtype < ECAM_F16;
}

/* 64-bit integers would lose digits as doubles; those that an int64 can't hold
 * have to. */
static void read_integer(const ecam_tensor *t, size_t i, ecam_label *out)
{
    double value = ecam_tensor_at(t, i);

    out->kind = ECAM_LABEL_INT;
    if (t->dtype != ECAM_I64 && t->dtype != ECAM_U64) {
        out->integer = (int64_t)value;
        return;
    }
    memcpy(&out->integer, (const char *)t->data + 8 * i, 8);
    if (t->dtype == ECAM_U64 && out->integer < 0)
        set_number(value, out);
}

static void read_tensor(const ecam_tensor *t, uint64_t i, ecam_label *out)
{
    size_t classes = t->ndim == 2 ? t->shape[1] : 1;

    if (classes == 1 && is_integer_type(t->dtype)) {
        read_integer(t, i, out);
        return;
    }
    if (classes == 1) {
        set_number(ecam_tensor_at(t, i), out);
        return;
    }
    double best = NAN;
    out->kind = ECAM_LABEL_INT;
    out->integer = 0;
    for (size_t c = 0; c < classes; c++) {
        double value = ecam_tensor_at(t, i * classes + c);
        if (value > best || (isnan(best) && !isnan(value))) {
            best = value;
            out->integer = (int64_t)c;
        }
    }
}

static void read_node(const ecam_node *node, ecam_label *out)
{
    double number;

    if (node->kind == ECAM_NODE_TEXT) {
        out->kind = ECAM_LABEL_TEXT;
        ecam_text_clean(out->text, sizeof out->text, node->bytes, node->size);
    } else if (ecam_node_int(node, &out->integer)) {
        out->kind = ECAM_LABEL_INT;
    } else if (node->kind == ECAM_NODE_BOOL) {
        out->kind = ECAM_LABEL_INT;
        out->integer = node->boolean;
    } else if (ecam_node_number(node, &number)) {
        set_number(number, out);
    }
}

void ecam_label_read(const ecam_field *field, uint64_t i, ecam_label *out)
{
    out->kind = ECAM_LABEL_NONE;
    if (field->is_tensor)
        read_tensor(&field->tensor, i, out);
    else
        read_node(&field->items[i], out);
}

const char *ecam_label_text(const ecam_label *label, const ecam_mapping *mapping, char *buffer,
                            bool *unmapped)
{
    const char *name = NULL;

    if (label->kind == ECAM_LABEL_INT)
        name = ecam_mapping_name(mapping, label->integer);
    if (unmapped)
        *unmapped = mapping && !name &&
                    (label->kind == ECAM_LABEL_INT || label->kind == ECAM_LABEL_REAL);
    switch (label->kind) {
    case ECAM_LABEL_NONE: return NULL;
    case ECAM_LABEL_TEXT: return label->text;
    case ECAM_LABEL_REAL: snprintf(buffer, ECAM_LABEL_BYTES, "%.6g", label->real); return buffer;
    case ECAM_LABEL_INT: break;
    }
    if (name)
        return name;
    snprintf(buffer, ECAM_LABEL_BYTES, "%" PRId64, label->integer);
    return buffer;
}

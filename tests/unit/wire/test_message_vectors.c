/* The test vectors of trainers' messages: what each means, or why it is
 * refused. */
#include "support/check.h"
#include "vectors.h"

static bool same_number(const json_t *expected, double found)
{
    if (json_is_string(expected)) {
        const char *word = json_string_value(expected);
        return strcmp(word, "nan") == 0   ? isnan(found)
               : strcmp(word, "inf") == 0 ? found == INFINITY
                                          : found == -INFINITY;
    }
    double number = json_number_value(expected);
    return number == found && signbit(number) == signbit(found);
}

static void check_tensor(const vector *v, const json_t *expect, const ecam_field *field)
{
    static const char *const layouts[] = {"auto", "NCHW", "NHWC", "NLC"};
    const ecam_tensor *t = &field->tensor;
    const json_t *shape = json_object_get(expect, "shape");
    const json_t *values = json_object_get(expect, "values");
    const json_t *grid = json_object_get(expect, "grid");
    const char *layout = json_string_value(json_object_get(expect, "layout"));
    size_t count = 1;

    vector_check(v, field->key, field->is_tensor);
    vector_check(v, "type",
                 strcmp(ecam_dtype_name(t->dtype),
                        json_string_value(json_object_get(expect, "type"))) == 0);
    vector_check(v, "shape", t->ndim == json_array_size(shape));
    for (unsigned i = 0; i < t->ndim; i++) {
        vector_check(v, "shape",
                     t->shape[i] == (uint64_t)json_integer_value(json_array_get(shape, i)));
        count *= t->shape[i];
    }
    vector_check(v, "layout", strcmp(layouts[t->layout], layout ? layout : "auto") == 0);
    for (unsigned i = 0; i < 2; i++)
        vector_check(v, "grid",
                     t->grid[i] == (grid ? json_integer_value(json_array_get(grid, i)) : 0));
    vector_check(v, "values", count == json_array_size(values));
    for (size_t i = 0; i < count; i++)
        vector_check(v, "values", same_number(json_array_get(values, i), ecam_tensor_at(t, i)));
}

/* A node and the JSON value that says the same. */
static bool same_value(const json_t *expected, const ecam_node *node)
{
    double real;
    int64_t integer;

    switch (json_typeof(expected)) {
    case JSON_INTEGER:
        return ecam_node_int(node, &integer) && integer == json_integer_value(expected);
    case JSON_REAL:
        return node->kind == ECAM_NODE_FLOAT && ecam_node_number(node, &real) &&
               real == json_real_value(expected);
    case JSON_STRING: return ecam_node_is_text(node, json_string_value(expected));
    case JSON_TRUE: return node->kind == ECAM_NODE_BOOL && node->boolean;
    case JSON_FALSE: return node->kind == ECAM_NODE_BOOL && !node->boolean;
    default: return false;
    }
}

static bool same_map(const json_t *expected, const ecam_node *map)
{
    const char *key;
    json_t *value;

    if (map->kind != ECAM_NODE_MAP || map->size < json_object_size(expected))
        return false;
    json_object_foreach((json_t *)expected, key, value)
    {
        const ecam_node *node = ecam_node_get(map, key);
        if (!node || !same_value(value, node))
            return false;
    }
    return true;
}

static void check_field(const vector *v, const json_t *expect, const ecam_message *m, size_t i)
{
    const ecam_field *field = &m->fields[i];
    const json_t *tensor = json_object_get(expect, "tensor");
    const json_t *items = json_object_get(expect, "items");
    const char *key = json_string_value(json_object_get(expect, "key"));

    vector_check(v, key, strcmp(field->key, key) == 0 && ecam_message_field(m, key) == field);
    if (tensor) {
        check_tensor(v, tensor, field);
        return;
    }
    vector_check(v, key, !field->is_tensor && field->n_items == json_array_size(items));
    for (size_t j = 0; j < field->n_items; j++)
        vector_check(v, key, same_value(json_array_get(items, j), &field->items[j]));
}

static bool same_count(const json_t *expected, uint64_t found)
{
    return json_is_integer(expected) && (uint64_t)json_integer_value(expected) == found;
}

static void check_tables(const vector *v, const ecam_message *m)
{
    const json_t *sent = json_object_get(v->expect, "sent");
    const json_t *last_seq = json_object_get(v->expect, "last_seq");

    vector_check(v, "sent", m->has_sent == (sent != NULL) && m->n_sent == json_object_size(sent));
    for (size_t i = 0; i < m->n_sent; i++) {
        const json_t *pair = json_object_get(sent, m->sent[i].ds_id);
        vector_check(v, "sent", same_count(json_array_get(pair, 0), m->sent[i].batches));
        vector_check(v, "sent", same_count(json_array_get(pair, 1), m->sent[i].samples));
    }
    vector_check(v, "last_seq", m->n_last_seq == json_object_size(last_seq));
    for (size_t i = 0; i < m->n_last_seq; i++)
        vector_check(v, "last_seq", same_count(json_object_get(last_seq, m->last_seq[i].topic),
                                               m->last_seq[i].seq));
}

static void check_hello(const vector *v, const ecam_message *m)
{
    const json_t *mapping = json_object_get(v->expect, "label_mapping");
    const json_t *traces = json_object_get(v->expect, "traces");

    vector_check(v, "label_mapping", (mapping != NULL) == (m->label_mapping != NULL));
    if (mapping)
        vector_check(v, "label_mapping", same_map(mapping, m->label_mapping));
    vector_check(v, "traces", (traces != NULL) == (m->traces != NULL));
    if (traces)
        vector_check(v, "traces", m->traces->size == json_array_size(traces));
    for (size_t i = 0; traces && i < m->traces->size; i++)
        vector_check(v, "traces", same_map(json_array_get(traces, i), &m->traces->items[i]));
}

static void check_meaning(const vector *v, const ecam_message *m)
{
    static const char *const types[] = {"hello", "batch", "epoch_end", "bye"};
    const json_t *fields = json_object_get(v->expect, "fields");

    vector_check_text(v, "type", types[m->type]);
    vector_check_text(v, "topic", m->topic);
    vector_check_text(v, "run", m->run);
    vector_check_uint(v, "rank", m->rank);
    vector_check_uint(v, "world", m->world);
    vector_check_uint(v, "session", m->session);
    vector_check_uint(v, "seq", m->seq);
    vector_check_uint(v, "time_ns", m->time_ns);
    vector_check_uint(v, "epoch", m->epoch);
    if (json_object_get(v->expect, "mode"))
        vector_check_text(v, "mode", ecam_mode_name(m->mode));
    vector_check_text(v, "ds_id", m->ds_id);
    vector_check_uint(v, "step", m->step);
    vector_check(v, "fields", m->n_fields == json_array_size(fields));
    for (size_t i = 0; i < m->n_fields; i++)
        check_field(v, json_array_get(fields, i), m, i);
    check_hello(v, m);
    check_tables(v, m);
    vector_check(v, "bad_key", m->bad_key == NULL);
}

static void check_all(bool good)
{
    json_t *list = vectors_load("messages.json"), *entry;
    ecam_arena arena;
    size_t i, checked = 0;

    ecam_arena_init(&arena, (size_t)1 << 20);
    json_array_foreach(list, i, entry)
    {
        vector v;
        ecam_message message;
        ecam_error error = {0};
        vector_init(&v, entry);
        ecam_status st = ecam_message_decode(v.frames, v.n_frames, &arena, &message, &error);
        if (v.good && good && st != ECAM_OK)
            vector_failed(&v, message.bad_key ? message.bad_key : "message", error.text);
        if (v.good && good)
            check_meaning(&v, &message);
        if (!v.good && !good)
            vector_check_refused(&v, st, message.bad_key, error.text);
        checked += v.good == good;
        ecam_arena_reset(&arena);
        vector_finish(&v);
    }
    assert_true(checked > 30);
    ecam_arena_finish(&arena);
    json_decref(list);
}

static void good_vectors_mean_what_they_say(void **state)
{
    (void)state;
    check_all(true);
}

static void bad_vectors_are_refused_with_their_reason(void **state)
{
    (void)state;
    check_all(false);
}

/* Whatever limit the memory has, a message is decoded or refused with a reason,
 * and decoded once the limit is wide enough. */
static void short_memory_is_a_refusal(void **state)
{
    json_t *list = vectors_load("messages.json"), *entry;
    size_t i;

    (void)state;
    json_array_foreach(list, i, entry)
    {
        vector v;
        vector_init(&v, entry);
        ecam_status st = ECAM_ELIMIT;
        for (size_t limit = 16; v.good && st != ECAM_OK; limit += 16) {
            ecam_arena arena;
            ecam_message message;
            ecam_error error = {0};
            ecam_arena_init(&arena, limit);
            st = ecam_message_decode(v.frames, v.n_frames, &arena, &message, &error);
            if (st != ECAM_OK && st != ECAM_ELIMIT)
                vector_failed(&v, "memory", error.text);
            assert_true(st == ECAM_OK || error.status == st);
            assert_true(limit < 65536);
            ecam_arena_finish(&arena);
        }
        vector_finish(&v);
    }
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_vectors_mean_what_they_say),
        cmocka_unit_test(bad_vectors_are_refused_with_their_reason),
        cmocka_unit_test(short_memory_is_a_refusal),
    };
    return cmocka_run_group_tests_name("message vectors", tests, NULL, NULL);
}

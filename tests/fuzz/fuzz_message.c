/* ecam_message_decode on any frames: what it accepts keeps the protocol's
 * promises, every byte that it points to is there, and the same frames decode
 * the same again. */
#include "fuzz_target.h"

#include "frames.h"

#define MEMORY_BYTES ((size_t)1 << 22)

static volatile double last_read;

static void read_text(const char *text, size_t max_bytes)
{
    FUZZ_CHECK(text && strlen(text) <= max_bytes);
}

static void read_node(const ecam_node *node)
{
    if (node->kind == ECAM_NODE_TEXT) {
        for (size_t i = 0; i < node->size; i++)
            last_read = node->bytes[i];
    } else if (node->kind == ECAM_NODE_LIST || node->kind == ECAM_NODE_MAP) {
        size_t n = node->kind == ECAM_NODE_MAP ? 2 * node->size : node->size;
        for (size_t i = 0; i < n; i++)
            read_node(&node->items[i]);
    } else {
        double number;
        if (ecam_node_number(node, &number))
            last_read = number;
    }
}

static void read_tensor(const ecam_tensor *t)
{
    FUZZ_CHECK(ecam_tensor_check(t, NULL) == ECAM_OK);
    size_t n = t->size_bytes / ecam_dtype_size(t->dtype);
    for (size_t i = 0; i < n; i++)
        last_read = ecam_tensor_at(t, i);
    FUZZ_CHECK(t->layout != ECAM_LAYOUT_NLC || t->ndim == 3);
    FUZZ_CHECK((t->grid[0] == 0) == (t->grid[1] == 0));
    FUZZ_CHECK(t->grid[0] == 0 || (uint64_t)t->grid[0] * t->grid[1] <= t->shape[1]);
}

static void read_message(const ecam_message *m)
{
    FUZZ_CHECK(*m->run != '\0' && m->rank <= INT32_MAX && m->world >= 1);
    FUZZ_CHECK(m->type == ECAM_MESSAGE_HELLO || m->type == ECAM_MESSAGE_BYE || m->rank < m->world);
    FUZZ_CHECK(m->bad_key == NULL && m->mode < ECAM_MODE_COUNT);
    read_text(m->topic, 3 * 512);
    read_text(m->run, 128);
    read_text(m->ds_id, 128);
    for (size_t i = 0; i < m->n_fields; i++) {
        const ecam_field *field = &m->fields[i];
        FUZZ_CHECK(ecam_message_field(m, field->key) == field);
        if (field->is_tensor)
            read_tensor(&field->tensor);
        for (size_t j = 0; j < field->n_items; j++) {
            FUZZ_CHECK(field->items[j].kind >= ECAM_NODE_BOOL &&
                       field->items[j].kind <= ECAM_NODE_TEXT);
            read_node(&field->items[j]);
        }
    }
    for (size_t i = 0; i < m->n_sent; i++)
        read_text(m->sent[i].ds_id, 128);
    for (size_t i = 0; i < m->n_last_seq; i++)
        read_text(m->last_seq[i].topic, 3 * 512);
    if (m->label_mapping)
        read_node(m->label_mapping);
    if (m->traces)
        read_node(m->traces);
}

static void read_failure(const ecam_message *m, ecam_status st, const ecam_error *error)
{
    FUZZ_CHECK(error->status == st && error->text[0] != '\0');
    FUZZ_CHECK(strlen(error->text) < sizeof error->text);
    read_text(m->run, 128);
    if (m->bad_key)
        read_text(m->bad_key, 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ecam_frame frames[FUZZ_MAX_FRAMES];
    size_t n = fuzz_frames_split(data, size, frames);
    ecam_error error = {0};
    ecam_message message;
    ecam_arena arena;

    ecam_arena_init(&arena, MEMORY_BYTES);
    ecam_status st = ecam_message_decode(frames, n, &arena, &message, &error);
    FUZZ_CHECK(st != ECAM_ENOMEM);
    if (st == ECAM_OK)
        read_message(&message);
    else
        read_failure(&message, st, &error);
    ecam_arena_reset(&arena);
    FUZZ_CHECK(ecam_message_decode(frames, n, &arena, &message, NULL) == st);
    ecam_arena_finish(&arena);
    fuzz_frames_free(frames, n);
    return 0;
}

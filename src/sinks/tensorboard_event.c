#include "sinks/tensorboard_event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <events.pb-c.h>

#include "sinks/crc32c.h"

#define MARK_PLUGIN "eigencam"
#define MARK_ITEMS 3      /* series, stage, attempt */
#define NUMBER_BYTES 11   /* 2^32 - 1, terminated */
#define WRITE_BYTES 16384 /* small pieces are put together to so many */

/* A value and all that it is made of. */
typedef struct value {
    Tensorboard__Summary__Value value;
    Tensorboard__SummaryMetadata metadata;
    Tensorboard__SummaryMetadata__PluginData plugin;
    Tensorboard__TensorProto tensor;
    Tensorboard__TensorShapeProto shape;
    Tensorboard__TensorShapeProto__Dim dim;
    Tensorboard__TensorShapeProto__Dim *dims[1];
    float number;
    ProtobufCBinaryData *items;
    char *tag, *description, *text;
} value;

struct ecam_event {
    Tensorboard__Event event;
    Tensorboard__Summary summary;
    Tensorboard__Summary__Value **values;
    size_t capacity;
};

ecam_event *ecam_event_create(double wall_time, int64_t step)
{
    ecam_event *event = calloc(1, sizeof *event);

    if (!event)
        return NULL;
    tensorboard__event__init(&event->event);
    tensorboard__summary__init(&event->summary);
    event->event.wall_time = wall_time;
    event->event.step = step;
    event->event.summary = &event->summary;
    return event;
}

static void destroy_value(value *v)
{
    if (!v)
        return;
    free(v->items);
    free(v->tag);
    free(v->description);
    free(v->text);
    free(v);
}

void ecam_event_destroy(ecam_event **handle)
{
    ecam_event *event = *handle;

    *handle = NULL;
    if (!event)
        return;
    for (size_t i = 0; i < event->summary.n_value; i++)
        destroy_value((value *)(void *)event->values[i]); /* its first member */
    free(event->values);
    free(event);
}

static bool make_room(ecam_event *event)
{
    size_t capacity = event->capacity > 0 ? 2 * event->capacity : 16;

    if (event->summary.n_value < event->capacity)
        return true;
    Tensorboard__Summary__Value **values = realloc(event->values, capacity * sizeof *values);
    if (!values)
        return false;
    event->values = event->summary.value = values;
    event->capacity = capacity;
    return true;
}

static void init_value(value *v)
{
    tensorboard__summary__value__init(&v->value);
    tensorboard__summary_metadata__init(&v->metadata);
    tensorboard__summary_metadata__plugin_data__init(&v->plugin);
    tensorboard__tensor_proto__init(&v->tensor);
    tensorboard__tensor_shape_proto__init(&v->shape);
    tensorboard__tensor_shape_proto__dim__init(&v->dim);
    v->dims[0] = &v->dim;
    v->value.metadata = &v->metadata;
    v->value.tensor = &v->tensor;
    v->metadata.plugin_data = &v->plugin;
    v->tensor.tensor_shape = &v->shape;
}

/* A value that belongs to the event, with room for n items; NULL where memory
 * is short. */
static value *add_value(ecam_event *event, const char *tag, const char *plugin, size_t n)
{
    value *v = make_room(event) ? calloc(1, sizeof *v) : NULL;

    if (!v)
        return NULL;
    init_value(v);
    v->tag = strdup(tag);
    v->items = calloc(n > 0 ? n : 1, sizeof *v->items);
    if (!v->tag || !v->items) {
        destroy_value(v);
        return NULL;
    }
    v->value.tag = v->tag;
    v->plugin.plugin_name = (char *)(uintptr_t)plugin; /* static storage; only read */
    v->tensor.dtype = TENSORBOARD__DATA_TYPE__DT_STRING;
    v->tensor.n_string_val = n;
    v->tensor.string_val = v->items;
    event->values[event->summary.n_value++] = &v->value;
    return v;
}

static void make_vector(value *v, size_t n)
{
    v->dim.size = (int64_t)n;
    v->shape.n_dim = 1;
    v->shape.dim = v->dims;
}

static void set_item(value *v, size_t i, const void *data, size_t size)
{
    v->items[i].data = (uint8_t *)(uintptr_t)data; /* only read */
    v->items[i].len = size;
}

ecam_status ecam_event_add_scalar(ecam_event *event, const char *tag, double number)
{
    value *v = add_value(event, tag, "scalars", 0);

    if (!v)
        return ECAM_ENOMEM;
    v->number = (float)number;
    v->metadata.data_class = TENSORBOARD__DATA_CLASS__DATA_CLASS_SCALAR;
    v->tensor.dtype = TENSORBOARD__DATA_TYPE__DT_FLOAT;
    v->tensor.n_float_val = 1;
    v->tensor.float_val = &v->number;
    return ECAM_OK;
}

ecam_status ecam_event_add_text(ecam_event *event, const char *tag, const char *text)
{
    value *v = add_value(event, tag, "text", 1);

    if (v)
        v->text = strdup(text);
    if (!v || !v->text)
        return ECAM_ENOMEM;
    v->metadata.data_class = TENSORBOARD__DATA_CLASS__DATA_CLASS_TENSOR;
    set_item(v, 0, v->text, strlen(v->text));
    return ECAM_OK;
}

/* As tf.summary.image has it: width and height in decimal, then the pictures. */
ecam_status ecam_event_add_images(ecam_event *event, const char *tag, const char *description,
                                  const ecam_event_images *images)
{
    value *v = add_value(event, tag, "images", images->n + 2);

    if (v) {
        v->description = strdup(description);
        v->text = malloc(2 * NUMBER_BYTES);
    }
    if (!v || !v->description || !v->text)
        return ECAM_ENOMEM;
    v->metadata.data_class = TENSORBOARD__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE;
    v->metadata.summary_description = v->description;
    char *height = v->text + NUMBER_BYTES;
    set_item(v, 0, v->text, (size_t)snprintf(v->text, NUMBER_BYTES, "%" PRIu32, images->width));
    set_item(v, 1, height, (size_t)snprintf(height, NUMBER_BYTES, "%" PRIu32, images->height));
    for (size_t i = 0; i < images->n; i++)
        set_item(v, 2 + i, images->items[i].data, images->items[i].size);
    make_vector(v, images->n + 2);
    return ECAM_OK;
}

/* --- Marks --- */

ecam_status ecam_event_add_mark(ecam_event *event, const ecam_event_mark *mark)
{
    char tag[sizeof mark->series + 8];
    value *v;

    snprintf(tag, sizeof tag, "%s/epoch", mark->series);
    v = add_value(event, tag, MARK_PLUGIN, MARK_ITEMS);
    if (v)
        v->text = malloc(sizeof mark->series + 40);
    if (!v || !v->text)
        return ECAM_ENOMEM;

    char *stage = v->text + sizeof mark->series, *attempt = stage + 17;
    snprintf(v->text, sizeof mark->series, "%s", mark->series);
    snprintf(stage, 17, "%016" PRIx64, mark->stage);
    snprintf(attempt, NUMBER_BYTES, "%" PRIu32, mark->attempt);
    set_item(v, 0, v->text, strlen(v->text));
    set_item(v, 1, stage, 16);
    set_item(v, 2, attempt, strlen(attempt));
    make_vector(v, MARK_ITEMS);
    return ECAM_OK;
}

static bool read_number(const ProtobufCBinaryData *item, int base, uint64_t max, uint64_t *out)
{
    char digits[24], *end;

    if (item->len == 0 || item->len >= sizeof digits)
        return false;
    memcpy(digits, item->data, item->len);
    digits[item->len] = '\0';
    errno = 0;
    *out = strtoull(digits, &end, base);
    return errno == 0 && *end == '\0' && *out <= max;
}

static bool read_items(const Tensorboard__TensorProto *tensor, ecam_event_mark *mark)
{
    const ProtobufCBinaryData *items = tensor->string_val;
    uint64_t attempt;

    if (tensor->n_string_val != MARK_ITEMS || items[0].len >= sizeof mark->series ||
        !read_number(&items[1], 16, UINT64_MAX, &mark->stage) ||
        !read_number(&items[2], 10, UINT32_MAX, &attempt))
        return false;
    memset(mark->series, 0, sizeof mark->series);
    if (items[0].len > 0)
        memcpy(mark->series, items[0].data, items[0].len);
    mark->attempt = (uint32_t)attempt;
    return true;
}

bool ecam_event_read_mark(const void *bytes, size_t size, ecam_event_mark *mark)
{
    Tensorboard__Event *event = tensorboard__event__unpack(NULL, size, bytes);
    bool found = false;

    if (event && event->summary && event->summary->n_value == 1 && event->step >= 0) {
        const Tensorboard__Summary__Value *v = event->summary->value[0];
        mark->epoch = (uint64_t)event->step;
        found = v->tensor && v->metadata && v->metadata->plugin_data &&
                strcmp(v->metadata->plugin_data->plugin_name, MARK_PLUGIN) == 0 &&
                read_items(v->tensor, mark);
    }
    if (event)
        tensorboard__event__free_unpacked(event, NULL);
    return found;
}

/* --- Records --- */

uint32_t ecam_record_masked(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static void put_le32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> (8 * i));
}

bool ecam_record_size(const uint8_t head[ECAM_RECORD_HEAD_BYTES], uint64_t *size)
{
    uint8_t crc[4];

    *size = 0;
    for (int i = 0; i < 8; i++)
        *size |= (uint64_t)head[i] << (8 * i);
    put_le32(crc, ecam_record_masked(ecam_crc32c(0, head, 8)));
    return memcmp(crc, head + 8, 4) == 0;
}

/* Takes what protobuf-c packs, piece by piece, so that an event with all of an
 * epoch's pictures is never in memory a second time. */
typedef struct record {
    ProtobufCBuffer base;
    int fd;
    bool failed;
    uint32_t crc;
    size_t held;
    uint8_t bytes[WRITE_BYTES];
} record;

static void write_all(record *r, const uint8_t *at, size_t size)
{
    while (size > 0 && !r->failed) {
        ssize_t n = write(r->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r->failed = true;
            break;
        }
        at += n;
        size -= (size_t)n;
    }
}

static void put_bytes(record *r, const void *bytes, size_t size)
{
    if (size > sizeof r->bytes - r->held) {
        write_all(r, r->bytes, r->held);
        r->held = 0;
    }
    if (size > sizeof r->bytes) {
        write_all(r, bytes, size);
        return;
    }
    memcpy(r->bytes + r->held, bytes, size);
    r->held += size;
}

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    record *r = (record *)(void *)buffer; /* base is its first member */

    if (size == 0)
        return;
    r->crc = ecam_crc32c(r->crc, bytes, size);
    put_bytes(r, bytes, size);
}

static ecam_status write_event(const Tensorboard__Event *event, int fd)
{
    record r = {.base.append = append, .fd = fd};
    uint64_t size = tensorboard__event__get_packed_size(event);
    uint8_t head[ECAM_RECORD_HEAD_BYTES], foot[ECAM_RECORD_FOOT_BYTES];

    for (int i = 0; i < 8; i++)
        head[i] = (uint8_t)(size >> (8 * i));
    put_le32(head + 8, ecam_record_masked(ecam_crc32c(0, head, 8)));
    put_bytes(&r, head, sizeof head);
    tensorboard__event__pack_to_buffer(event, &r.base);
    put_le32(foot, ecam_record_masked(r.crc));
    put_bytes(&r, foot, sizeof foot);
    write_all(&r, r.bytes, r.held);
    return r.failed ? ECAM_EIO : ECAM_OK;
}

ecam_status ecam_event_write(const ecam_event *event, int fd)
{
    return write_event(&event->event, fd);
}

ecam_status ecam_event_write_version(double wall_time, int fd)
{
    static char version[] = "brain.Event:2", writer[] = "eigencam";
    Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
    Tensorboard__SourceMetadata source = TENSORBOARD__SOURCE_METADATA__INIT;

    source.writer = writer;
    event.wall_time = wall_time;
    event.file_version = version;
    event.source_metadata = &source;
    return write_event(&event, fd);
}

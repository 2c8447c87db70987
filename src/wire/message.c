#include "wire/message.h"

#include <string.h>

#include "base/text.h"
#include "wire/header.h"
#include "wire/message_batch.h"
#include "wire/topic.h"

#define MAX_DATA_SETS 1024
#define MAX_TOPICS 1024
#define MAX_TOPIC_BYTES 512

static const char *const types[] = {
    [ECAM_MESSAGE_HELLO] = "hello",
    [ECAM_MESSAGE_BATCH] = "batch",
    [ECAM_MESSAGE_EPOCH_END] = "epoch_end",
    [ECAM_MESSAGE_BYE] = "bye",
};
#define N_TYPES 4

/* What can be said of the sender whatever else is wrong; failures here are
 * found again by read_common. */
static void read_identity(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    const ecam_node *run = ecam_reader_find(header, "run");
    uint64_t rank;

    if (run && run->kind == ECAM_NODE_TEXT &&
        ecam_text_is_name(run->bytes, run->size, ECAM_MAX_NAME_BYTES, ecam_name_run.banned))
        out->run = ecam_reader_name(r, header, "run", &ecam_name_run);
    if (ecam_node_uint(ecam_reader_find(header, "rank"), ECAM_MAX_RANK, &rank)) {
        out->has_rank = true;
        out->rank = (uint32_t)rank;
    }
    out->has_session = ecam_node_uint(ecam_reader_find(header, "session"), UINT64_MAX,
                                      &out->session);
    out->has_seq = ecam_node_uint(ecam_reader_find(header, "seq"), ECAM_MAX_COUNT, &out->seq);
}

/* A hello or bye is of no mode, so its world may be left open. */
static void read_world(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    bool of_mode = out->type == ECAM_MESSAGE_BATCH || out->type == ECAM_MESSAGE_EPOCH_END;

    out->world = (uint32_t)ecam_reader_uint_or(r, header, "world", 1, ECAM_MAX_WORLD, 1);
    if (out->rank >= out->world && (of_mode || ecam_reader_find(header, "world")))
        ecam_reader_fail(r, "rank", ECAM_EINVAL,
                         "key \"rank\" is %u; expected less than the \"world\" of %u",
                         out->rank, out->world);
}

static void read_common(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    ecam_header_check_version(r, header);
    out->type = (ecam_message_type)ecam_reader_word(r, header, "type", types, N_TYPES);
    if (*out->run == '\0')
        out->run = ecam_reader_name(r, header, "run", &ecam_name_run);
    ecam_reader_uint_or(r, header, "rank", 0, ECAM_MAX_RANK, 0);
    read_world(r, header, out);
    ecam_reader_uint_or(r, header, "session", 0, UINT64_MAX, 0);
    ecam_reader_uint_or(r, header, "seq", 0, ECAM_MAX_COUNT, 0);
    out->time_ns = ecam_reader_uint_or(r, header, "time_ns", 0, UINT64_MAX, 0);
}

static void read_epoch(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    out->epoch = ecam_reader_uint(r, header, "epoch", 0, ECAM_MAX_COUNT);
    out->mode = (ecam_mode)ecam_reader_word(r, header, "mode", ecam_mode_names, ECAM_MODE_COUNT);
}

static void read_batch(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                       size_t n_frames, ecam_message *out)
{
    read_epoch(r, header, out);
    if (ecam_reader_find(header, "ds_id"))
        out->ds_id = ecam_reader_name(r, header, "ds_id", &ecam_name_ds_id);
    out->step = ecam_reader_uint(r, header, "step", 0, ECAM_MAX_COUNT);

    const ecam_topic_part parts[] = {{"type", types[out->type]},
                                     {"mode", ecam_mode_name(out->mode)},
                                     {"ds_id", out->ds_id},
                                     {"run", out->run}};
    ecam_topic_check(r, &frames[0], parts, 4);
    ecam_message_fields(r, header, frames, n_frames, out);
}

static void read_label_mapping(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    const ecam_node *mapping = ecam_reader_map(r, header, "label_mapping");
    int64_t value;

    for (size_t i = 0; mapping && i < mapping->size; i++) {
        if (mapping->items[2 * i].kind != ECAM_NODE_TEXT ||
            !ecam_node_int(&mapping->items[2 * i + 1], &value)) {
            ecam_reader_fail(r, "label_mapping", ECAM_ETYPE,
                             "key \"label_mapping\": entry %zu goes from %s to %s; expected a "
                             "class name to an integer",
                             i, ecam_node_kind_name(&mapping->items[2 * i]),
                             ecam_node_kind_name(&mapping->items[2 * i + 1]));
            return;
        }
    }
    out->label_mapping = mapping;
}

static void read_traces(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    const ecam_node *traces = ecam_reader_list(r, header, "traces");

    for (size_t i = 0; traces && i < traces->size; i++) {
        if (traces->items[i].kind != ECAM_NODE_MAP) {
            ecam_reader_fail(r, "traces", ECAM_ETYPE,
                             "key \"traces\": entry %zu is %s; expected a map", i,
                             ecam_node_kind_name(&traces->items[i]));
            return;
        }
    }
    out->traces = traces;
}

static void read_hello(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                       ecam_message *out)
{
    const ecam_topic_part parts[] = {{"type", types[out->type]}, {"run", out->run}};

    ecam_topic_check(r, &frames[0], parts, 2);
    if (ecam_reader_find(header, "label_mapping"))
        read_label_mapping(r, header, out);
    if (ecam_reader_find(header, "traces"))
        read_traces(r, header, out);
}

/* A map of at most `max` entries, and memory for as many of `size` bytes; NULL
 * after a failure. */
static void *read_table(ecam_reader *r, const ecam_node *header, const char *key, size_t max,
                        size_t size, const ecam_node **map)
{
    *map = ecam_reader_map(r, header, key);
    if (*map && (*map)->size > max)
        ecam_reader_fail(r, key, ECAM_ELIMIT,
                         "key \"%s\" has %zu entries; at most %zu are accepted", key,
                         (*map)->size, max);
    return *map ? ecam_reader_alloc(r, (*map)->size, size) : NULL;
}

static void read_sent(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    const ecam_node *map;
    ecam_sent *sent = read_table(r, header, "sent", MAX_DATA_SETS, sizeof *sent, &map);

    for (size_t i = 0; sent && i < map->size && r->status == ECAM_OK; i++) {
        const ecam_node *pair = &map->items[2 * i + 1];
        sent[i].ds_id = ecam_reader_name_in(r, &map->items[2 * i], "sent", &ecam_name_ds_id);
        if (pair->kind != ECAM_NODE_LIST || pair->size != 2 ||
            !ecam_node_uint(&pair->items[0], ECAM_MAX_COUNT, &sent[i].batches) ||
            !ecam_node_uint(&pair->items[1], ECAM_MAX_COUNT, &sent[i].samples))
            ecam_reader_fail(r, "sent", ECAM_ETYPE,
                             "key \"sent\": data set \"%s\" has no [batches, samples]; expected "
                             "two counts", sent[i].ds_id);
        bool repeated = false;
        for (size_t j = 0; j < out->n_sent && !repeated; j++)
            repeated = strcmp(sent[j].ds_id, sent[i].ds_id) == 0;
        if (!repeated)
            sent[out->n_sent++] = sent[i];
    }
    out->has_sent = sent != NULL;
    out->sent = sent;
}

static void read_last_seq(ecam_reader *r, const ecam_node *header, ecam_message *out)
{
    const ecam_node *map;
    ecam_last_seq *last = read_table(r, header, "last_seq", MAX_TOPICS, sizeof *last, &map);

    for (size_t i = 0; last && i < map->size && r->status == ECAM_OK; i++) {
        const ecam_node *topic = &map->items[2 * i];
        if (topic->kind != ECAM_NODE_TEXT || topic->size > MAX_TOPIC_BYTES)
            ecam_reader_fail(r, "last_seq", ECAM_ETYPE,
                             "key \"last_seq\": entry %zu has no topic; expected a string of at "
                             "most %d bytes", i, MAX_TOPIC_BYTES);
        else if (!ecam_node_uint(&map->items[2 * i + 1], ECAM_MAX_COUNT, &last[i].seq))
            ecam_reader_fail(r, "last_seq", ECAM_ETYPE,
                             "key \"last_seq\": entry %zu has %s for its \"seq\"; expected a count",
                             i, ecam_node_kind_name(&map->items[2 * i + 1]));
        else
            last[i].topic = ecam_reader_text_of(r, topic, "last_seq");
    }
    out->last_seq = last;
    out->n_last_seq = last ? map->size : 0;
}

static void read_epoch_end(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                           ecam_message *out)
{
    read_epoch(r, header, out);
    const ecam_topic_part parts[] = {
        {"type", types[out->type]}, {"mode", ecam_mode_name(out->mode)}, {"run", out->run}};
    ecam_topic_check(r, &frames[0], parts, 3);
    if (ecam_reader_find(header, "sent"))
        read_sent(r, header, out);
    if (ecam_reader_find(header, "last_seq"))
        read_last_seq(r, header, out);
}

static void read_bye(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                     ecam_message *out)
{
    const ecam_topic_part parts[] = {{"type", types[out->type]}, {"run", out->run}};

    ecam_topic_check(r, &frames[0], parts, 2);
    if (ecam_reader_find(header, "last_seq"))
        read_last_seq(r, header, out);
}

static void read_header(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                        size_t n_frames, ecam_message *out)
{
    read_identity(r, header, out);
    read_common(r, header, out);
    if (r->status != ECAM_OK)
        return;
    switch (out->type) {
    case ECAM_MESSAGE_HELLO: read_hello(r, header, frames, out); break;
    case ECAM_MESSAGE_BATCH: read_batch(r, header, frames, n_frames, out); break;
    case ECAM_MESSAGE_EPOCH_END: read_epoch_end(r, header, frames, out); break;
    case ECAM_MESSAGE_BYE: read_bye(r, header, frames, out); break;
    }
}

static void read_topic(ecam_reader *r, const ecam_frame *frame, ecam_message *out)
{
    char *topic;

    if (frame->size > MAX_TOPIC_BYTES) {
        ecam_reader_fail(r, "topic", ECAM_ELIMIT,
                         "the topic has %zu bytes; at most %d are accepted",
                         frame->size, MAX_TOPIC_BYTES);
        return;
    }
    size_t capacity = 3 * frame->size + 1;
    topic = ecam_reader_alloc(r, capacity, 1);
    if (topic)
        out->topic = ecam_text_clean(topic, capacity, frame->data, frame->size);
}

static ecam_status decode(ecam_reader r, const ecam_frame *frames, size_t n_frames, ecam_message *out)
{
    *out = (ecam_message){.topic = "", .run = "", .ds_id = "", .world = 1};
    if (n_frames > 0)
        read_topic(&r, &frames[0], out);
    const ecam_node *header = ecam_header_open(&r, frames, n_frames);
    if (header)
        read_header(&r, header, frames, n_frames, out);
    out->bad_key = r.bad_key;
    return r.status;
}

ecam_status ecam_message_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                                ecam_message *out, ecam_error *error)
{
    return decode((ecam_reader){.arena = arena, .error = error}, frames, n_frames, out);
}

ecam_status ecam_message_decode_shared(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                                       ecam_message *out, ecam_error *error)
{
    return decode((ecam_reader){.arena = arena, .error = error, .shared = true}, frames, n_frames, out);
}

#include <string.h>

#include "wire/header.h"
#include "wire/result_parts.h"

#define MAX_SIDE ((uint64_t)1 << 24)

static uint32_t read_u32(ecam_reader *r, const ecam_node *header, const char *key)
{
    return (uint32_t)ecam_reader_uint(r, header, key, 0, UINT32_MAX);
}

/* A text for display, or NULL where there is none. */
static const char *read_text(ecam_reader *r, const ecam_node *header, const char *key)
{
    const ecam_node *node = ecam_reader_find(header, key);
    return node ? ecam_reader_text_of(r, node, key) : NULL;
}

static void read_sample(ecam_reader *r, const ecam_node *header, ecam_result_sample *out)
{
    out->number = read_u32(r, header, "sample");
    out->ds_id = ecam_reader_name(r, header, "ds_id", &ecam_name_ds_id);
    out->rank = (uint32_t)ecam_reader_uint(r, header, "rank", 0, ECAM_MAX_RANK);
    out->step = ecam_reader_uint(r, header, "step", 0, ECAM_MAX_COUNT);
    out->index = read_u32(r, header, "index");
    out->label = read_text(r, header, "label");
    out->pred = read_text(r, header, "pred");
}

static void read_style(ecam_reader *r, const ecam_node *header, ecam_result_style *out)
{
    if (!ecam_reader_find(header, "colormap"))
        return;
    out->colormap = ecam_reader_name(r, header, "colormap", &ecam_name_plain);
    out->add = !ecam_reader_find(header, "weight");
    if (!out->add)
        out->weight = ecam_reader_number(r, header, "weight");
    if (!(out->weight >= 0 && out->weight <= 1))
        ecam_reader_fail(r, "weight", ECAM_EINVAL, "key \"weight\" is %g; expected 0 to 1", out->weight);
    out->per_image = ecam_reader_word(r, header, "normalize", ecam_result_scopes, 2) == 1;
    if (ecam_reader_find(header, "image_float"))
        out->image_float = ecam_reader_bool(r, header, "image_float");
}

static void read_component(ecam_reader *r, const ecam_node *header, ecam_result *out)
{
    ecam_result_component *component = &out->component;

    component->number = read_u32(r, header, "component");
    component->components = read_u32(r, header, "components");
    component->explained = ecam_reader_number(r, header, "explained");
    component->singular = ecam_reader_number(r, header, "singular");
    component->divisor = ecam_reader_number(r, header, "divisor");
    read_style(r, header, &component->style);
    if (out->type == ECAM_RESULT_MAP) {
        component->lo = ecam_reader_number(r, header, "lo");
        component->hi = ecam_reader_number(r, header, "hi");
    }
    if (component->number >= component->components)
        ecam_reader_fail(r, "component", ECAM_EINVAL,
                         "key \"component\" is %u; expected less than the \"components\" of %u",
                         component->number, component->components);
}

static void read_page(ecam_reader *r, const ecam_node *header, ecam_result_page *out)
{
    out->number = read_u32(r, header, "page");
    out->pages = read_u32(r, header, "pages");
    out->rows = read_u32(r, header, "rows");
    if (out->number >= out->pages)
        ecam_reader_fail(r, "page", ECAM_EINVAL,
                         "key \"page\" is %u; expected less than the \"pages\" of %u",
                         out->number, out->pages);
}

static void read_picture(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                         size_t n_frames, ecam_result_picture *out)
{
    static const char *const encodings[] = {"png"};
    static const char signature[8] = {'\x89', 'P', 'N', 'G', '\r', '\n', '\x1a', '\n'};

    out->width = (uint32_t)ecam_reader_uint(r, header, "width", 1, MAX_SIDE);
    out->height = (uint32_t)ecam_reader_uint(r, header, "height", 1, MAX_SIDE);
    ecam_reader_word(r, header, "encoding", encodings, 1);
    ecam_reader_uint(r, header, "frame", 2, 2);
    if (n_frames != 3) {
        ecam_reader_fail(r, "frame", ECAM_EFORMAT,
                         "the message has %zu frames; expected 3, the last of them the picture",
                         n_frames);
        return;
    }
    if (frames[2].size < sizeof signature ||
        memcmp(frames[2].data, signature, sizeof signature) != 0)
        ecam_reader_fail(r, "frame", ECAM_EFORMAT,
                         "frame 2 of %zu bytes does not begin as a PNG does", frames[2].size);
    out->png = frames[2].data;
    out->png_bytes = frames[2].size;
}

static const char *const *read_texts(ecam_reader *r, const ecam_node *header, const char *key,
                                     uint32_t n)
{
    const ecam_node *list = ecam_reader_find(header, key) ? ecam_reader_list(r, header, key) : NULL;

    if (list && list->size != n)
        ecam_reader_fail(r, key, ECAM_ESHAPE,
                         "key \"%s\" has %zu entries; expected one for each of %u samples",
                         key, list->size, n);
    const char **texts = list ? ecam_reader_alloc(r, list->size, sizeof *texts) : NULL;
    for (size_t i = 0; texts && i < list->size && r->status == ECAM_OK; i++) {
        const ecam_node *item = &list->items[i];
        if (item->kind == ECAM_NODE_TEXT)
            texts[i] = ecam_reader_text_of(r, item, key);
        else if (item->kind != ECAM_NODE_NIL)
            ecam_reader_fail(r, key, ECAM_ETYPE,
                             "key \"%s\": entry %zu is %s; expected a string or nil",
                             key, i, ecam_node_kind_name(item));
    }
    return texts;
}

static void read_missing(ecam_reader *r, const ecam_node *header, ecam_result_summary *out)
{
    const ecam_node *list = ecam_reader_list(r, header, "missing_ranks");
    uint32_t *ranks = list ? ecam_reader_alloc(r, list->size, sizeof *ranks) : NULL;
    uint64_t rank = 0;

    for (size_t i = 0; ranks && i < list->size; i++) {
        if (!ecam_node_uint(&list->items[i], ECAM_MAX_RANK, &rank))
            ecam_reader_fail(r, "missing_ranks", ECAM_ETYPE,
                             "key \"missing_ranks\": entry %zu is %s that is no rank; expected 0 "
                             "to 2^31 - 1", i, ecam_node_kind_name(&list->items[i]));
        ranks[i] = (uint32_t)rank;
    }
    out->missing_ranks = ranks;
    out->n_missing = ranks ? (uint32_t)list->size : 0;
}

static void read_summary(ecam_reader *r, const ecam_node *header, ecam_result_summary *out)
{
    const ecam_node *published = ecam_reader_map(r, header, "published");

    out->samples = read_u32(r, header, "samples");
    out->components = read_u32(r, header, "components");
    out->complete = ecam_reader_bool(r, header, "complete");
    read_missing(r, header, out);
    out->world = (uint32_t)ecam_reader_uint_or(r, header, "world", 0, ECAM_MAX_WORLD, 0);
    out->lost = ecam_reader_uint(r, header, "lost", 0, UINT64_MAX);
    out->rejected = ecam_reader_uint(r, header, "rejected", 0, UINT64_MAX);
    out->late = ecam_reader_uint_or(r, header, "late", 0, UINT64_MAX, 0);
    for (int i = 0; i < 4; i++)
        out->published[i] = ecam_reader_uint_or(r, published, ecam_result_names[i], 0, UINT64_MAX,
                                                0);
    out->labels = read_texts(r, header, "labels", out->samples);
    out->preds = read_texts(r, header, "preds", out->samples);
    out->latency_ns = ecam_reader_uint(r, header, "latency_ns", 0, UINT64_MAX);
    out->has_account = ecam_reader_find(header, "account") != NULL;
    if (out->has_account)
        ecam_result_read_account(r, header, "account", &out->account);
}

static void read_error(ecam_reader *r, const ecam_node *header, ecam_result_error *out)
{
    out->code = ecam_reader_name(r, header, "code", &ecam_name_plain);
    const ecam_node *message = ecam_reader_need(r, header, "message", "a string");
    out->message = message ? ecam_reader_text_of(r, message, "message") : "";
    out->has_rank = ecam_reader_find(header, "rank") != NULL;
    out->rank = (uint32_t)ecam_reader_uint_or(r, header, "rank", 0, ECAM_MAX_RANK, 0);
    out->has_session = ecam_reader_find(header, "session") != NULL;
    out->session = ecam_reader_uint_or(r, header, "session", 0, UINT64_MAX, 0);
    out->has_seq = ecam_reader_find(header, "of_seq") != NULL;
    out->of_seq = ecam_reader_uint_or(r, header, "of_seq", 0, UINT64_MAX, 0);
    out->key = read_text(r, header, "key");
}

static void read_common(ecam_reader *r, const ecam_node *header, ecam_result *out)
{
    ecam_header_check_version(r, header);
    out->type = (ecam_result_type)ecam_reader_word(r, header, "type", ecam_result_names,
                                                   ECAM_RESULT_TYPE_COUNT);
    out->stage = ecam_reader_uint(r, header, "stage", 0, UINT64_MAX);
    out->seq = ecam_reader_uint(r, header, "seq", 0, ECAM_MAX_COUNT);
    out->time_ns = ecam_reader_uint(r, header, "time_ns", 0, UINT64_MAX);
    if (out->type == ECAM_RESULT_ERROR && ecam_reader_find(header, "run"))
        out->run = ecam_reader_name(r, header, "run", &ecam_name_run);
    if (r->status != ECAM_OK || !ecam_result_of_epoch(out->type))
        return;
    out->run = ecam_reader_name(r, header, "run", &ecam_name_run);
    out->output = ecam_reader_name(r, header, "output", &ecam_name_run);
    out->epoch = ecam_reader_uint(r, header, "epoch", 0, ECAM_MAX_COUNT);
    out->attempt = (uint32_t)ecam_reader_uint(r, header, "attempt", 1, UINT32_MAX);
    out->mode = ecam_mode_name(
        (ecam_mode)ecam_reader_word(r, header, "mode", ecam_mode_names, ECAM_MODE_COUNT));
}

static void read_result(ecam_reader *r, const ecam_node *header, const ecam_frame *frames,
                        size_t n_frames, ecam_result *out)
{
    ecam_topic_part parts[ECAM_RESULT_TOPIC_PARTS];

    read_common(r, header, out);
    if (r->status == ECAM_OK)
        ecam_topic_check(r, &frames[0], parts, ecam_result_topic_parts(out, parts));
    if (r->status != ECAM_OK)
        return;
    switch (out->type) {
    case ECAM_RESULT_OVERLAY:
    case ECAM_RESULT_MAP:
        read_sample(r, header, &out->sample);
        read_component(r, header, out);
        break;
    case ECAM_RESULT_IMAGE: read_sample(r, header, &out->sample); break;
    case ECAM_RESULT_SHEET: read_page(r, header, &out->page); break;
    case ECAM_RESULT_EPOCH: read_summary(r, header, &out->summary); break;
    case ECAM_RESULT_ERROR: read_error(r, header, &out->error); break;
    case ECAM_RESULT_STATS: ecam_result_read_stats(r, header, &out->stats); break;
    }
    if (ecam_result_has_picture(out->type))
        read_picture(r, header, frames, n_frames, &out->picture);
}

ecam_status ecam_result_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                               ecam_result *out, ecam_error *error)
{
    ecam_reader r = {.arena = arena, .error = error};

    *out = (ecam_result){.run = "", .output = "", .mode = ""};
    const ecam_node *header = ecam_header_open(&r, frames, n_frames);
    if (header)
        read_result(&r, header, frames, n_frames, out);
    return r.status;
}

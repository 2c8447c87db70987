#include "wire/result.h"

#include "wire/header.h"
#include "wire/pack.h"
#include "wire/result_parts.h"

const char *const ecam_result_names[ECAM_RESULT_TYPE_COUNT] = {
    [ECAM_RESULT_OVERLAY] = "overlay", [ECAM_RESULT_MAP] = "map",     [ECAM_RESULT_IMAGE] = "image",
    [ECAM_RESULT_SHEET] = "sheet",     [ECAM_RESULT_EPOCH] = "epoch", [ECAM_RESULT_ERROR] = "error",
    [ECAM_RESULT_STATS] = "stats",
};

const char *const ecam_result_scopes[2] = {"epoch", "image"};

const char *ecam_result_type_name(ecam_result_type type)
{
    return ecam_result_names[type];
}

size_t ecam_result_topic_parts(const ecam_result *result,
                               ecam_topic_part parts[ECAM_RESULT_TOPIC_PARTS])
{
    parts[0] = (ecam_topic_part){"type", ecam_result_names[result->type]};
    parts[1] = (ecam_topic_part){"run", result->run};
    parts[2] = (ecam_topic_part){"output", result->output};
    parts[3] = (ecam_topic_part){"mode", result->mode};
    if (ecam_result_of_epoch(result->type))
        return 4;
    return result->type == ECAM_RESULT_ERROR ? 2 : 1;
}

ecam_status ecam_result_topic(const ecam_result *result, ecam_buffer *topic)
{
    ecam_topic_part parts[ECAM_RESULT_TOPIC_PARTS];
    size_t n = ecam_result_topic_parts(result, parts);
    return ecam_topic_write(parts, n, topic);
}

static void pack_sample(ecam_packer *p, const ecam_result_sample *sample)
{
    ecam_pack_uint_entry(p, "sample", sample->number);
    ecam_pack_text_entry(p, "ds_id", sample->ds_id ? sample->ds_id : "");
    ecam_pack_uint_entry(p, "rank", sample->rank);
    ecam_pack_uint_entry(p, "step", sample->step);
    ecam_pack_uint_entry(p, "index", sample->index);
    ecam_pack_text_entry(p, "label", sample->label);
    ecam_pack_text_entry(p, "pred", sample->pred);
}

/* Nothing of it where the colours are not known. */
static void pack_style(ecam_packer *p, const ecam_result_style *style)
{
    if (!style->colormap)
        return;
    ecam_pack_text_entry(p, "colormap", style->colormap);
    if (!style->add)
        ecam_pack_double_entry(p, "weight", style->weight);
    ecam_pack_text_entry(p, "normalize", ecam_result_scopes[style->per_image]);
    if (style->image_float) {
        ecam_pack_key(p, "image_float");
        ecam_pack_bool(p, true);
    }
}

static void pack_component(ecam_packer *p, const ecam_result *result)
{
    const ecam_result_component *component = &result->component;

    ecam_pack_uint_entry(p, "component", component->number);
    ecam_pack_uint_entry(p, "components", component->components);
    ecam_pack_double_entry(p, "explained", component->explained);
    ecam_pack_double_entry(p, "singular", component->singular);
    if (result->type == ECAM_RESULT_MAP) {
        ecam_pack_double_entry(p, "lo", component->lo);
        ecam_pack_double_entry(p, "hi", component->hi);
    }
    ecam_pack_double_entry(p, "divisor", component->divisor);
    pack_style(p, &component->style);
}

static void pack_page(ecam_packer *p, const ecam_result_page *page)
{
    ecam_pack_uint_entry(p, "page", page->number);
    ecam_pack_uint_entry(p, "pages", page->pages);
    ecam_pack_uint_entry(p, "rows", page->rows);
}

static void pack_picture(ecam_packer *p, const ecam_result_picture *picture)
{
    ecam_pack_uint_entry(p, "width", picture->width);
    ecam_pack_uint_entry(p, "height", picture->height);
    ecam_pack_text_entry(p, "encoding", "png");
    ecam_pack_uint_entry(p, "frame", 2);
}

static void pack_texts(ecam_packer *p, const char *key, const char *const *texts, uint32_t n)
{
    if (!texts)
        return;
    ecam_pack_key(p, key);
    ecam_pack_list(p, n);
    for (uint32_t i = 0; i < n; i++)
        ecam_pack_text(p, texts[i]);
}

static void pack_summary(ecam_packer *p, const ecam_result_summary *summary)
{
    ecam_pack_uint_entry(p, "samples", summary->samples);
    ecam_pack_uint_entry(p, "components", summary->components);
    ecam_pack_key(p, "complete");
    ecam_pack_bool(p, summary->complete);
    ecam_pack_key(p, "missing_ranks");
    ecam_pack_list(p, summary->n_missing);
    for (uint32_t i = 0; i < summary->n_missing; i++)
        ecam_pack_uint(p, summary->missing_ranks[i]);
    if (summary->world > 0)
        ecam_pack_uint_entry(p, "world", summary->world);
    ecam_pack_uint_entry(p, "lost", summary->lost);
    ecam_pack_uint_entry(p, "rejected", summary->rejected);
    ecam_pack_uint_entry(p, "late", summary->late);
    ecam_pack_key(p, "published");
    ecam_pack_map(p, 4);
    for (int i = 0; i < 4; i++) {
        ecam_pack_text(p, ecam_result_names[i]);
        ecam_pack_uint(p, summary->published[i]);
    }
    pack_texts(p, "labels", summary->labels, summary->samples);
    pack_texts(p, "preds", summary->preds, summary->samples);
    ecam_pack_uint_entry(p, "latency_ns", summary->latency_ns);
    if (summary->has_account) {
        ecam_pack_key(p, "account");
        ecam_result_pack_account(p, &summary->account);
    }
}

static void pack_error(ecam_packer *p, const ecam_result *result)
{
    const ecam_result_error *error = &result->error;

    ecam_pack_text_entry(p, "code", error->code);
    ecam_pack_text_entry(p, "message", error->message);
    if (*result->run)
        ecam_pack_text_entry(p, "run", result->run);
    if (error->has_rank)
        ecam_pack_uint_entry(p, "rank", error->rank);
    if (error->has_session)
        ecam_pack_uint_entry(p, "session", error->session);
    if (error->has_seq)
        ecam_pack_uint_entry(p, "of_seq", error->of_seq);
    if (error->key)
        ecam_pack_text_entry(p, "key", error->key);
}

static void pack_common(ecam_packer *p, const ecam_result *result)
{
    ecam_pack_uint_entry(p, "v", ECAM_PROTOCOL_VERSION);
    ecam_pack_text_entry(p, "type", ecam_result_names[result->type]);
    ecam_pack_uint_entry(p, "stage", result->stage);
    ecam_pack_uint_entry(p, "seq", result->seq);
    ecam_pack_uint_entry(p, "time_ns", result->time_ns);
    if (!ecam_result_of_epoch(result->type))
        return;
    ecam_pack_text_entry(p, "run", result->run);
    ecam_pack_text_entry(p, "output", result->output);
    ecam_pack_uint_entry(p, "epoch", result->epoch);
    ecam_pack_uint_entry(p, "attempt", result->attempt);
    ecam_pack_text_entry(p, "mode", result->mode);
}

ecam_status ecam_result_header(const ecam_result *result, ecam_buffer *header)
{
    ecam_packer p;

    ecam_pack_begin(&p, header);
    pack_common(&p, result);
    switch (result->type) {
    case ECAM_RESULT_OVERLAY:
    case ECAM_RESULT_MAP:
        pack_sample(&p, &result->sample);
        pack_component(&p, result);
        break;
    case ECAM_RESULT_IMAGE: pack_sample(&p, &result->sample); break;
    case ECAM_RESULT_SHEET: pack_page(&p, &result->page); break;
    case ECAM_RESULT_EPOCH: pack_summary(&p, &result->summary); break;
    case ECAM_RESULT_ERROR: pack_error(&p, result); break;
    case ECAM_RESULT_STATS: ecam_result_pack_stats(&p, &result->stats); break;
    }
    if (ecam_result_has_picture(result->type))
        pack_picture(&p, &result->picture);
    return ecam_pack_end(&p);
}

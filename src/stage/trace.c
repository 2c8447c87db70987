#include "stage/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/text.h"

void ecam_trace_init(ecam_trace *trace)
{
    *trace = (ecam_trace){
        .images = "images",
        .activations = "activations",
        .labels = "labels",
        .preds = "preds",
        .outputs = "eigencam",
        .project = {.n_components = 3, .sign = ECAM_SIGN_PEAK},
        .n_samples = 5,
        .mode = {.negative = true, .n_names = 1, .names = {"train"}},
        .normalize = ECAM_NORMALIZE_EPOCH,
        .style = {.colormap = ECAM_COLORMAP_JET, .add = true},
        .publish = ECAM_PUBLISH_OVERLAY | ECAM_PUBLISH_MAP | ECAM_PUBLISH_IMAGE | ECAM_PUBLISH_SHEET,
        .sheet_rows = 64,
    };
}

ecam_status ecam_option_count(const char *text, uint64_t min, uint64_t max, uint64_t *out,
                              ecam_error *error)
{
    char *end;

    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < min || value > max)
        return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not a whole number from %llu to %llu", text,
                         (unsigned long long)min, (unsigned long long)max);
    *out = value;
    return ECAM_OK;
}

ecam_status ecam_option_real(const char *text, double min, double max, double *out,
                             ecam_error *error)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= min && value <= max))
        return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not a number from %g to %g", text, min, max);
    *out = value;
    return ECAM_OK;
}

/* ---- one parser for each option: from the value's text into the trace ---- */

typedef ecam_status parser(ecam_trace *trace, const char *text, ecam_error *error);

static ecam_status parse_name(const char *text, const char *banned, char *out, ecam_error *error)
{
    if (!ecam_text_is_name(text, strlen(text), ECAM_NAME_BYTES - 1, banned))
        return ecam_fail(error, ECAM_EINVAL,
                         "\"%s\" is no name; expected 1 to %d bytes of UTF-8 without control "
                         "characters%s",
                         text, ECAM_NAME_BYTES - 1, *banned ? " and without |" : "");
    strcpy(out, text);
    return ECAM_OK;
}

static ecam_status parse_images(ecam_trace *t, const char *text, ecam_error *error)
{
    return parse_name(text, "", t->images, error);
}

static ecam_status parse_activations(ecam_trace *t, const char *text, ecam_error *error)
{
    return parse_name(text, "", t->activations, error);
}

static ecam_status parse_labels(ecam_trace *t, const char *text, ecam_error *error)
{
    t->labels_asked = true;
    return parse_name(text, "", t->labels, error);
}

static ecam_status parse_preds(ecam_trace *t, const char *text, ecam_error *error)
{
    t->preds_asked = true;
    return parse_name(text, "", t->preds, error);
}

static ecam_status parse_outputs(ecam_trace *t, const char *text, ecam_error *error)
{
    return parse_name(text, "|", t->outputs, error);
}

static ecam_status parse_n_components(ecam_trace *t, const char *text, ecam_error *error)
{
    uint64_t count = 0;
    double share = 0;

    if (ecam_option_count(text, 1, ECAM_MAX_COMPONENTS, &count, NULL) == ECAM_OK) {
        t->project.n_components = (unsigned)count;
        t->project.variance = 0;
        return ECAM_OK;
    }
    if (ecam_option_real(text, 0, 1, &share, NULL) == ECAM_OK && share > 0 && share < 1) {
        t->project.n_components = 0;
        t->project.variance = share;
        return ECAM_OK;
    }
    return ecam_fail(error, ECAM_EINVAL,
                     "\"%s\" is not accepted; expected a number of components from 1 to %d, or a "
                     "share of the variance between 0 and 1, for example 0.9",
                     text, ECAM_MAX_COMPONENTS);
}

static ecam_status parse_n_samples(ecam_trace *t, const char *text, ecam_error *error)
{
    if (strcmp(text, "all") == 0 || strcasecmp(text, "none") == 0) {
        t->n_samples = 0;
        return ECAM_OK;
    }
    ecam_status st = ecam_option_count(text, 1, 1000000000, &t->n_samples, error);
    if (st != ECAM_OK)
        ecam_fail(error, st, "\"%s\" is not accepted; expected a number of samples from 1, or all",
                  text);
    return st;
}

static ecam_status parse_mode(ecam_trace *t, const char *text, ecam_error *error)
{
    return ecam_filter_parse_modes(text, &t->mode, error);
}

static ecam_status parse_ds_id(ecam_trace *t, const char *text, ecam_error *error)
{
    return ecam_filter_parse_ds_ids(text, &t->ds_id, error);
}

/* The place of a word in a list that ends with NULL. */
static ecam_status parse_word(const char *text, const char *const *words, unsigned *out,
                              ecam_error *error)
{
    char accepted[128] = "";

    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return ECAM_OK;
        }
        size_t used = strlen(accepted);
        snprintf(accepted + used, sizeof accepted - used, "%s%s", i ? ", " : "", words[i]);
    }
    return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not accepted; expected one of %s", text, accepted);
}

static ecam_status parse_layout(const char *text, ecam_layout *out, ecam_error *error)
{
    static const char *const words[] = {"auto", "NCHW", "NHWC", NULL};
    static const ecam_layout layouts[] = {ECAM_LAYOUT_AUTO, ECAM_LAYOUT_NCHW, ECAM_LAYOUT_NHWC};
    unsigned i = 0;
    ecam_status st = parse_word(text, words, &i, error);
    if (st == ECAM_OK)
        *out = layouts[i];
    return st;
}

static ecam_status parse_image_layout(ecam_trace *t, const char *text, ecam_error *error)
{
    return parse_layout(text, &t->image_layout, error);
}

static ecam_status parse_activation_layout(ecam_trace *t, const char *text, ecam_error *error)
{
    return parse_layout(text, &t->activation_layout, error);
}

static ecam_status parse_normalize(ecam_trace *t, const char *text, ecam_error *error)
{
    static const char *const words[] = {"epoch", "image", NULL};
    unsigned i = 0;
    ecam_status st = parse_word(text, words, &i, error);
    if (st == ECAM_OK)
        t->normalize = i == 0 ? ECAM_NORMALIZE_EPOCH : ECAM_NORMALIZE_IMAGE;
    return st;
}

static ecam_status parse_blend(ecam_trace *t, const char *text, ecam_error *error)
{
    double weight = 0;

    t->style.add = strcmp(text, "add") == 0;
    if (!t->style.add && ecam_option_real(text, 0, 1, &weight, NULL) != ECAM_OK)
        return ecam_fail(error, ECAM_EINVAL,
                         "\"%s\" is not accepted; expected add, or the heat's weight from 0 to 1",
                         text);
    t->style.weight = (float)weight;
    return ECAM_OK;
}

static ecam_status parse_sign(ecam_trace *t, const char *text, ecam_error *error)
{
    static const char *const words[] = {"peak", "none", NULL};
    unsigned i = 0;
    ecam_status st = parse_word(text, words, &i, error);
    if (st == ECAM_OK)
        t->project.sign = i == 0 ? ECAM_SIGN_PEAK : ECAM_SIGN_NONE;
    return st;
}

static ecam_status parse_colormap(ecam_trace *t, const char *text, ecam_error *error)
{
    if (ecam_colormap_parse(text, &t->style.colormap) == ECAM_OK)
        return ECAM_OK;
    return ecam_fail(error, ECAM_EINVAL,
                     "\"%s\" is no colour map; accepted are jet, turbo, viridis, inferno, gray", text);
}

static ecam_status parse_publish(ecam_trace *t, const char *text, ecam_error *error)
{
    static const char *const words[] = {"overlay", "map", "image", "sheet"};
    unsigned publish = 0;

    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        unsigned i = 0;
        while (i < 4 && !(strlen(words[i]) == length && strncmp(at, words[i], length) == 0))
            i++;
        if (i == 4)
            return ecam_fail(error, ECAM_EINVAL,
                             "\"%s\" is not accepted; expected a comma list of overlay, map, image, "
                             "sheet",
                             text);
        publish |= 1u << i;
        at += length;
        if (*at == '\0')
            break;
    }
    t->publish = publish;
    return ECAM_OK;
}

static ecam_status parse_sheet_rows(ecam_trace *t, const char *text, ecam_error *error)
{
    uint64_t rows = 0;
    ecam_status st = ecam_option_count(text, 1, 64, &rows, error);
    if (st == ECAM_OK)
        t->sheet_rows = (unsigned)rows;
    return st;
}

static const ecam_trace_option options[] = {
    {"images", "KEY", "images", "the batch's key of the input images"},
    {"activations", "KEY", "activations", "the batch's key of the layer's activations"},
    {"labels", "KEY", "labels", "the batch's key of the labels, where a batch has it"},
    {"preds", "KEY", "preds", "the batch's key of the predictions, where a batch has it"},
    {"n-components", "K|0.F", "3", "components to show, or the share of the variance to reach"},
    {"n-samples", "N|all", "5", "samples of an epoch to show"},
    {"label-mapping", "FILE.json|NAME=VALUE,...", NULL, "class names (default: what hello brings)"},
    {"outputs", "NAME", "eigencam", "the name of the results"},
    {"mode", "MODES", "!train", "train, eval, test, infer; !train leaves out; all"},
    {"ds-id", "IDS", "all", "data sets to take (a,b) or to leave out (!a,!b)"},
    {"image-layout", "LAYOUT", "auto", "auto, NCHW or NHWC"},
    {"activation-layout", "LAYOUT", "auto", "auto (as the images), NCHW or NHWC"},
    {"normalize", "epoch|image", "epoch", "what an overlay's maximum is taken over"},
    {"blend", "add|WEIGHT", "add", "image + heat, or the heat's weight from 0 to 1"},
    {"sign", "peak|none", "peak", "turn each component so that its peak is positive"},
    {"colormap", "NAME", "jet", "jet, turbo, viridis, inferno or gray"},
    {"publish", "LIST", "overlay,map,image,sheet", "which pictures to publish"},
    {"sheet-rows", "N", "64", "samples on a page of the sheet, at most 64"},
};
static parser *const parsers[] = {
    parse_images,       parse_activations,       parse_labels,    parse_preds, parse_n_components,
    parse_n_samples,    NULL /* a mapping */,    parse_outputs,   parse_mode,  parse_ds_id,
    parse_image_layout, parse_activation_layout, parse_normalize, parse_blend, parse_sign,
    parse_colormap,     parse_publish,           parse_sheet_rows,
};
#define N_OPTIONS (sizeof options / sizeof *options)
_Static_assert(sizeof parsers / sizeof *parsers == N_OPTIONS, "an option without a parser");

const ecam_trace_option *ecam_trace_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

bool ecam_option_named(const char *option, const char *name, size_t name_bytes)
{
    if (strlen(option) != name_bytes)
        return false;
    for (size_t i = 0; i < name_bytes; i++)
        if (option[i] != name[i] && !(option[i] == '-' && name[i] == '_'))
            return false;
    return true;
}

static ecam_status print_scalar(const ecam_node *value, ecam_buffer *out)
{
    char text[64] = "none";

    switch (value->kind) {
    case ECAM_NODE_TEXT: return ecam_buffer_append(out, value->bytes, value->size);
    case ECAM_NODE_INT: snprintf(text, sizeof text, "%lld", (long long)value->integer); break;
    case ECAM_NODE_UINT: snprintf(text, sizeof text, "%llu", (unsigned long long)value->natural); break;
    case ECAM_NODE_FLOAT: snprintf(text, sizeof text, "%.17g", value->real); break;
    case ECAM_NODE_BOOL: strcpy(text, value->boolean ? "true" : "false"); break;
    default: break;
    }
    return ecam_buffer_append(out, text, strlen(text));
}

ecam_status ecam_option_text(const ecam_node *value, ecam_arena *arena, const char **out,
                             ecam_error *error)
{
    bool is_list = value->kind == ECAM_NODE_LIST;
    const ecam_node *items = is_list ? value->items : value;
    size_t n = is_list ? value->size : 1;
    ecam_buffer text = {0};
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < n; i++) {
        const ecam_node *item = &items[i];
        if (item->kind == ECAM_NODE_LIST || item->kind == ECAM_NODE_MAP)
            st = ecam_fail(error, ECAM_EINVAL, "the value is %s; expected a number, a word or a list of words",
                           ecam_node_kind_name(item));
        if (item->kind == ECAM_NODE_TEXT && item->size != 0 && memchr(item->bytes, '\0', item->size))
            st = ecam_fail(error, ECAM_EINVAL, "the value has a zero byte; expected text without one");
        if (st == ECAM_OK && i > 0)
            st = ecam_buffer_append(&text, ",", 1);
        if (st == ECAM_OK)
            st = print_scalar(item, &text);
    }
    *out = st == ECAM_OK ? ecam_arena_text(arena, (const char *)text.data, text.size) : NULL;
    if (st == ECAM_OK && !*out)
        st = ecam_fail(error, ECAM_ENOMEM, "no memory for an option");
    ecam_buffer_finish(&text);
    return st;
}

static ecam_status set_mapping(ecam_trace *trace, const ecam_node *value, ecam_arena *arena,
                               ecam_error *error)
{
    if (value->kind == ECAM_NODE_NIL) {
        trace->label_mapping = NULL;
        return ECAM_OK;
    }
    return ecam_mapping_load(value, arena, &trace->label_mapping, error);
}

ecam_status ecam_trace_set(ecam_trace *trace, const char *name, size_t name_bytes,
                           const ecam_node *value, ecam_arena *arena, ecam_error *error)
{
    size_t i = 0;
    const char *text;
    ecam_status st;

    while (i < N_OPTIONS && !ecam_option_named(options[i].name, name, name_bytes))
        i++;
    if (i == N_OPTIONS)
        return ecam_fail(error, ECAM_EMISSING, "%.*s: no such option", (int)(name_bytes < 64 ? name_bytes : 64),
                         name);
    if (!parsers[i]) {
        st = set_mapping(trace, value, arena, error);
    } else {
        st = ecam_option_text(value, arena, &text, error);
        if (st == ECAM_OK)
            st = parsers[i](trace, text, error);
    }
    if (st != ECAM_OK)
        ecam_error_prefix(error, "%.*s: ", (int)name_bytes, name);
    return st;
}

ecam_status ecam_traces_create(const ecam_trace *base, size_t n, ecam_traces **out)
{
    *out = NULL;
    if (n > ECAM_MAX_TRACES)
        return ECAM_ELIMIT;
    ecam_traces *set = calloc(1, sizeof *set);
    if (!set)
        return ECAM_ENOMEM;
    ecam_arena_init(&set->arena, 0);
    set->references = 1;
    set->n = n;
    set->traces = ecam_arena_alloc(&set->arena, n, sizeof *set->traces);
    if (!set->traces) {
        ecam_traces_unref(&set);
        return ECAM_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        set->traces[i] = *base;
    *out = set;
    return ECAM_OK;
}

ecam_traces *ecam_traces_ref(ecam_traces *set)
{
    set->references++;
    return set;
}

void ecam_traces_unref(ecam_traces **set)
{
    if (*set && --(*set)->references == 0) {
        ecam_arena_finish(&(*set)->arena);
        free(*set);
    }
    *set = NULL;
}

/* Point at the line of a configuration file, where there is one. */
static ecam_status at_line(const ecam_node *node, ecam_status st, ecam_error *error)
{
    if (st != ECAM_OK && node->line != 0)
        ecam_error_prefix(error, "line %u: ", node->line);
    return st;
}

static ecam_status unknown_key(const ecam_node *key, ecam_error *error)
{
    char accepted[384] = "";

    for (size_t i = 0; i < N_OPTIONS; i++) {
        size_t used = strlen(accepted);
        snprintf(accepted + used, sizeof accepted - used, "%s%s", i ? ", " : "", options[i].name);
    }
    for (char *at = accepted; *at; at++)
        *at = *at == '-' ? '_' : *at;
    return ecam_fail(error, ECAM_EINVAL, "unknown key \"%.*s\" in a trace; accepted are %s",
                     (int)(key->size < 64 ? key->size : 64), key->bytes, accepted);
}

/* A trainer may send the mapping itself, but not have the stage open a file. */
static ecam_status refuse_file(const ecam_node *key, ecam_error *error)
{
    if (ecam_option_named("label-mapping", key->bytes, key->size) && key[1].kind == ECAM_NODE_TEXT)
        return ecam_fail(error, ECAM_EINVAL, "label_mapping: a string; expected a map of class "
                                             "names and integers, or a list of class names");
    return ECAM_OK;
}

static ecam_status apply_map(ecam_trace *trace, const ecam_node *map, ecam_arena *arena,
                             bool from_wire, ecam_error *error)
{
    if (map->kind != ECAM_NODE_MAP)
        return at_line(map, ecam_fail(error, ECAM_EINVAL, "a trace is %s; expected a map of options",
                                      ecam_node_kind_name(map)), error);
    for (size_t i = 0; i < map->size; i++) {
        const ecam_node *key = &map->items[2 * i];
        if (key->kind != ECAM_NODE_TEXT)
            return at_line(key, ecam_fail(error, ECAM_EINVAL, "a key of a trace is %s; expected a string",
                                          ecam_node_kind_name(key)), error);
        ecam_status st = from_wire ? refuse_file(key, error) : ECAM_OK;
        if (st == ECAM_OK)
            st = ecam_trace_set(trace, key->bytes, key->size, key + 1, arena, error);
        if (st == ECAM_EMISSING)
            st = unknown_key(key, error);
        if (st != ECAM_OK)
            return at_line(key, st, error);
    }
    return ECAM_OK;
}

ecam_status ecam_traces_apply(ecam_traces *set, const ecam_node *list, bool from_wire,
                                 ecam_error *error)
{
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < set->n; i++) {
        st = apply_map(&set->traces[i], &list->items[i], &set->arena, from_wire, error);
        for (size_t j = 0; st == ECAM_OK && j < i; j++)
            if (strcmp(set->traces[i].outputs, set->traces[j].outputs) == 0)
                st = at_line(&list->items[i],
                             ecam_fail(error, ECAM_EINVAL,
                                       "two traces have the same outputs name \"%s\"; expected "
                                       "different ones",
                                       set->traces[i].outputs),
                             error);
    }
    return st;
}

#include "stage/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_IN "tcp://127.0.0.1:5560"
#define DEFAULT_OUT "tcp://127.0.0.1:5561"
#define MIN_MESSAGE ((size_t)64 << 10)
#define MAX_MESSAGE ((size_t)1 << 40)

static const ecam_trace_option options[] = {
    {"in", "ENDPOINT", DEFAULT_IN, "where trainers send to; repeatable; connect:ENDPOINT connects"},
    {"out", "ENDPOINT", DEFAULT_OUT, "where loggers listen; repeatable; connect:ENDPOINT connects"},
    {"workers", "N", "processors", "threads that compute"},
    {"epoch-timeout", "S", "30", "seconds to wait for missing ranks"},
    {"memory", "SIZE", "1G", "for samples that wait for their epoch's end; more goes to a file"},
    {"record", "FILE", NULL, "keep all that trainers send, for replay"},
    {"max-runs", "N", "1024", "runs at once; messages of more are refused"},
    {"max-ranks", "N", "65536", "ranks of a run; messages of more are refused"},
    {"max-epochs", "N", "64", "open epochs of a run; messages of more are refused"},
    {"forget", "S", "86400", "seconds after which a run that says nothing is forgotten"},
    {"allow-uid", "UID,...", NULL, "other users whose trainers may share memory"},
    {"key", "FILE", NULL, "the stage's secret key (eigencam keygen): clients must then have keys too"},
    {"allow", "FILE|any", NULL, "with --key: public keys of the clients, one a line; SIGHUP reads it anew"},
    {"insecure", NULL, NULL, "let other hosts reach the stage without keys"},
    {"max-message", "SIZE", "1G", "a trainer's message with a larger part is refused; from 64K"},
    {"metrics", "ADDRESS", NULL, "serve /metrics and /healthz: PORT, ADDRESS:PORT or [IPV6]:PORT"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

const ecam_trace_option *ecam_config_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

static ecam_status add_endpoint(const char **list, size_t *n, const char *text, ecam_error *error)
{
    if (*n == ECAM_ENDPOINTS)
        return ecam_fail(error, ECAM_ELIMIT, "more than %d endpoints", ECAM_ENDPOINTS);
    list[(*n)++] = text;
    return ECAM_OK;
}

/* Endpoints in a file are a list; on the command line the flag is repeated. */
static ecam_status set_endpoints(ecam_config *config, const char **list, size_t *n,
                                 const ecam_node *value, ecam_error *error)
{
    bool is_list = value->kind == ECAM_NODE_LIST;
    const ecam_node *items = is_list ? value->items : value;
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < (is_list ? value->size : 1); i++) {
        const char *text;
        st = ecam_option_text(&items[i], &config->arena, &text, error);
        if (st == ECAM_OK)
            st = add_endpoint(list, n, text, error);
    }
    return st;
}

static ecam_status set_workers(ecam_config *config, const char *text, ecam_error *error)
{
    uint64_t workers = 0;
    ecam_status st = ecam_option_count(text, 1, 256, &workers, error);
    if (st == ECAM_OK)
        config->workers = (unsigned)workers;
    return st;
}

/* "512M": a number, and K, M or G for powers of 1024. */
static ecam_status set_size(size_t *out, const char *text, ecam_error *error)
{
    static const char units[] = "KMG";
    size_t length = strlen(text);
    const char *unit = length > 1 ? strchr(units, text[length - 1]) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    char number[24];
    uint64_t value = 0;

    if (length < sizeof number) {
        memcpy(number, text, length + 1);
        number[length - (unit ? 1 : 0)] = '\0';
    }
    const uint64_t most = unit ? UINT64_C(1) << 20 : UINT64_C(1) << 50;
    if (length >= sizeof number || ecam_option_count(number, 1, most, &value, NULL) != ECAM_OK)
        return ecam_fail(error, ECAM_EINVAL, "\"%s\" is no size; expected a number from 1, with K, M or G", text);
    *out = (size_t)value << shift;
    return ECAM_OK;
}

/* Below the least ZeroMQ's own words would be too long. */
static ecam_status set_max_message(ecam_config *config, const char *text, ecam_error *error)
{
    size_t size = 0;
    ecam_status st = set_size(&size, text, error);

    if (st == ECAM_OK && (size < MIN_MESSAGE || size > MAX_MESSAGE))
        return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not accepted; expected a size from 64K to 1024G", text);
    if (st == ECAM_OK)
        config->max_message = size;
    return st;
}

static ecam_status set_flag(bool *out, const char *text, ecam_error *error)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0)
        return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not accepted; expected yes or no", text);
    *out = yes;
    return ECAM_OK;
}

/* "1000,1001". */
static ecam_status set_allow_uids(ecam_config *config, const char *text, ecam_error *error)
{
    config->n_allow_uids = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        char number[16] = "";
        uint64_t uid = 0;
        if (length < sizeof number)
            memcpy(number, at, length);
        if (config->n_allow_uids == ECAM_CONFIG_UIDS || ecam_option_count(number, 0, UINT32_MAX - 1, &uid, NULL) != ECAM_OK)
            return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not accepted; expected up to %d numbers of users, with commas",
                             text, ECAM_CONFIG_UIDS);
        config->allow_uids[config->n_allow_uids++] = (uint32_t)uid;
        at += length;
        if (*at == '\0')
            return ECAM_OK;
    }
}

static ecam_status set_bound(size_t *bound, const char *text, ecam_error *error)
{
    uint64_t value = 0;
    ecam_status st = ecam_option_count(text, 1, UINT32_MAX, &value, error);
    if (st == ECAM_OK)
        *bound = (size_t)value;
    return st;
}

static bool is(const ecam_trace_option *option, const char *name)
{
    return strcmp(option->name, name) == 0;
}

static ecam_status set_text(ecam_config *config, const ecam_trace_option *option, const char *text,
                            ecam_error *error)
{
    ecam_limits *limits = &config->limits;

    if (is(option, "workers"))
        return set_workers(config, text, error);
    if (is(option, "epoch-timeout"))
        return ecam_option_real(text, 0.001, 86400, &config->epoch_timeout_s, error);
    if (is(option, "memory"))
        return set_size(&config->memory_bytes, text, error);
    if (is(option, "max-runs"))
        return set_bound(&limits->runs, text, error);
    if (is(option, "max-ranks"))
        return set_bound(&limits->ranks, text, error);
    if (is(option, "max-epochs"))
        return set_bound(&limits->epochs, text, error);
    if (is(option, "forget"))
        return ecam_option_real(text, 0.001, 1e9, &config->forget_s, error);
    if (is(option, "insecure"))
        return set_flag(&config->insecure, text, error);
    if (is(option, "max-message"))
        return set_max_message(config, text, error);
    return set_allow_uids(config, text, error);
}

/* Where an option is kept whose value may be any text; NULL: it is another one. */
static const char **text_place(ecam_config *config, const ecam_trace_option *option)
{
    return is(option, "record")    ? &config->record
           : is(option, "metrics") ? &config->metrics
           : is(option, "key")     ? &config->key
           : is(option, "allow")   ? &config->allow
                                   : NULL;
}

/* ECAM_EMISSING where it is no option of the stage's own. */
static ecam_status set_own(ecam_config *config, const char *name, size_t name_bytes,
                           const ecam_node *value, ecam_error *error)
{
    size_t i = 0;
    const char *text;

    while (i < N_OPTIONS && !ecam_option_named(options[i].name, name, name_bytes))
        i++;
    if (i == N_OPTIONS)
        return ECAM_EMISSING;
    const ecam_trace_option *option = &options[i];
    if (is(option, "in"))
        return set_endpoints(config, config->in, &config->n_in, value, error);
    if (is(option, "out"))
        return set_endpoints(config, config->out, &config->n_out, value, error);
    ecam_status st = ecam_option_text(value, &config->arena, &text, error);
    if (st != ECAM_OK)
        return st;
    const char **place = text_place(config, option);
    if (!place)
        return set_text(config, option, text, error);
    *place = value->kind == ECAM_NODE_NIL ? NULL : text;
    return ECAM_OK;
}

static void list_names(char *text, size_t capacity, const ecam_trace_option *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(text);
        snprintf(text + used, capacity - used, "%s%s", used ? ", " : "", list[i].name);
        for (char *at = text + used; *at; at++)
            *at = *at == '-' ? '_' : *at;
    }
}

static ecam_status unknown_key(const ecam_node *key, ecam_error *error)
{
    char accepted[480] = "traces";
    size_t n;
    const ecam_trace_option *list = ecam_trace_options(&n);

    list_names(accepted, sizeof accepted, options, N_OPTIONS);
    list_names(accepted, sizeof accepted, list, n);
    return ecam_fail(error, ECAM_EINVAL, "unknown key \"%.*s\"; accepted are %s",
                     (int)(key->size < 64 ? key->size : 64), key->bytes, accepted);
}

static ecam_status set_key(ecam_config *config, ecam_trace *base, const ecam_node *key,
                           ecam_error *error)
{
    const ecam_node *value = key + 1;

    if (key->kind != ECAM_NODE_TEXT)
        return ecam_fail(error, ECAM_EINVAL, "a key is %s; expected the name of an option",
                         ecam_node_kind_name(key));
    if (ecam_node_is_text(key, "traces")) {
        if (value->kind != ECAM_NODE_LIST || value->size == 0)
            return ecam_fail(error, ECAM_EINVAL, "traces is %s; expected a list of maps, one for each output",
                             value->kind == ECAM_NODE_LIST ? "an empty list" : ecam_node_kind_name(value));
        return ECAM_OK;
    }
    ecam_status st = set_own(config, key->bytes, key->size, value, error);
    if (st != ECAM_EMISSING) {
        if (st != ECAM_OK)
            ecam_error_prefix(error, "%.*s: ", (int)key->size, key->bytes);
        return st;
    }
    st = ecam_trace_set(base, key->bytes, key->size, value, &config->arena, error);
    if (st == ECAM_EMISSING)
        return unknown_key(key, error);
    config->has_traces = true;
    return st;
}

static ecam_status apply_top_level(ecam_config *config, ecam_trace *base, const ecam_node *top,
                                   ecam_error *error)
{
    ecam_status st = ECAM_OK;

    if (top->kind != ECAM_NODE_MAP && top->kind != ECAM_NODE_NIL)
        return ecam_fail(error, ECAM_EINVAL, "the file is %s; expected a map of options",
                         ecam_node_kind_name(top));
    for (size_t i = 0; st == ECAM_OK && top->kind == ECAM_NODE_MAP && i < top->size; i++) {
        const ecam_node *key = &top->items[2 * i];
        st = set_key(config, base, key, error);
        if (st != ECAM_OK)
            ecam_error_prefix(error, "line %u: ", key->line);
    }
    return st;
}

/* The first flag for endpoints replaces what the file says; further ones add. */
static void forget_endpoints(ecam_config *config, const char *flag, bool seen[2])
{
    if (ecam_option_named("in", flag, strlen(flag)) && !seen[0]) {
        config->n_in = 0;
        seen[0] = true;
    }
    if (ecam_option_named("out", flag, strlen(flag)) && !seen[1]) {
        config->n_out = 0;
        seen[1] = true;
    }
}

static ecam_status apply_flags(ecam_config *config, ecam_trace *base, const ecam_setting *flags,
                               size_t n_flags, ecam_error *error)
{
    bool seen[2] = {false, false};
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < n_flags; i++) {
        const char *name = flags[i].name;
        const char *text = flags[i].value ? flags[i].value : "yes"; /* a switch */
        const ecam_node value = {.kind = ECAM_NODE_TEXT, .size = strlen(text), .bytes = text};
        forget_endpoints(config, name, seen);
        st = set_own(config, name, strlen(name), &value, error);
        if (st == ECAM_OK)
            continue;
        if (st == ECAM_EMISSING) {
            config->has_traces = true;
            st = ecam_trace_set(base, name, strlen(name), &value, &config->arena, error);
        } else {
            ecam_error_prefix(error, "%s: ", name);
        }
        if (st != ECAM_OK)
            ecam_error_prefix(error, "--");
    }
    return st;
}

static ecam_status build_traces(ecam_config *config, const ecam_trace *base,
                                const ecam_node *list, ecam_error *error)
{
    ecam_status st = ecam_traces_create(base, list ? list->size : 1, &config->traces);

    if (st != ECAM_OK)
        return ecam_fail(error, st, "%zu traces cannot be held; at most %d are accepted", list ? list->size : 1,
                         ECAM_MAX_TRACES);
    if (!list)
        return ECAM_OK;
    config->has_traces = true;
    return ecam_traces_apply(config->traces, list, false, error);
}

static void fill_defaults(ecam_config *config)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->n_in == 0)
        config->in[config->n_in++] = DEFAULT_IN;
    if (config->n_out == 0)
        config->out[config->n_out++] = DEFAULT_OUT;
    if (config->workers == 0)
        config->workers = processors < 1 ? 1 : processors > 256 ? 256 : (unsigned)processors;
}

ecam_status ecam_config_build(const char *path, const ecam_setting *flags, size_t n_flags,
                              ecam_config *out, ecam_error *error)
{
    const ecam_node *top = NULL;
    ecam_trace base;
    ecam_status st = ECAM_OK;

    *out = (ecam_config){.epoch_timeout_s = 30, .memory_bytes = (size_t)1 << 30,
                          .limits = ECAM_DEFAULT_LIMITS, .forget_s = 86400,
                          .max_message = (size_t)1 << 30, .reload_fd = -1};
    ecam_arena_init(&out->arena, 0);
    ecam_trace_init(&base);
    if (path)
        st = ecam_yaml_read(path, &out->arena, &top, error);
    if (st == ECAM_OK && top) {
        st = apply_top_level(out, &base, top, error);
        if (st != ECAM_OK)
            ecam_error_prefix(error, "%s: ", path);
    }
    if (st == ECAM_OK)
        st = apply_flags(out, &base, flags, n_flags, error);
    if (st == ECAM_OK) {
        st = build_traces(out, &base, ecam_node_get(top, "traces"), error);
        if (st != ECAM_OK && path)
            ecam_error_prefix(error, "%s: ", path);
    }
    fill_defaults(out);
    return st;
}

void ecam_config_finish(ecam_config *config)
{
    ecam_traces_unref(&config->traces);
    ecam_arena_finish(&config->arena);
    *config = (ecam_config){0};
}

#include "cli/up_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "client/curve.h"

#define DEFAULT_DIR "eigencam-results"
#define MAX_SETTINGS 256
/* What a stage says is with the logger's ZeroMQ long before half a second of
 * silence is over. */
#define LINGER "--linger=0.5"

const char *ecam_up_part_name(ecam_up_part part)
{
    static const char *const names[ECAM_UP_PARTS] = {"stage", "log", "view"};
    return names[part];
}

static void add_options(ecam_option_list *list, const ecam_option *options, size_t n, const char *const *except)
{
    for (size_t i = 0; i < n; i++) {
        const char *const *name = except;
        while (*name && strcmp(*name, options[i].name) != 0)
            name++;
        if (!*name)
            ecam_option_list_add(list, options[i].name, options[i].value, options[i].initial, options[i].help);
    }
}

/* Ours, then the view's, the logger's and the stage's. */
static void list_options(ecam_up_plan *plan)
{
    static const char *const joined[] = {"dir", "in", "epochs", "linger", "key", "server-key", "insecure", "help", NULL};
    ecam_option_list *list = &plan->list;
    size_t n;

    ecam_option_list_add(list, "dir", "DIR", DEFAULT_DIR, "the store: pictures and index.sqlite");
    ecam_option_list_add(list, "until-eof", NULL, NULL, "end when standard input does, as with whoever holds it");
    ecam_option_list_add(list, "help", NULL, NULL, "show this");
    plan->begins[ECAM_UP_VIEW] = list->n;
    const ecam_option *own = ecam_cli_view_options(&n);
    add_options(list, own, n, joined);
    plan->begins[ECAM_UP_LOG] = list->n;
    own = ecam_cli_log_options(&n);
    add_options(list, own, n, joined);
    plan->begins[ECAM_UP_STAGE] = list->n;
    const ecam_trace_option *table = ecam_config_options(&n);
    ecam_option_list_add_table(list, table, n, NULL);
    table = ecam_trace_options(&n);
    ecam_option_list_add_table(list, table, n, NULL);
    ecam_option_list_add(list, "config", "FILE", NULL, "a YAML file with the stage's options, and traces:");
}

/* Append a text put together in the arena. */
static ecam_status add(ecam_up_args *args, ecam_arena *arena, ecam_error *error, const char *format, ...)
    ECAM_PRINTF(4, 5);
static ecam_status add(ecam_up_args *args, ecam_arena *arena, ecam_error *error, const char *format, ...)
{
    va_list values;
    char text[4096];

    va_start(values, format);
    int n = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (n < 0 || (size_t)n >= sizeof text || args->n + 1 >= ECAM_UP_ARGS)
        return ecam_fail(error, ECAM_ELIMIT, "arguments of more than %zu bytes, or more than %d of them", sizeof text - 1,
                         ECAM_UP_ARGS - 1);
    args->items[args->n] = ecam_arena_text(arena, text, (size_t)n);
    if (!args->items[args->n])
        return ecam_fail(error, ECAM_ENOMEM, "no memory for arguments");
    args->n++;
    return ECAM_OK;
}

static ecam_up_part owner(const ecam_up_plan *plan, const ecam_option *option)
{
    size_t at = (size_t)(option - plan->list.options);

    return at >= plan->begins[ECAM_UP_STAGE] ? ECAM_UP_STAGE
         : at >= plan->begins[ECAM_UP_LOG]   ? ECAM_UP_LOG
                                             : ECAM_UP_VIEW;
}

/* These are passed on as the configuration has them, or as they were found. */
static bool is_joined(const ecam_option *option)
{
    return ecam_args_is(option, "in") || ecam_args_is(option, "out") || ecam_args_is(option, "record");
}

typedef struct settings {
    ecam_setting items[MAX_SETTINGS];
    size_t n;
    const char *config;
} settings;

static ecam_status read_option(ecam_up_plan *plan, settings *stage, const ecam_option *option, const char *value,
                               ecam_error *error)
{
    if (!option)
        return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
    if (ecam_args_is(option, "help"))
        plan->help = true;
    else if (ecam_args_is(option, "dir"))
        plan->dir = value;
    else if (ecam_args_is(option, "until-eof"))
        plan->until_eof = true;
    else {
        ecam_up_part part = owner(plan, option);
        if (ecam_args_is(option, "config"))
            stage->config = value;
        else if (part == ECAM_UP_STAGE && stage->n == MAX_SETTINGS)
            return ecam_fail(error, ECAM_ELIMIT, "more than %d options", MAX_SETTINGS);
        else if (part == ECAM_UP_STAGE)
            stage->items[stage->n++] = (ecam_setting){option->name, value};
        if (!is_joined(option))
            return add(&plan->given[part], &plan->arena, error, "--%s%s%s", option->name, value ? "=" : "",
                       value ? value : "");
    }
    return ECAM_OK;
}

static bool connects(const char *endpoint)
{
    return strncmp(endpoint, "connect:", 8) == 0;
}

/* Logger and gallery listen to an endpoint that the stage binds. */
static ecam_status check(const ecam_up_plan *plan, ecam_error *error)
{
    size_t bound = 0;

    if (plan->dir[0] == '\0')
        return ecam_fail(error, ECAM_EINVAL, "--dir names a folder, not \"\"");
    for (size_t i = 0; i < plan->config.n_out; i++)
        bound += !connects(plan->config.out[i]);
    if (bound == 0)
        return ecam_fail(error, ECAM_EINVAL, "--out: one of them must be bound, not connect:, for the logger");
    return ECAM_OK;
}

ecam_status ecam_up_plan_read(ecam_up_plan *plan, int argc, char **argv, ecam_error *error)
{
    settings stage = {.n = 0};
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    *plan = (ecam_up_plan){.dir = DEFAULT_DIR};
    ecam_arena_init(&plan->arena, 0);
    list_options(plan);
    ecam_args_init(&args, argc, argv, plan->list.options, plan->list.n);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        st = read_option(plan, &stage, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED || plan->help)
        return st == ECAM_ECLOSED ? ECAM_OK : st;
    st = ecam_config_build(stage.config, stage.items, stage.n, &plan->config, error);
    return st == ECAM_OK ? check(plan, error) : st;
}

void ecam_up_plan_finish(ecam_up_plan *plan)
{
    ecam_config_finish(&plan->config);
    ecam_arena_finish(&plan->arena);
}

/* An endpoint again as it came to be: a port that was any stays the same. */
static const char *settled(const char *const *asked, const char *const *found, size_t n_found, size_t i)
{
    return i < n_found && !connects(asked[i]) ? found[i] : asked[i];
}

static ecam_status stage_arguments(ecam_up_plan *plan, const ecam_up_found *found, ecam_arena *arena,
                                   ecam_up_args *out, ecam_error *error)
{
    const ecam_config *c = &plan->config;
    ecam_status st = ECAM_OK;

    for (size_t i = 0; st == ECAM_OK && i < c->n_in; i++)
        st = add(out, arena, error, "--in=%s", settled(c->in, found->in, found->n_in, i));
    for (size_t i = 0; st == ECAM_OK && i < c->n_out; i++)
        st = add(out, arena, error, "--out=%s", settled(c->out, found->out, found->n_out, i));
    /* a recording is not written over by the next one */
    if (st == ECAM_OK && c->record && found->recordings == 0)
        st = add(out, arena, error, "--record=%s", c->record);
    else if (st == ECAM_OK && c->record)
        st = add(out, arena, error, "--record=%s.%u", c->record, found->recordings + 1);
    return st;
}

/* Where to listen to what the stage bound: not every address that one can bind
 * can be connected to. */
static ecam_status add_source(const ecam_up_plan *plan, const ecam_up_found *found, ecam_arena *arena,
                              ecam_up_args *out, ecam_error *error)
{
    static const char *const any[][2] = {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"}, {"tcp://[::]:", "tcp://[::1]:"}};
    size_t i = 0;

    while (i + 1 < found->n_out && connects(plan->config.out[i]))
        i++;
    const char *endpoint = found->out[i];
    for (size_t a = 0; a < sizeof any / sizeof *any; a++)
        if (strncmp(endpoint, any[a][0], strlen(any[a][0])) == 0)
            return add(out, arena, error, "--in=%s%s", any[a][1], endpoint + strlen(any[a][0]));
    return add(out, arena, error, "--in=%s", endpoint);
}

static ecam_status add_server_key(const ecam_up_plan *plan, ecam_arena *arena, ecam_up_args *out, ecam_error *error)
{
    ecam_curve_keys keys;
    ecam_status st = ecam_curve_read_secret(plan->config.key, &keys, error);

    if (st == ECAM_OK)
        st = add(out, arena, error, "--server-key=%s", keys.public_key);
    explicit_bzero(&keys, sizeof keys);
    return st;
}

ecam_status ecam_up_plan_arguments(ecam_up_plan *plan, ecam_up_part part, const ecam_up_found *found,
                                   ecam_arena *arena, ecam_up_args *out, ecam_error *error)
{
    const ecam_up_args *given = &plan->given[part];

    out->n = 0;
    ecam_status st = add(out, arena, error, "eigencam");
    if (st == ECAM_OK)
        st = add(out, arena, error, "%s", ecam_up_part_name(part));
    for (size_t i = 0; st == ECAM_OK && i < given->n; i++)
        st = add(out, arena, error, "%s", given->items[i]);
    if (st == ECAM_OK && part == ECAM_UP_STAGE)
        st = stage_arguments(plan, found, arena, out, error);
    if (st == ECAM_OK && part != ECAM_UP_STAGE)
        st = add(out, arena, error, "--dir=%s", plan->dir);
    if (st == ECAM_OK && part != ECAM_UP_STAGE)
        st = add_source(plan, found, arena, out, error);
    /* whoever has the stage's own key is let in */
    if (st == ECAM_OK && part != ECAM_UP_STAGE && plan->config.key)
        st = add(out, arena, error, "--key=%s", plan->config.key);
    if (st == ECAM_OK && part != ECAM_UP_STAGE && plan->config.key)
        st = add_server_key(plan, arena, out, error);
    if (st == ECAM_OK && part == ECAM_UP_LOG)
        st = add(out, arena, error, LINGER);
    if (st == ECAM_OK && part == ECAM_UP_VIEW && found->port != 0)
        st = add(out, arena, error, "--port=%u", found->port);
    out->items[out->n] = NULL;
    return st;
}

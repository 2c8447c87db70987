#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/notify.h"
#include "cli/keys.h"
#include "cli/signals.h"
#include "web/view.h"

static const ecam_option options[] = {
    {"dir", "DIR", NULL, "the store of eigencam log; may be made later"},
    {"in", "ENDPOINT", NULL, "where a stage publishes: new epochs are shown sooner; may stand several times"},
    {"port", "P", "5580", "the port to serve; 0: any that is free"},
    {"bind", "ADDRESS", "127.0.0.1", "the IP address to serve; 0.0.0.0 for all: anybody who reaches it sees the store"},
    {"allow-host", "NAME", NULL, "a further name that browsers may ask for; may stand several times"},
    ECAM_KEYS_OPTIONS,
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

const ecam_option *ecam_cli_view_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

typedef struct settings {
    const char *dir, *bind;
    ecam_args_list in, hosts;
    uint64_t port;
    bool help;
    ecam_keys keys;
} settings;

static ecam_status read_option(settings *s, const ecam_option *option, const char *value, ecam_error *error)
{
    if (!option)
        return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
    if (ecam_keys_take(&s->keys, option, value))
        return ECAM_OK;
    if (ecam_args_is(option, "in"))
        return ecam_args_collect(option, value, &s->in, error);
    if (ecam_args_is(option, "allow-host"))
        return ecam_args_collect(option, value, &s->hosts, error);
    if (ecam_args_is(option, "port"))
        return ecam_args_uint(option, value, 0, UINT16_MAX, &s->port, error);
    if (ecam_args_is(option, "dir"))
        s->dir = value;
    else if (ecam_args_is(option, "bind"))
        s->bind = value;
    else
        s->help = true;
    return ECAM_OK;
}

static ecam_status read_arguments(settings *s, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        st = read_option(s, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED || s->help)
        return st == ECAM_ECLOSED ? ECAM_OK : st;
    if (!s->dir || s->dir[0] == '\0')
        return ecam_fail(error, ECAM_EINVAL, "--dir is missing: --dir DIR says which store to show");
    return ECAM_OK;
}

static int run(const settings *s)
{
    const ecam_view_options view_options = {
        .dir = s->dir, .in = s->in.items, .n_in = s->in.n, .bind = s->bind, .port = (uint16_t)s->port,
        .hosts = s->hosts.items, .n_hosts = s->hosts.n,
        .key = s->keys.key, .server_key = s->keys.server_key, .insecure = s->keys.insecure,
    };
    ecam_view *view = NULL;
    ecam_error error = {0};
    ecam_status st = ecam_signals_init(&error);

    if (st == ECAM_OK)
        st = ecam_view_open(&view_options, &view, &error);
    if (st != ECAM_OK) {
        ecam_log("view: %s", error.text);
        return 2;
    }
    printf("view: %s\n", ecam_view_address(view));
    fflush(stdout);
    ecam_notify_ready(ecam_view_address(view));
    while (st == ECAM_OK && ecam_signals_pending() == 0) {
        st = ecam_view_step(view, ecam_signals_fd(), &error);
        ecam_notify_alive((int64_t)ecam_clock_ns());
    }
    ecam_notify_stopping();
    if (st != ECAM_OK)
        ecam_log("view: %s", error.text);
    ecam_view_close(&view);
    return st == ECAM_OK ? 0 : 1;
}

int ecam_cli_view(int argc, char **argv)
{
    settings s = {.bind = "127.0.0.1", .port = 5580};
    ecam_error error = {0};

    if (read_arguments(&s, argc, argv, &error) != ECAM_OK) {
        ecam_log("view: %s", error.text);
        return 2;
    }
    if (s.help) {
        ecam_args_help("eigencam view --dir DIR [options]", "Show a store in the browser, live.", options, N_OPTIONS);
        return 0;
    }
    return run(&s);
}

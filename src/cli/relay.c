#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/notify.h"
#include "cli/pump.h"
#include "cli/signals.h"

#define SECOND_NS ((uint64_t)1000000000)
#define FINISH_NS SECOND_NS /* at the end, for what is here already */
#define LINGER_MS 3000      /* and for what receivers have not read yet */
#define STATUS_MS 5000

static const ecam_option options[] = {
    {"in", "ENDPOINT", NULL,
     "where messages come from, \"bind:\" in front to let senders connect; may stand several times"},
    {"out", "ENDPOINT", NULL,
     "where they go, \"bind:\" in front to let receivers connect; may stand several times"},
    {"queue", "N", "64", "messages that wait for each peer"},
    {"wait", "S", "5", "so long a receiver that takes nothing holds up all; then it is left out until it takes again"},
    {"stats", "S", NULL, "say every S seconds what was passed on, as at the end and on SIGUSR1"},
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

typedef struct relay {
    ecam_args_list in, out;
    uint64_t queue;
    double wait_s, stats_s; /* stats_s 0: not */
    bool help;
    int asked; /* a descriptor that SIGUSR1 makes readable, as long as we run */
    ecam_pump pump;
} relay;

static ecam_status read_option(relay *r, const ecam_option *option, const char *value, ecam_error *error)
{
    if (!option)
        return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
    if (ecam_args_is(option, "in"))
        return ecam_args_collect(option, value, &r->in, error);
    if (ecam_args_is(option, "out"))
        return ecam_args_collect(option, value, &r->out, error);
    if (ecam_args_is(option, "queue"))
        return ecam_args_uint(option, value, 1, 1000000, &r->queue, error);
    if (ecam_args_is(option, "wait"))
        return ecam_args_real(option, value, 0, 86400, &r->wait_s, error);
    if (ecam_args_is(option, "stats"))
        return ecam_args_real(option, value, 0.1, 86400, &r->stats_s, error);
    r->help = true;
    return ECAM_OK;
}

static ecam_status read_arguments(relay *r, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        st = read_option(r, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED || r->help)
        return st == ECAM_ECLOSED ? ECAM_OK : st;
    if (r->in.n == 0 || r->out.n == 0)
        return ecam_fail(error, ECAM_EINVAL,
                         "--%s is missing: --in ENDPOINT says where messages come from, --out ENDPOINT where they go",
                         r->in.n == 0 ? "in" : "out");
    return ECAM_OK;
}

/* All that a signal handler may reach. */
static atomic_int asked_fd = -1;

static void on_asked(int number)
{
    const uint64_t one = 1;
    int saved = errno;

    (void)number;
    ssize_t written = write(atomic_load(&asked_fd), &one, sizeof one);
    (void)written; /* full: it is asked for already */
    errno = saved;
}

/* A handler, and no signalfd: the threads that OpenBLAS starts before main don't
 * block it. */
static ecam_status open_asked(relay *r, ecam_error *error)
{
    struct sigaction action = {.sa_handler = on_asked, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    r->asked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&asked_fd, r->asked);
    if (r->asked < 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        return ecam_fail(error, ECAM_EIO, "signals cannot be handled: %s", strerror(errno));
    return ECAM_OK;
}

static ecam_status open_all(relay *r, ecam_error *error)
{
    const ecam_pump_options how = {
        .in = r->in.items, .n_in = r->in.n, .out = r->out.items, .n_out = r->out.n,
        .queue = (int)r->queue, .wait_ns = (uint64_t)(r->wait_s * 1e9),
    };
    ecam_status st = ecam_signals_init(error);

    if (st == ECAM_OK)
        st = open_asked(r, error);
    return st == ECAM_OK ? ecam_pump_open(&r->pump, &how, error) : st;
}

static void describe(const relay *r, char *out, size_t capacity)
{
    const ecam_pump_counters *c = &r->pump.counters;
    uint64_t held_ns = c->held_ns + (r->pump.held ? ecam_clock_ns() - r->pump.held_since_ns : 0);

    snprintf(out, capacity,
             "%" PRIu64 " messages (%" PRIu64 " bytes) passed on, %" PRIu64 " (%" PRIu64 " bytes) back, %" PRIu64
             " subscriptions; waited %.1f s for receivers, %" PRIu64 " times in vain; %" PRIu64 " refused, %" PRIu64
             " left",
             c->messages, c->bytes, c->back_messages, c->back_bytes, c->subscriptions, (double)held_ns / 1e9,
             c->gave_up, c->refused, c->left);
}

static void tell(const relay *r)
{
    char text[400];

    describe(r, text, sizeof text);
    ecam_log("relay: %s", text);
}

static void tell_if_asked(const relay *r)
{
    uint64_t times;

    if (read(r->asked, &times, sizeof times) == (ssize_t)sizeof times)
        tell(r);
}

static void tell_manager(const relay *r)
{
    char text[400];

    if (!ecam_notify_is_open())
        return;
    describe(r, text, sizeof text);
    ecam_notify_status(text);
}

static int until_ms(uint64_t due_ns)
{
    uint64_t now = ecam_clock_ns();
    return due_ns <= now ? 0 : (int)((due_ns - now) / 1000000 + 1);
}

static ecam_status serve(relay *r, ecam_error *error)
{
    uint64_t stats_ns = (uint64_t)(r->stats_s * 1e9), due = ecam_clock_ns() + stats_ns;
    ecam_status st = ECAM_OK;
    size_t n;

    while (st == ECAM_OK && ecam_signals_pending() == 0) {
        st = ecam_pump_work(&r->pump, &n, error);
        tell_if_asked(r);
        tell_manager(r);
        if (stats_ns > 0 && ecam_clock_ns() >= due) {
            tell(r);
            due = ecam_clock_ns() + stats_ns;
        }
        int timeout_ms = n > 0 ? 0 : stats_ns > 0 && until_ms(due) < STATUS_MS ? until_ms(due) : STATUS_MS;
        if (st == ECAM_OK)
            st = ecam_pump_wait(&r->pump, ecam_signals_fd(), r->asked, ecam_notify_wait(timeout_ms), error);
    }
    return st;
}

static int run(relay *r)
{
    ecam_error error = {0};

    if (open_all(r, &error) != ECAM_OK) {
        ecam_log("relay: %s", error.text);
        return 2;
    }
    ecam_notify_ready(NULL);
    ecam_status st = serve(r, &error);
    ecam_notify_stopping();
    if (st == ECAM_OK)
        ecam_pump_finish(&r->pump, FINISH_NS);
    else
        ecam_log("relay: %s", error.text);
    tell(r);
    ecam_pump_close(&r->pump, LINGER_MS);
    return st == ECAM_OK ? 0 : 1;
}

int ecam_cli_relay(int argc, char **argv)
{
    relay r = {.queue = 64, .wait_s = 5, .asked = -1};
    ecam_error error = {0};

    if (read_arguments(&r, argc, argv, &error) != ECAM_OK) {
        ecam_log("relay: %s", error.text);
        return 2;
    }
    if (r.help) {
        ecam_args_help("eigencam relay --in ENDPOINT --out ENDPOINT [options]",
                       "Pass messages on between hosts: of trainers to a stage, or of a stage to loggers.\n"
                       "What a stage wants, and subscriptions, go the other way.", options, N_OPTIONS);
        return 0;
    }
    return run(&r);
}

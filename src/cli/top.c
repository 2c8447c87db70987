#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/full_screen.h"
#include "cli/screen.h"
#include "cli/signals.h"
#include "cli/top_text.h"
#include "eigencam/subscriber.h"

#define WAIT_MS 200
#define DRAW_NS ((uint64_t)200000000)  /* between two drawings, at least */
#define ONCE_NS ((uint64_t)5000000000) /* how long --once waits for a stage */

static const ecam_option options[] = {
    {"in", "ENDPOINT", "tcp://127.0.0.1:5561", "where a stage publishes; may stand several times"},
    {"once", NULL, NULL, "print what there is, and end"},
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

typedef struct command {
    ecam_args_list in;
    bool once, help;
    ecam_subscriber *subscriber;
    ecam_top top;
    ecam_buffer text;
    bool full_screen;
    uint64_t drawn_ns;
} command;

static ecam_status read_arguments(command *c, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option)
            return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
        if (ecam_args_is(option, "in"))
            st = ecam_args_collect(option, value, &c->in, error);
        else if (ecam_args_is(option, "once"))
            c->once = true;
        else
            c->help = true;
        if (st != ECAM_OK)
            return st;
    }
    if (c->in.n == 0)
        c->in.items[c->in.n++] = "tcp://127.0.0.1:5561";
    return st == ECAM_ECLOSED ? ECAM_OK : st;
}

/* A heading and all that is known, in c->text. */
static ecam_status write_text(command *c)
{
    char line[512], endpoint[300], when[16];
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    strftime(when, sizeof when, "%H:%M:%S", &local);
    ecam_text_clean(endpoint, sizeof endpoint, c->in.items[0], strlen(c->in.items[0]));
    int n = snprintf(line, sizeof line, "%s  %s%s%s\n", when, endpoint, c->in.n > 1 ? " and others" : "",
                     c->top.n_stages == 0 ? "  no stage yet" : "");
    ecam_buffer_clear(&c->text);
    ecam_status st = ecam_buffer_append(&c->text, line, (size_t)n);
    return st == ECAM_OK ? ecam_top_write(&c->top, ecam_clock_ns(), &c->text) : st;
}

static void draw(command *c)
{
    uint64_t now = ecam_clock_ns();

    if (now - c->drawn_ns < DRAW_NS || write_text(c) != ECAM_OK)
        return;
    ecam_full_screen_draw((const char *)c->text.data, c->text.size);
    c->drawn_ns = now;
}

static void print(command *c)
{
    if (write_text(c) != ECAM_OK)
        return;
    fwrite(c->text.data, 1, c->text.size, stdout);
    if (!c->once)
        putchar('\n');
    fflush(stdout);
}

/* Take in what comes next; ECAM_EAGAIN where nothing does. Errors: ECAM_EIO. */
static ecam_status take_next(command *c, bool *is_stats, ecam_error *error)
{
    const ecam_result *result;
    ecam_status st = ecam_subscriber_next(c->subscriber, WAIT_MS, &result, error);

    *is_stats = false;
    if (st == ECAM_OK) {
        *is_stats = result->type == ECAM_RESULT_STATS;
        return ecam_top_note(&c->top, result, ecam_clock_ns());
    }
    /* a message that is not understood is the loggers' to complain about */
    return st == ECAM_EIO || st == ECAM_ECLOSED ? ECAM_EIO : ECAM_EAGAIN;
}

static bool is_over(const command *c)
{
    if (ecam_signals_pending() != 0 || ferror(stdout))
        return true;
    char key = c->full_screen ? ecam_full_screen_key() : 0;
    return key == 'q' || key == 'Q';
}

static int watch(command *c, ecam_error *error)
{
    uint64_t started = ecam_clock_ns();
    ecam_status st = ECAM_OK;
    bool is_stats = false;

    while (!is_over(c)) {
        if (c->full_screen)
            draw(c);
        st = take_next(c, &is_stats, error);
        if (st == ECAM_EIO)
            return 1;
        if (is_stats && !c->full_screen)
            print(c);
        if (is_stats && c->once)
            return 0;
        if (c->once && ecam_clock_ns() - started > ONCE_NS) {
            ecam_fail(error, ECAM_EAGAIN, "no stage answers on %.200s", c->in.items[0]);
            return 1;
        }
    }
    return 0;
}

static int run(command *c)
{
    static const char *const topics[] = {"stats|", "epoch|", "error|"};
    ecam_error error = {0};
    ecam_status st = ecam_signals_init(&error);

    if (st == ECAM_OK)
        st = ecam_subscriber_open(c->in.items, c->in.n, topics, sizeof topics / sizeof *topics, &c->subscriber, &error);
    int status = 2;
    if (st == ECAM_OK) {
        c->full_screen = !c->once && ecam_screen_is_terminal(STDOUT_FILENO);
        if (c->full_screen)
            ecam_full_screen_enter();
        status = watch(c, &error);
        ecam_full_screen_leave();
    }
    if (status != 0)
        ecam_log("top: %s", error.text);
    ecam_subscriber_close(&c->subscriber);
    ecam_top_finish(&c->top);
    ecam_buffer_finish(&c->text);
    return status;
}

int ecam_cli_top(int argc, char **argv)
{
    command c = {.once = false};
    ecam_error error = {0};

    if (read_arguments(&c, argc, argv, &error) != ECAM_OK) {
        ecam_log("top: %s", error.text);
        return 2;
    }
    if (c.help) {
        ecam_args_help("eigencam top [options]",
                       "Show a stage's runs, ranks and counters, live; q ends. Piped: a snapshot for each of the stage's\n"
                       "messages.",
                       options, N_OPTIONS);
        return 0;
    }
    return run(&c);
}

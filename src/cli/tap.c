#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/keys.h"
#include "cli/listen.h"
#include "cli/signals.h"
#include "wire/recording.h"

#define MAX_TOPICS 32
#define MAX_TOPICS_BYTES 4096

static const ecam_option options[] = {
    {"in", "ENDPOINT", "tcp://127.0.0.1:5561",
     "where to listen, \"bind:\" in front to let trainers connect; may stand several times"},
    {"file", "FILE", NULL, "print a recording instead"},
    {"topics", "PREFIX,...", NULL, "only messages whose topic begins so"},
    {"count", "N", NULL, "end after N messages"},
    ECAM_KEYS_OPTIONS,
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

typedef struct tap {
    ecam_args_list in;
    const char *file;
    const char *topics[MAX_TOPICS];
    size_t n_topics;
    char topic_texts[MAX_TOPICS_BYTES];
    uint64_t max_messages; /* 0: no end */
    bool help;
    ecam_keys keys;
    ecam_listener listener;
    ecam_player *player;
    ecam_arena arena;
    uint64_t printed;
} tap;

static ecam_status split_topics(tap *t, const char *value, ecam_error *error)
{
    size_t used = strlen(value) + 1;
    char *at = t->topic_texts;

    if (t->n_topics > 0)
        return ecam_fail(error, ECAM_EINVAL, "--topics stands twice; separate prefixes by commas");
    if (used > sizeof t->topic_texts)
        return ecam_fail(error, ECAM_EINVAL, "--topics is longer than %d bytes", MAX_TOPICS_BYTES - 1);
    memcpy(at, value, used);
    for (char *item; (item = strsep(&at, ","));) {
        if (t->n_topics == MAX_TOPICS)
            return ecam_fail(error, ECAM_EINVAL, "--topics has more than %d prefixes", MAX_TOPICS);
        t->topics[t->n_topics++] = item;
    }
    return ECAM_OK;
}

static ecam_status read_option(tap *t, const ecam_option *option, const char *value, ecam_error *error)
{
    if (!option)
        return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; a recording is named with --file", value);
    if (ecam_keys_take(&t->keys, option, value))
        return ECAM_OK;
    if (ecam_args_is(option, "in"))
        return ecam_args_collect(option, value, &t->in, error);
    if (ecam_args_is(option, "topics"))
        return split_topics(t, value, error);
    if (ecam_args_is(option, "count"))
        return ecam_args_uint(option, value, 1, UINT64_MAX, &t->max_messages, error);
    if (ecam_args_is(option, "file"))
        t->file = value;
    else
        t->help = true;
    return ECAM_OK;
}

static ecam_status read_arguments(tap *t, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        st = read_option(t, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED)
        return st;
    if (t->file && t->in.n > 0)
        return ecam_fail(error, ECAM_EINVAL, "--file and --in cannot both be given");
    if (t->in.n == 0)
        t->in.items[t->in.n++] = "tcp://127.0.0.1:5561";
    return ECAM_OK;
}

/* One line, flushed: whoever pipes it elsewhere wants to see it now. */
static void print_message(tap *t, const char *when, const ecam_frame *frames, size_t n_frames)
{
    fputs(when, stdout);
    putchar(' ');
    ecam_describe(stdout, frames, n_frames, &t->arena);
    putchar('\n');
    fflush(stdout);
    t->printed++;
}

static bool enough(const tap *t)
{
    return (t->max_messages != 0 && t->printed >= t->max_messages) || ferror(stdout) || ecam_signals_pending() != 0;
}

static void clock_text(char *text, size_t size)
{
    struct timespec now;
    struct tm local;
    char time_text[16];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(time_text, sizeof time_text, "%H:%M:%S", &local);
    snprintf(text, size, "%s.%03ld", time_text, now.tv_nsec / 1000000);
}

static int print_live(tap *t)
{
    char when[32];

    while (!enough(t)) {
        ecam_error error = {0};
        switch (ecam_listener_next(&t->listener, -1, &error)) {
        case ECAM_OK:
            clock_text(when, sizeof when);
            print_message(t, when, t->listener.parts.frames, t->listener.parts.n);
            break;
        case ECAM_EAGAIN: break;
        case ECAM_ECLOSED: return 0;
        case ECAM_EIO: ecam_log("tap: %s", error.text); return 1;
        default: ecam_log("tap: %s", error.text);
        }
    }
    return 0;
}

static bool is_wanted(const tap *t, const ecam_frame *topic)
{
    bool wanted = t->n_topics == 0;

    for (size_t i = 0; !wanted && i < t->n_topics; i++) {
        size_t length = strlen(t->topics[i]);
        wanted = topic->size >= length && memcmp(topic->data, t->topics[i], length) == 0;
    }
    return wanted;
}

static int print_recording(tap *t)
{
    char when[32];
    const ecam_frame *frames;
    uint64_t time_ns;
    size_t n;
    ecam_error error = {0};
    ecam_status st = ECAM_OK;

    while (!enough(t) && (st = ecam_player_next(t->player, &time_ns, &frames, &n, &error)) == ECAM_OK) {
        snprintf(when, sizeof when, "+%" PRIu64 ".%03" PRIu64, time_ns / 1000000000,
                 time_ns / 1000000 % 1000);
        if (is_wanted(t, &frames[0]))
            print_message(t, when, frames, n);
    }
    if (st == ECAM_OK || st == ECAM_ECLOSED)
        return 0;
    ecam_log("tap: %.200s: %s", t->file, error.text);
    return 1;
}

static int run(tap *t)
{
    ecam_error error = {0};
    ecam_status st = ecam_signals_init(&error);

    if (st == ECAM_OK && t->file)
        st = ecam_player_open(t->file, &t->player, &error);
    else if (st == ECAM_OK)
        st = ecam_listener_open(&t->listener, t->in.items, t->in.n, t->topics, t->n_topics, &t->keys, &error);
    if (st != ECAM_OK) {
        ecam_log("tap: %s", error.text);
        return 2;
    }
    return t->file ? print_recording(t) : print_live(t);
}

int ecam_cli_tap(int argc, char **argv)
{
    tap t = {0};
    ecam_error error = {0};

    if (read_arguments(&t, argc, argv, &error) != ECAM_OK) {
        ecam_log("tap: %s", error.text);
        return 2;
    }
    if (t.help) {
        ecam_args_help("eigencam tap [options]", "Print the messages on a wire in words, one line each.", options,
                       N_OPTIONS);
        return 0;
    }
    ecam_arena_init(&t.arena, ECAM_DESCRIBE_MEMORY);
    int status = run(&t);
    ecam_listener_close(&t.listener);
    ecam_player_close(&t.player);
    ecam_arena_finish(&t.arena);
    return status;
}

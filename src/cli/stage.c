#include <stdbool.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/log.h"
#include "cam/blas.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/notify.h"
#include "cli/settings.h"
#include "cli/signals.h"
#include "cli/stage_line.h"
#include "cli/stage_metrics.h"
#include "cli/status_line.h"
#include "stage/config.h"
#include "stage/stage.h"

#define MAX_FLAGS 256

typedef struct stage_flags {
    ecam_setting settings[MAX_FLAGS];
    size_t n;
    const char *config;
    bool help;
} stage_flags;

static void list_options(ecam_option_list *list)
{
    size_t n;
    const ecam_trace_option *own = ecam_config_options(&n);

    ecam_option_list_add_table(list, own, n, NULL);
    const ecam_trace_option *trace = ecam_trace_options(&n);
    ecam_option_list_add_table(list, trace, n, NULL);
    ecam_option_list_add(list, "config", "FILE", NULL, "a YAML file with these options, and traces: for several outputs");
    ecam_option_list_add(list, "help", NULL, NULL, "print this");
}

static ecam_status read_flags(int argc, char **argv, const ecam_option_list *list, stage_flags *out,
                              ecam_error *error)
{
    ecam_args args;
    const ecam_option *option;
    const char *value;
    ecam_status st;

    ecam_args_init(&args, argc, argv, list->options, list->n);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option)
            return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not an option; stage takes options only", value);
        if (ecam_args_is(option, "help"))
            out->help = true;
        else if (ecam_args_is(option, "config"))
            out->config = value;
        else if (out->n < MAX_FLAGS)
            out->settings[out->n++] = (ecam_setting){option->name, value};
        else
            return ecam_fail(error, ECAM_ELIMIT, "more than %d options", MAX_FLAGS);
    }
    return st == ECAM_ECLOSED ? ECAM_OK : st;
}

static int run_stage(ecam_config *config, ecam_error *error)
{
    ecam_stage *stage = NULL;
    ecam_stage_metrics *metrics = NULL;
    ecam_stage_line line = {.run = ""};
    ecam_status st = ecam_signals_init(error);

    if (st == ECAM_OK && config->allow)
        st = ecam_signals_reload(&config->reload_fd, error);
    if (st == ECAM_OK)
        st = ecam_stage_create(config, &stage, error);
    if (st == ECAM_OK && config->metrics)
        st = ecam_stage_metrics_open(config->metrics, stage, &metrics, error);
    int exit_status = st == ECAM_OK ? 0 : 2;
    if (st == ECAM_OK && (ecam_status_line_open() || ecam_notify_is_open()))
        ecam_stage_line_attach(&line, stage);
    if (st == ECAM_OK && ecam_notify_is_open())
        ecam_stage_each_turn(stage, ecam_notify_alive);
    if (st == ECAM_OK)
        ecam_notify_ready(NULL);
    if (st == ECAM_OK && ecam_stage_run(stage, ecam_signals_fd(), error) != ECAM_OK)
        exit_status = 1;
    ecam_notify_stopping();
    ecam_status_line_close();
    ecam_stage_metrics_close(&metrics);
    ecam_stage_destroy(&stage);
    return exit_status;
}

/* ZeroMQ's threads allocate the messages, and ours free them: with an arena for
 * each thread, what one has freed stays unused while others ask for more. */
static void share_arena(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
#endif
}

int ecam_cli_stage(int argc, char **argv)
{
    ecam_option_list list = {.n = 0};
    stage_flags flags = {.n = 0};
    ecam_config config = {.n_in = 0};
    ecam_error error = {0};
    int exit_status = 2;

    list_options(&list);
    ecam_status st = read_flags(argc, argv, &list, &flags, &error);
    if (st == ECAM_OK && flags.help) {
        ecam_args_help("eigencam stage [options]", "Receive batches, compute EigenCAM for every epoch, publish pictures.",
                       list.options, list.n);
        return 0;
    }
    share_arena();
    ecam_blas_single_thread();
    if (st == ECAM_OK)
        st = ecam_config_build(flags.config, flags.settings, flags.n, &config, &error);
    if (st == ECAM_OK)
        exit_status = run_stage(&config, &error);
    if (exit_status != 0)
        ecam_log("stage: %s", error.text);
    ecam_config_finish(&config);
    return exit_status;
}

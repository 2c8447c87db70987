/* eigencam: one program, a subcommand for each job. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/coretype.h"
#include "cli/notify.h"

#ifndef EIGENCAM_VERSION
#error "the build says which version this is"
#endif

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} command;

static const command commands[] = {
    {"up", ecam_cli_up, "stage, log and view together: everything in one command"},
    {"stage", ecam_cli_stage, "receive batches, compute EigenCAM, publish pictures"},
    {"log", ecam_cli_log, "store published pictures as files with an index"},
    {"view", ecam_cli_view, "show a store in the browser, live"},
    {"top", ecam_cli_top, "show a stage's runs, ranks and counters, live"},
    {"draw", ecam_cli_draw, "the same computation offline: .npy files in, PNGs out"},
    {"record", ecam_cli_record, "keep a stage's results in a file"},
    {"replay", ecam_cli_replay, "play a recording again"},
    {"relay", ecam_cli_relay, "pass messages on between hosts"},
    {"tap", ecam_cli_tap, "print the messages on a wire in words"},
    {"keygen", ecam_cli_keygen, "make keys for what other hosts can reach"},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_help(FILE *to)
{
    fprintf(to, "usage: eigencam COMMAND [options]\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\neigencam COMMAND --help lists a command's options.\n");
}

static void complain(const char *name)
{
    char accepted[200] = "";
    size_t used = 0;

    for (size_t i = 0; i < N_COMMANDS && used < sizeof accepted; i++)
        used += (size_t)snprintf(accepted + used, sizeof accepted - used, "%s%s", i == 0 ? "" : ", ", commands[i].name);
    ecam_log("unknown command \"%s\"; accepted are %s", name, accepted);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    ecam_coretype_settle(argv);
    ecam_notify_open();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        puts("eigencam " EIGENCAM_VERSION);
        return 0;
    }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (*name)
        complain(name);
    else
        print_help(stderr);
    return 2;
}

/* The subcommands. Each takes argc, argv as main does, with argv[0] its own
 * name, and returns the exit status: 0, 1 for a failure while running, 2 for
 * wrong arguments or an endpoint, file or option that cannot be used. */
#ifndef ECAM_CLI_COMMANDS_H
#define ECAM_CLI_COMMANDS_H

#include <stddef.h>

#include "cli/args.h"

int ecam_cli_stage(int argc, char **argv);
int ecam_cli_log(int argc, char **argv);
int ecam_cli_record(int argc, char **argv);
int ecam_cli_replay(int argc, char **argv);
int ecam_cli_draw(int argc, char **argv);
int ecam_cli_tap(int argc, char **argv);
int ecam_cli_relay(int argc, char **argv);
int ecam_cli_view(int argc, char **argv);
int ecam_cli_up(int argc, char **argv);
int ecam_cli_top(int argc, char **argv);
int ecam_cli_keygen(int argc, char **argv);

/* The options of two of them, for the one that passes them on. */
const ecam_option *ecam_cli_log_options(size_t *n);
const ecam_option *ecam_cli_view_options(size_t *n);

#endif

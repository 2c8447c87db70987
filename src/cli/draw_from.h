/* `eigencam draw --from DIR`: pictures out of a store. */
#ifndef ECAM_CLI_DRAW_FROM_H
#define ECAM_CLI_DRAW_FROM_H

#include <stdbool.h>

/* Whether these arguments ask for it. */
bool ecam_cli_draws_from(int argc, char **argv);

/* Takes and returns what a subcommand does (cli/commands.h). */
int ecam_cli_draw_from(int argc, char **argv);

#endif

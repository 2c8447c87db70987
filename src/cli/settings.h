/* The stage's options on the command line, for the subcommands that share
 * them. */
#ifndef ECAM_CLI_SETTINGS_H
#define ECAM_CLI_SETTINGS_H

#include <stddef.h>

#include "cli/args.h"
#include "stage/trace.h"

#define ECAM_MAX_OPTIONS 48

/* A list of options put together from several tables. */
typedef struct ecam_option_list {
    ecam_option options[ECAM_MAX_OPTIONS];
    size_t n;
} ecam_option_list;

void ecam_option_list_add(ecam_option_list *list, const char *name, const char *value,
                          const char *initial, const char *help);

/* Add the options of a table but those whose names are in `except` (ends with
 * NULL; NULL for none). */
void ecam_option_list_add_table(ecam_option_list *list, const ecam_trace_option *table, size_t n,
                                const char *const *except);


#endif

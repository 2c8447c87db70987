/* Command-line options: long names, `--name value` or `--name=value`; `_` and
 * `-` in names are the same. `-h` stands for `--help` where that is listed;
 * `--` ends the options; a lone `-` is a positional argument. */
#ifndef ECAM_CLI_ARGS_H
#define ECAM_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef struct ecam_option {
    const char *name;    /* "n-samples" */
    const char *value;   /* "N|all"; NULL for a switch */
    const char *initial; /* the default as shown in --help; NULL: none */
    const char *help;    /* one line */
} ecam_option;

typedef struct ecam_args {
    int argc;
    char **argv;
    int at;
    bool options_ended; /* by "--" */
    const ecam_option *options;
    size_t n_options;
} ecam_args;

void ecam_args_init(ecam_args *args, int argc, char **argv, const ecam_option *options,
                    size_t n_options);

/* The next argument. *option is NULL for a positional one (then *value is it);
 * *value is NULL for a switch. ECAM_ECLOSED at the end; ECAM_EINVAL for an
 * unknown option (the text lists the accepted ones) or a missing value. A value
 * that begins with "--" must be written as --name=value. */
ecam_status ecam_args_next(ecam_args *args, const ecam_option **option, const char **value,
                           ecam_error *error);

/* Whether `option` (NULL accepted) is the one with this name. */
bool ecam_args_is(const ecam_option *option, const char *name);

/* The value of an option as a decimal number, min..max.
 * Errors: ECAM_EINVAL; the text names the option and what is accepted. */
ecam_status ecam_args_uint(const ecam_option *option, const char *value, uint64_t min,
                           uint64_t max, uint64_t *out, ecam_error *error);

/* A size in bytes, from 1: "500M", with K, M, G or T for powers of 1024. */
ecam_status ecam_args_size(const ecam_option *option, const char *value, uint64_t *out,
                           ecam_error *error);

/* The same for a real number. */
ecam_status ecam_args_real(const ecam_option *option, const char *value, double min, double max,
                           double *out, ecam_error *error);

/* Values of an option that may stand several times. */
#define ECAM_ARGS_LIST 16
typedef struct ecam_args_list {
    const char *items[ECAM_ARGS_LIST];
    size_t n;
} ecam_args_list;

/* Errors: ECAM_EINVAL (there are ECAM_ARGS_LIST already). */
ecam_status ecam_args_collect(const ecam_option *option, const char *value, ecam_args_list *list,
                              ecam_error *error);

/* Print "usage: eigencam NAME ..." with a line for each option on stdout. */
void ecam_args_help(const char *usage, const char *summary, const ecam_option *options,
                    size_t n_options);

#endif

/* The options that say with which keys a program talks to a stage. */
#ifndef ECAM_CLI_KEYS_H
#define ECAM_CLI_KEYS_H

#include <stdbool.h>

#include "cli/args.h"

typedef struct ecam_keys {
    const char *key, *server_key; /* files (server_key: or the key itself); NULL: none */
    bool insecure;                /* bind what other hosts reach without keys */
} ecam_keys;

/* Three rows of a table of options. */
#define ECAM_KEYS_OPTIONS                                                                              \
    {"key", "FILE", NULL, "this program's secret key (eigencam keygen), for a stage that has --allow"},   \
    {"server-key", "FILE|KEY", NULL, "the stage's public key, where it has --key"},                    \
    {"insecure", NULL, NULL, "let other hosts reach an endpoint with bind: in front without keys"}

/* Take one of them; false: it is another one. */
static inline bool ecam_keys_take(ecam_keys *keys, const ecam_option *option, const char *value)
{
    if (ecam_args_is(option, "key"))
        keys->key = value;
    else if (ecam_args_is(option, "server-key"))
        keys->server_key = value;
    else if (ecam_args_is(option, "insecure"))
        keys->insecure = true;
    else
        return false;
    return true;
}

#endif

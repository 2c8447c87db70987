#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "client/curve.h"

static const ecam_option options[] = {
    {"out", "NAME", "eigencam", "write NAME.key, the secret one, and NAME.pub; neither is written over"},
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

static ecam_status read_arguments(int argc, char **argv, const char **name, bool *help, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option)
            return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; a name is given with --out", value);
        if (ecam_args_is(option, "out"))
            *name = value;
        else
            *help = true;
    }
    return st == ECAM_ECLOSED ? ECAM_OK : st;
}

int ecam_cli_keygen(int argc, char **argv)
{
    const char *name = "eigencam";
    bool help = false;
    ecam_curve_keys keys = {.public_key = ""};
    ecam_error error = {0};
    ecam_status st = read_arguments(argc, argv, &name, &help, &error);

    if (st == ECAM_OK && help) {
        ecam_args_help("eigencam keygen [options]",
                       "Make a pair of keys: NAME.key stays with its owner, what stands in NAME.pub is for the other side.",
                       options, N_OPTIONS);
        return 0;
    }
    if (st == ECAM_OK)
        st = ecam_curve_generate(&keys, &error);
    if (st == ECAM_OK)
        st = ecam_curve_write(name, &keys, &error);
    if (st == ECAM_OK)
        printf("%s\n", keys.public_key);
    else
        ecam_log("keygen: %s", error.text);
    explicit_bzero(&keys, sizeof keys);
    return st == ECAM_OK ? 0 : 2;
}

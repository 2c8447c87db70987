#include "cli/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Names are compared and measured up to this length; longer ones are typed by
 * nobody, and are simply unknown. */
#define MAX_NAME 40

void ecam_args_init(ecam_args *args, int argc, char **argv, const ecam_option *options,
                    size_t n_options)
{
    *args = (ecam_args){
        .argc = argc, .argv = argv, .at = 1, .options = options, .n_options = n_options};
}

static char dashed(char c)
{
    return c == '_' ? '-' : c;
}

static bool same_name(const char *name, const char *typed, size_t length)
{
    if (strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (dashed(name[i]) != dashed(typed[i]))
            return false;
    return true;
}

static const ecam_option *find(const ecam_args *args, const char *typed, size_t length)
{
    for (size_t i = 0; i < args->n_options; i++)
        if (same_name(args->options[i].name, typed, length))
            return &args->options[i];
    return NULL;
}

/* Levenshtein's distance, with one row of the table. */
static size_t distance(const char *name, const char *typed, size_t length)
{
    size_t row[MAX_NAME + 1];

    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; name[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t replaced = diagonal + (dashed(name[i]) != dashed(typed[j]));
            size_t shorter = row[j] + 1, longer = row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = shorter < longer ? shorter : longer;
            if (replaced < row[j + 1])
                row[j + 1] = replaced;
        }
    }
    return row[length];
}

/* The option that was probably meant: one that begins so, or the nearest that
 * differs in at most a third of its letters. */
static const ecam_option *guess(const ecam_args *args, const char *typed, size_t length)
{
    const ecam_option *best = NULL;
    size_t best_distance = MAX_NAME;

    if (length < 2 || length > MAX_NAME)
        return NULL;
    for (size_t i = 0; i < args->n_options; i++) {
        const char *name = args->options[i].name;
        bool begins = strncmp(name, typed, length) == 0;
        size_t d = begins ? 1 : distance(name, typed, length);
        if (d < best_distance && (begins || d <= (strlen(name) + 1) / 3)) {
            best = &args->options[i];
            best_distance = d;
        }
    }
    return best;
}

static ecam_status unknown(const ecam_args *args, const char *argument, size_t length,
                           ecam_error *error)
{
    char accepted[400] = "", typed[64];
    size_t used = 0;
    const ecam_option *meant = guess(args, argument + strspn(argument, "-"),
                                     length - strspn(argument, "-"));

    for (size_t i = 0; i < args->n_options && used < sizeof accepted; i++)
        used += (size_t)snprintf(accepted + used, sizeof accepted - used, "%s--%s",
                                 i == 0 ? "" : ", ", args->options[i].name);
    ecam_text_clean(typed, sizeof typed, argument, length);
    if (args->n_options == 0)
        return ecam_fail(error, ECAM_EINVAL, "unknown option %s; no options are accepted", typed);
    if (meant)
        return ecam_fail(error, ECAM_EINVAL, "unknown option %s; did you mean --%s?; accepted: %s",
                         typed, meant->name, accepted);
    return ecam_fail(error, ECAM_EINVAL, "unknown option %s; accepted: %s", typed, accepted);
}

/* The value of an option that needs one: behind "=", or the next argument. */
static ecam_status take_value(ecam_args *args, const ecam_option *option, const char *equals,
                              const char **value, ecam_error *error)
{
    if (equals) {
        *value = equals + 1;
        return ECAM_OK;
    }
    if (args->at >= args->argc)
        return ecam_fail(error, ECAM_EINVAL, "--%s needs a value: --%s %s", option->name,
                         option->name, option->value);
    const char *next = args->argv[args->at];
    if (strncmp(next, "--", 2) == 0)
        return ecam_fail(error, ECAM_EINVAL,
                         "--%s needs a value: --%s %s; \"%.60s\" looks like an option (a value "
                         "like this is written --%s=VALUE)",
                         option->name, option->name, option->value, next, option->name);
    args->at++;
    *value = next;
    return ECAM_OK;
}

ecam_status ecam_args_next(ecam_args *args, const ecam_option **option, const char **value,
                           ecam_error *error)
{
    *option = NULL;
    *value = NULL;
    if (args->at < args->argc && !args->options_ended && strcmp(args->argv[args->at], "--") == 0) {
        args->options_ended = true;
        args->at++;
    }
    if (args->at >= args->argc)
        return ECAM_ECLOSED;

    const char *argument = args->argv[args->at++];
    if (args->options_ended || argument[0] != '-' || argument[1] == '\0') {
        *value = argument;
        return ECAM_OK;
    }

    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    const ecam_option *found = NULL;
    if (strncmp(argument, "--", 2) == 0)
        found = find(args, argument + 2, length - 2);
    else if (strcmp(argument, "-h") == 0)
        found = find(args, "help", 4);
    if (!found)
        return unknown(args, argument, length, error);
    *option = found;
    if (found->value)
        return take_value(args, found, equals, value, error);
    if (equals)
        return ecam_fail(error, ECAM_EINVAL, "--%s is a switch and takes no value", found->name);
    return ECAM_OK;
}

bool ecam_args_is(const ecam_option *option, const char *name)
{
    return option && strcmp(option->name, name) == 0;
}

ecam_status ecam_args_uint(const ecam_option *option, const char *value, uint64_t min,
                           uint64_t max, uint64_t *out, ecam_error *error)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    /* strtoull takes signs and spaces, which are no part of a count */
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 || number < min ||
        number > max)
        return ecam_fail(error, ECAM_EINVAL,
                         "--%s is \"%.60s\", expected a whole number from %llu to %llu",
                         option->name, value, (unsigned long long)min, (unsigned long long)max);
    *out = number;
    return ECAM_OK;
}

ecam_status ecam_args_size(const ecam_option *option, const char *value, uint64_t *out,
                           ecam_error *error)
{
    static const char units[] = "KMGT";
    char *end;

    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (!isdigit((unsigned char)value[0]) || errno != 0 || end[unit ? 1 : 0] != '\0' || number == 0 ||
        number > UINT64_MAX >> shift)
        return ecam_fail(error, ECAM_EINVAL,
                         "--%s is \"%.60s\", expected bytes, or a whole number with K, M, G or T",
                         option->name, value);
    *out = number << shift;
    return ECAM_OK;
}

ecam_status ecam_args_real(const ecam_option *option, const char *value, double min, double max,
                           double *out, ecam_error *error)
{
    char *end;
    double number = strtod(value, &end);

    /* negated, so that NaN is refused */
    if (value[0] == '\0' || isspace((unsigned char)value[0]) || *end != '\0' ||
        !(number >= min && number <= max))
        return ecam_fail(error, ECAM_EINVAL, "--%s is \"%.60s\", expected a number from %g to %g",
                         option->name, value, min, max);
    *out = number;
    return ECAM_OK;
}

ecam_status ecam_args_collect(const ecam_option *option, const char *value, ecam_args_list *list,
                              ecam_error *error)
{
    if (list->n == ECAM_ARGS_LIST)
        return ecam_fail(error, ECAM_EINVAL, "--%s may stand at most %d times", option->name,
                         ECAM_ARGS_LIST);
    list->items[list->n++] = value;
    return ECAM_OK;
}

static int option_width(const ecam_option *option)
{
    return (int)(strlen(option->name) + (option->value ? 1 + strlen(option->value) : 0));
}

void ecam_args_help(const char *usage, const char *summary, const ecam_option *options,
                    size_t n_options)
{
    /* a long value must not push all the explanations off the screen */
    const int widest_aligned = 30;
    int width = 0;

    printf("usage: %s\n\n%s\n", usage, summary);
    for (size_t i = 0; i < n_options; i++)
        if (option_width(&options[i]) > width && option_width(&options[i]) <= widest_aligned)
            width = option_width(&options[i]);
    if (n_options > 0)
        puts("");
    for (size_t i = 0; i < n_options; i++) {
        const ecam_option *o = &options[i];
        int used = printf("  --%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        if (used > width + 4)
            used = printf("\n") - 1;
        printf("%*s  %s", width + 4 - used, "", o->help);
        if (o->initial)
            printf(" (default: %s)", o->initial);
        puts("");
    }
}

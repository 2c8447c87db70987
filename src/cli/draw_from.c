#include "cli/draw_from.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cli/args.h"
#include "eigencam/subscriber.h"
#include "sinks/redraw.h"

#define ALL_TYPES "overlay,map,image,sheet"

static const ecam_option options[] = {
    {"from", "DIR", NULL, "the store that `eigencam log` keeps"},
    {"to", "DIR", "eigencam-out", "where the pictures go: RUN/OUTPUT/MODE/epoch-NNNNNN/"},
    {"types", "LIST", ALL_TYPES, "which pictures"},
    {"run", "NAME", "all", "of this run"},
    {"output", "NAME", "all", "of this output"},
    {"mode", "MODE", "all", "train, eval, test or infer"},
    {"epoch", "N", "all", "of this epoch"},
    {"sample", "N", "all", "of this sample of the epoch, from 0"},
    {"component", "N", "all", "of this component, from 0"},
    {"help", NULL, NULL, "show this"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

typedef struct draw_from {
    const char *from, *to;
    ecam_redraw_filter filter;
    bool help;
} draw_from;

bool ecam_cli_draws_from(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--from") == 0 || strncmp(argv[i], "--from=", 7) == 0)
            return true;
    return false;
}

static ecam_status read_types(const char *value, unsigned *types, ecam_error *error)
{
    *types = 0;
    for (const char *at = value; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",");
        unsigned type = 0;
        while (type <= ECAM_RESULT_SHEET && (strlen(ecam_result_type_name((ecam_result_type)type)) != n ||
                                             strncmp(ecam_result_type_name((ecam_result_type)type), at, n) != 0))
            type++;
        if (type > ECAM_RESULT_SHEET)
            return ecam_fail(error, ECAM_EINVAL, "--types: \"%.*s\" is not accepted; expected some of " ALL_TYPES,
                             (int)(n < 60 ? n : 60), at);
        *types |= 1u << type;
    }
    return ECAM_OK;
}

static ecam_status read_number(const ecam_option *option, const char *value, int64_t *out, ecam_error *error)
{
    uint64_t number;
    ecam_status st = ecam_args_uint(option, value, 0, INT64_MAX, &number, error);

    if (st == ECAM_OK)
        *out = (int64_t)number;
    return st;
}

static ecam_status set_option(draw_from *d, const ecam_option *option, const char *value, ecam_error *error)
{
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
    } places[] = {{"from", &d->from, NULL},
                  {"to", &d->to, NULL},
                  {"run", &d->filter.run, NULL},
                  {"output", &d->filter.output, NULL},
                  {"mode", &d->filter.mode, NULL},
                  {"epoch", NULL, &d->filter.epoch},
                  {"sample", NULL, &d->filter.sample},
                  {"component", NULL, &d->filter.component}};

    if (ecam_args_is(option, "types"))
        return read_types(value, &d->filter.types, error);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!ecam_args_is(option, places[i].name))
            continue;
        if (places[i].number)
            return read_number(option, value, places[i].number, error);
        *places[i].text = value;
        return ECAM_OK;
    }
    d->help = true;
    return ECAM_OK;
}

static ecam_status read_arguments(draw_from *d, int argc, char **argv, ecam_error *error)
{
    const ecam_option *option;
    const char *value;
    ecam_args args;
    ecam_status st;

    ecam_args_init(&args, argc, argv, options, N_OPTIONS);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option)
            return ecam_fail(error, ECAM_EINVAL, "\"%.60s\" is no option; only options are accepted", value);
        st = set_option(d, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    return st == ECAM_ECLOSED ? ECAM_OK : st;
}

static int run(const draw_from *d)
{
    ecam_redraw *redraw;
    ecam_error error = {0};
    uint64_t written = 0, failed = 0;
    ecam_status st = ecam_redraw_open(d->from, &redraw, &error);

    if (st != ECAM_OK) {
        ecam_log("draw: %s", error.text);
        return 2;
    }
    st = ecam_redraw_export(redraw, &d->filter, d->to, &written, &failed, &error);
    ecam_redraw_close(&redraw);
    if (st != ECAM_OK)
        ecam_log("draw: %s", error.text);
    else if (failed > 0)
        ecam_log("draw: %" PRIu64 " pictures could not be drawn; the last one: %s", failed, error.text);
    else if (written == 0)
        ecam_log("draw: %s has no such pictures", d->from);
    if (written > 0)
        ecam_log("%" PRIu64 " pictures are in %s", written, d->to);
    return st == ECAM_OK && failed == 0 && written > 0 ? 0 : 1;
}

int ecam_cli_draw_from(int argc, char **argv)
{
    draw_from d = {.to = "eigencam-out",
                   .filter = {.epoch = -1, .sample = -1, .component = -1, .types = 0xf}};
    ecam_error error = {0};

    if (read_arguments(&d, argc, argv, &error) != ECAM_OK) {
        ecam_log("draw: %s", error.text);
        return 2;
    }
    if (d.help) {
        ecam_args_help("eigencam draw --from DIR [options]",
                       "Pictures out of a store; a compact one's overlays and sheets are drawn again.", options,
                       N_OPTIONS);
        return 0;
    }
    return run(&d);
}

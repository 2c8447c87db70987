/* What a stage is told: flags and a YAML file, under the same names. */
#ifndef ECAM_STAGE_CONFIG_H
#define ECAM_STAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/node.h"
#include "eigencam/status.h"
#include "stage/collector.h"
#include "stage/trace.h"

#define ECAM_ENDPOINTS 16
#define ECAM_CONFIG_UIDS 32

typedef struct ecam_config {
    ecam_arena arena; /* holds what the rest points to */
    const char *in[ECAM_ENDPOINTS];
    size_t n_in;
    const char *out[ECAM_ENDPOINTS];
    size_t n_out;
    unsigned workers;
    double epoch_timeout_s;
    size_t memory_bytes; /* for samples that wait; beyond it they are spilled */
    ecam_limits limits;
    double forget_s;    /* a run that says nothing for so long is forgotten */
    const char *record; /* NULL: no recording */
    const char *metrics; /* an address to serve them on, or NULL */
    uint32_t allow_uids[ECAM_CONFIG_UIDS]; /* other users whose rings are taken */
    size_t n_allow_uids;
    const char *key;    /* file of the stage's secret key, or NULL */
    const char *allow;  /* file of its clients' public keys, "any", or NULL */
    bool insecure;      /* other hosts may reach it without keys */
    size_t max_message; /* bytes of a message that are taken */
    int reload_fd;      /* an eventfd that says: read `allow` anew; -1: none */
    bool has_traces;    /* whether the user set any output of his own */
    ecam_traces *traces;
} ecam_config;

/* One flag and its value, in the order of the command line. */
typedef struct ecam_setting {
    const char *name;
    const char *value;
} ecam_setting;

/* The stage's own options (in, out, workers, ...), as --help shows them; the
 * traces' options are ecam_trace_options. */
const ecam_trace_option *ecam_config_options(size_t *n);

/* Build the configuration: defaults, then the file's top level (path NULL: no
 * file), then the flags; then each trace's own keys over all of them.
 * Errors: ECAM_EINVAL and others with a text that names the flag or the file
 * and line, and what is accepted. `out` must be finished in any case. */
ecam_status ecam_config_build(const char *path, const ecam_setting *flags, size_t n_flags,
                              ecam_config *out, ecam_error *error);

void ecam_config_finish(ecam_config *config);

/* A YAML file as a tree of text, lists and maps with line numbers, in `arena`.
 * Errors: ECAM_EIO, ECAM_EFORMAT and ECAM_ELIMIT (with line), ECAM_ENOMEM. */
ecam_status ecam_yaml_read(const char *path, ecam_arena *arena, const ecam_node **out,
                           ecam_error *error);

#endif

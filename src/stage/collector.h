/* Runs and their open epochs: what belongs together, and when it is complete.
 * Knows no sockets, threads or clock: time is told. Used by one thread. */
#ifndef ECAM_STAGE_COLLECTOR_H
#define ECAM_STAGE_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "stage/epoch.h"
#include "stage/ledger.h"
#include "wire/message.h"

typedef struct ecam_limits {
    size_t runs, ranks, epochs; /* in all; of a run; open ones of a run */
} ecam_limits;

#define ECAM_DEFAULT_LIMITS ((ecam_limits){.runs = 1024, .ranks = 65536, .epochs = 64})
#define ECAM_MAX_REMEMBERED 4096     /* published epochs of one run and mode */

/* A published epoch: enough to tell a late message from a new attempt. */
typedef struct ecam_published {
    uint64_t number;
    uint32_t attempt;
    size_t n_parts;
    struct ecam_published_part {
        uint32_t rank;
        uint64_t session;
    } *parts; /* of those that sent anything, by rank */
} ecam_published;

typedef struct ecam_history {
    ecam_published *items;
    size_t n, capacity;
} ecam_history;

typedef struct ecam_run {
    char *name;
    ecam_traces *traces;  /* what its hello asks for; NULL: nothing */
    ecam_traces *mapping_set; /* holds `mapping`; NULL: none */
    const ecam_mapping *mapping; /* what its hello brings */
    ecam_epoch *open;        /* a list */
    size_t n_open;
    size_t n_alive;          /* epochs that are not given back, open or closed */
    int64_t last_ns;         /* of its last message */
    ecam_history published[ECAM_MODE_COUNT];
    ecam_ledger ledger;
    bool greeted;            /* a hello is here */
    uint64_t rejected, late; /* batch messages since the last epoch closed */
} ecam_run;

typedef struct ecam_collector {
    ecam_table runs;         /* by name */
    ecam_traces *traces;  /* the stage's own, or the defaults */
    bool own;                /* the stage's own win over a run's */
    int64_t timeout_ns;
    int64_t forget_ns;       /* a run that says nothing for so long; 0: never */
    ecam_limits limits;
    ecam_epoch *ready, **ready_last; /* closed epochs, in the order they closed */
} ecam_collector;

/* Takes a reference to the traces. Limits are the default ones, and no run is
 * ever forgotten, until told otherwise. */
void ecam_collector_init(ecam_collector *collector, ecam_traces *traces, bool own,
                         int64_t timeout_ns);
void ecam_collector_finish(ecam_collector *collector, ecam_sample_shelf *shelf);

/* The run, made where it is not there. Errors: ECAM_ELIMIT, ECAM_ENOMEM. */
ecam_status ecam_collector_run(ecam_collector *collector, const char *name, ecam_run **out,
                               ecam_error *error);

/* What a hello brings: its label mapping counts at once, its traces from the
 * next epoch on. Errors: of its values; the old ones stay then. */
ecam_status ecam_collector_hello(ecam_collector *collector, ecam_run *run,
                                 const ecam_message *message, ecam_error *error);

/* The open epoch that a batch or a marker belongs to, opened where it is new,
 * and the sender's part in it. The rank's other epochs of this mode are given
 * up where this shows that it went on.
 * Errors: ECAM_ECLOSED (it is published: the message is late), ECAM_ELIMIT
 * (too many open epochs), ECAM_ENOMEM. */
ecam_status ecam_collector_locate(ecam_collector *collector, ecam_run *run,
                                  const ecam_message *message, int64_t now_ns, ecam_epoch **epoch,
                                  ecam_part **part, ecam_error *error);

/* A marker: the rank is done with this epoch. */
void ecam_collector_mark(ecam_collector *collector, ecam_epoch *epoch, ecam_part *part,
                         const ecam_message *message, int64_t now_ns);

/* The rank leaves: given up wherever it is not done. */
void ecam_collector_bye(ecam_collector *collector, ecam_run *run, const ecam_message *message);

/* Give back an epoch that was taken. */
void ecam_collector_give_back(ecam_epoch **epoch, ecam_sample_shelf *shelf);

/* The run sends something. */
void ecam_collector_touch(ecam_run *run, int64_t now_ns);

/* Close what has waited too long, forget runs that are silent; gives the time of the next such look, or
 * INT64_MAX. */
int64_t ecam_collector_expire(ecam_collector *collector, int64_t now_ns);

/* Close everything that is open, as it is. */
void ecam_collector_close_all(ecam_collector *collector);

/* The next closed epoch with nothing pending, or NULL; the caller owns it. */
ecam_epoch *ecam_collector_take(ecam_collector *collector);

/* Whether nothing is open, and nothing closed but not taken. */
bool ecam_collector_idle(const ecam_collector *collector);

#endif

/* The stage's state, shared by its parts: stage.c (the loop), intake.c
 * (messages in), drawing.c (epochs out), report.c (errors and statistics). All
 * of it belongs to the main thread. */
#ifndef ECAM_STAGE_INTERNAL_H
#define ECAM_STAGE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/zap_door.h"
#include "stage/collector.h"
#include "stage/config.h"
#include "stage/counters.h"
#include "stage/delivery.h"
#include "stage/handover.h"
#include "stage/outlet.h"
#include "stage/pool.h"
#include "stage/render.h"
#include "stage/sample.h"
#include "stage/stage.h"
#include "stage/status.h"
#include "stage/want.h"
#include "wire/heard.h"
#include "wire/recording.h"

/* A closed epoch on its way out: its outputs are drawn one after the other. */
typedef struct ecam_drawing {
    struct ecam_drawing *next;
    ecam_epoch *epoch;
    uint64_t lost, rejected, late;
    size_t output;       /* the one that is being drawn */
    ecam_render *render; /* NULL between two outputs */
    int64_t started_ns;
    bool stalled;        /* the outlet said: not now */
} ecam_drawing;

/* An endpoint as it is served, for the log. */
typedef struct ecam_attached {
    const char *what;
    char endpoint[256];
} ecam_attached;

/* status.c: when it was told last, and whether there is anything new. */
typedef struct ecam_stage_watch_state {
    ecam_stage_watcher watcher;
    uint64_t moved;
    int64_t changed_ns, next_ns;
} ecam_stage_watch_state;

struct ecam_stage {
    const ecam_config *config;
    void *zmq;
    void *in; /* XSUB */
    ecam_door *door; /* before both sockets */
    ecam_outlet outlet;
    ecam_pool *pool;
    ecam_collector collector;
    ecam_caller caller;
    ecam_heard heard; /* sessions that ended and were not told so yet */
    ecam_handover handover;
    ecam_delivery_desk desk;
    ecam_sample_shelf shelf;
    ecam_attached attached[2 * ECAM_ENDPOINTS];
    size_t n_attached;
    ecam_drawing *drawings, **drawings_last;
    ecam_recorder *recorder;
    int64_t record_from_ns;
    ecam_counters counters;
    int64_t started_ns, next_stats_ns;
    int64_t log_window_ns; /* when the present window of the log's limit began */
    unsigned log_lines;    /* error lines in this window */
    uint64_t log_hidden;   /* and those left out */
    ecam_stage_watch_state watch;
    ecam_stage_turn turn;  /* or NULL */
    ecam_stage_observer observer; /* its functions are NULL where there is none */
    uint64_t missed[8];    /* hashes of run and key whose absence was reported */
    char **prefixes;       /* that are subscribed to */
    size_t n_prefixes;
    bool stopping;
};

/* Monotonic. */
int64_t ecam_stage_now(void);

/* intake.c: take one message off the socket and see to it; false where none is
 * there. */
bool ecam_stage_receive(ecam_stage *stage);

/* drawing.c: move closed epochs towards the outlet; how much moved. */
size_t ecam_stage_draw(ecam_stage *stage);
void ecam_drawing_destroy(ecam_stage *stage, ecam_drawing **drawing);

/* stage.c: whether messages of this topic come at all. */
bool ecam_stage_subscribes(const ecam_stage *stage, const char *topic);

/* stage.c: tell the trainers that ended that all of it arrived. */
void ecam_stage_tell_heard(ecam_stage *stage);

/* report.c: publish an error and log it, within the log's limit. `message`
 * (NULL accepted) says whom it is about. */
void ecam_stage_error(ecam_stage *stage, const ecam_error *error, const ecam_message *message,
                      const char *key);
void ecam_stage_stats(ecam_stage *stage);
/* Tell the observer what is counted now. */
void ecam_stage_tell(ecam_stage *stage);

/* At most so many deliveries' bytes wait for the workers. */
#define ECAM_INTAKE_BYTES ((size_t)32 << 20)
/* And so many samples. */
#define ECAM_INTAKE_TASKS 256

#endif

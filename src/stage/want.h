/* What this stage says upstream that it wants, every few seconds and when a
 * trainer greets, so that nobody copies what nobody takes. */
#ifndef ECAM_STAGE_WANT_H
#define ECAM_STAGE_WANT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "stage/collector.h"
#include "wire/want.h"

typedef struct ecam_caller {
    uint64_t stage; /* as in results */
    uint64_t generation;
    ecam_arena arena;
    ecam_buffer header, before; /* before: the last one said */
    int64_t last_ns, next_ns;
} ecam_caller;

void ecam_caller_init(ecam_caller *caller, uint64_t stage);
void ecam_caller_finish(ecam_caller *caller);

/* A trainer greeted: say it soon. */
void ecam_caller_greeted(ecam_caller *caller, int64_t now_ns);

/* Say it on the XSUB socket where it is time; gives the time of the next.
 * hand_over: the local socket's name, or NULL. */
int64_t ecam_caller_call(ecam_caller *caller, const ecam_collector *collector, void *socket,
                         const char *hand_over, int64_t now_ns);

/* The interests of all that is collected, in the arena. Without outputs of the
 * stage's own only runs are named that have said hello: until then it is not
 * known what they ask for, and nothing is said about them. Errors: ECAM_ENOMEM. */
ecam_status ecam_caller_interests(const ecam_collector *collector, ecam_arena *arena,
                                  const ecam_interest **out, size_t *n);

#endif

/* What loggers have ever asked for, so that pictures nobody wants need not be
 * handed to ZeroMQ, which copies them first. Nothing is taken off again: whoever
 * connects may send the end of a subscription that is another's. */
#ifndef ECAM_STAGE_ASKED_H
#define ECAM_STAGE_ASKED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/table.h"

/* Zeroed: nothing. */
typedef struct ecam_asked {
    ecam_table prefixes;
    bool all; /* too much to remember */
} ecam_asked;

/* A subscription: the prefix of topics. */
void ecam_asked_add(ecam_asked *asked, const void *prefix, size_t bytes);

/* Whether any subscription so far takes a topic. */
bool ecam_asked_for(const ecam_asked *asked, const void *topic, size_t bytes);

void ecam_asked_finish(ecam_asked *asked);

#endif

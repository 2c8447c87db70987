/* Server-sent events: what happens, told to everybody who listens. The last
 * events are kept once, for all; each client has a place among them. */
#ifndef ECAM_WEB_EVENTS_H
#define ECAM_WEB_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"
#include "web/http.h"

#define ECAM_EVENTS_KEPT 256
#define ECAM_EVENTS_CLIENTS 64

typedef struct ecam_events ecam_events;

/* How the first event of a connection is written: `hello` with what holds now,
 * into `out` (JSON, at most `capacity` bytes with the NUL). Called by the
 * server's threads, under no lock. */
typedef void ecam_events_hello(void *context, bool resync, char *out, size_t capacity);

ecam_status ecam_events_create(ecam_events_hello *hello, void *context, ecam_events **out,
                               ecam_error *error);

/* Tell all: `data` is one line of JSON. What is too long (64 KB) is left out.
 * Safe in every thread. Errors: ECAM_ENOMEM, ECAM_ELIMIT: nobody hears of it. */
ecam_status ecam_events_post(ecam_events *events, const char *name, const char *data);

/* Send a comment to those who heard nothing for 10 s; call it now and then. */
void ecam_events_tick(ecam_events *events);

/* Answer a request for the events: it stays open. */
void ecam_events_serve(ecam_events *events, ecam_http_request *request);

size_t ecam_events_clients(ecam_events *events);
uint64_t ecam_events_posted(ecam_events *events);

/* End all connections; they close as soon as their threads come to it. Must be
 * called before the server is closed, ecam_events_destroy after it. */
void ecam_events_stop(ecam_events *events);
void ecam_events_destroy(ecam_events **events);

#endif

/* Sees what is new in a store's index, and tells it as events. */
#ifndef ECAM_WEB_WATCH_H
#define ECAM_WEB_WATCH_H

#include <stdbool.h>

#include "web/events.h"
#include "web/gallery.h"
#include "web/metrics.h"

typedef struct ecam_watch ecam_watch;

/* `tells_all`: errors and statistics too, where nobody else tells of them.
 * Gallery and events outlive it. */
ecam_status ecam_watch_create(ecam_gallery *gallery, ecam_events *events, bool tells_all,
                              ecam_watch **out, ecam_error *error);
void ecam_watch_destroy(ecam_watch **watch);

/* Look once: microseconds where nobody has written. By one thread. */
void ecam_watch_look(ecam_watch *watch);

/* Whether the summary of this stage with this number, as results have them, was
 * seen in the index: one of the last few. By the same thread. */
bool ecam_watch_has_seen(const ecam_watch *watch, uint64_t stage, uint64_t seq);

/* Safe in every thread. */
bool ecam_watch_is_ready(ecam_watch *watch);
void ecam_watch_metrics(ecam_watch *watch, ecam_metrics *metrics);

#endif

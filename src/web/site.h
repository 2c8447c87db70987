/* What is where: the answers to all requests. */
#ifndef ECAM_WEB_SITE_H
#define ECAM_WEB_SITE_H

#include <stdbool.h>

#include "web/events.h"
#include "web/gallery.h"
#include "web/http.h"
#include "web/watch.h"

/* The parts of a view that answer; all of them outlive the server. */
typedef struct ecam_site {
    ecam_gallery *gallery;
    ecam_events *events;
    ecam_watch *watch;
    ecam_http *http; /* for its metrics; set before the first request is read */
    bool is_live;
} ecam_site;

/* An ecam_http_handler; context: the site. */
void ecam_site_serve(void *context, ecam_http_request *request);

/* Say why the store cannot be borrowed from. */
void ecam_site_no_store(ecam_http_request *request, const ecam_error *error);

/* An ecam_events_hello; context: the site. */
void ecam_site_hello(void *context, bool resync, char *out, size_t capacity);

#endif

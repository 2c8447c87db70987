/* The gallery: a store over HTTP, live. */
#ifndef ECAM_WEB_VIEW_H
#define ECAM_WEB_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

typedef struct ecam_view ecam_view;

/* All texts are borrowed until the view is closed. */
typedef struct ecam_view_options {
    const char *dir;             /* the store; need not be there yet */
    const char *const *in;       /* where stages publish; may be none */
    size_t n_in;
    const char *bind;            /* an IP address or "localhost" */
    uint16_t port;               /* 0: any that is free */
    const char *const *hosts;    /* further names that it may be asked by */
    size_t n_hosts;
    const char *key, *server_key; /* as in eigencam/subscriber.h */
    bool insecure;
} ecam_view_options;

/* Serve; threads of its own answer requests.
 * Errors: ECAM_EINVAL (address, endpoint), ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_view_open(const ecam_view_options *options, ecam_view **out, ecam_error *error);

/* "http://127.0.0.1:5580/" */
const char *ecam_view_address(const ecam_view *view);

/* Wait a moment (100 ms at most) for news from the stage or in the store, and
 * tell those who listen. To be called again and again, by one thread. `stop_fd`:
 * returns at once where it is readable. Errors: ECAM_EIO. */
ecam_status ecam_view_step(ecam_view *view, int stop_fd, ecam_error *error);

void ecam_view_close(ecam_view **view);

#endif

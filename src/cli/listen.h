/* Raw messages as they come: a SUB socket beside the signals. */
#ifndef ECAM_CLI_LISTEN_H
#define ECAM_CLI_LISTEN_H

#include "cli/keys.h"
#include "client/receive.h"
#include "eigencam/status.h"

typedef struct ecam_listener {
    void *context;
    void *socket;
    ecam_parts parts; /* the message that came last */
} ecam_listener;

/* endpoints: connected to, or bound with "bind:" in front. topics: prefixes;
 * none means everything. Errors: ECAM_EINVAL (endpoint), ECAM_EIO, those of keys
 * (client/curve.h); *listener is then closed. */
ecam_status ecam_listener_open(ecam_listener *listener, const char *const *endpoints, size_t n_endpoints,
                               const char *const *topics, size_t n_topics, const ecam_keys *keys,
                               ecam_error *error);

/* Wait up to timeout_ms (-1: for ever) for the next message.
 * Errors: ECAM_EAGAIN (time is over), ECAM_ECLOSED (SIGINT or SIGTERM came),
 * ECAM_ELIMIT and ECAM_ENOMEM (that message is dropped; go on), ECAM_EIO. */
ecam_status ecam_listener_next(ecam_listener *listener, int timeout_ms, ecam_error *error);

/* Accepts one that is zeroed or closed. */
void ecam_listener_close(ecam_listener *listener);

#endif

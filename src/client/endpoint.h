/* ZeroMQ endpoints and the socket options that all of ours share. */
#ifndef ECAM_CLIENT_ENDPOINT_H
#define ECAM_CLIENT_ENDPOINT_H

#include <stdbool.h>

#include "eigencam/status.h"

/* The largest part of a message that is taken from a peer. */
#define ECAM_MAX_PART_BYTES ((int64_t)1 << 30)

/* So long a peer may take to say who it is. */
#define ECAM_HANDSHAKE_MS 5000

/* A ZeroMQ context for the few sockets that a part of ours has; NULL, with
 * zmq_errno(), where none can be had. Ended by zmq_ctx_term. */
void *ecam_context_create(void);

/* Options for a new socket, before it is attached: no lingering at close, parts
 * of at most ECAM_MAX_PART_BYTES, TCP keep-alive, and time limits that let a
 * connection recover within a second of a partition's end, and that end a
 * handshake nobody goes on with. No ZeroMQ heartbeats: on a receiving socket
 * that stalls they abort the process. Errors: ECAM_EIO. */
ecam_status ecam_socket_configure(void *socket, ecam_error *error);

/* Bind or connect a socket to "tcp://host:port" or "ipc://path", with "bind:"
 * or "connect:" in front where the default is not wanted. To bind, the host may
 * be an address, "localhost", an interface or "*", and the port may be "*" (any free one;
 * ZMQ_LAST_ENDPOINT tells which). IPv6 addresses stand in brackets. What other hosts
 * can reach is bound only where the socket has CURVE keys (client/curve.h).
 * Errors: ECAM_EINVAL (not such an endpoint, or one that others reach; the text
 * says what is accepted), ECAM_EIO (in use, not allowed, no such address). */
ecam_status ecam_endpoint_attach(void *socket, const char *endpoint, bool bind_by_default,
                                 ecam_error *error);

/* The same without keys where `insecure` says that this is meant: whoever can
 * reach the endpoint can then use it. */
ecam_status ecam_endpoint_attach_as(void *socket, const char *endpoint, bool bind_by_default, bool insecure,
                                    ecam_error *error);

#endif

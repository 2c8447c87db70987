/* The door of a server: a thread that answers who may come in, notices who was
 * turned away, and says so. */
#ifndef ECAM_CLIENT_ZAP_DOOR_H
#define ECAM_CLIENT_ZAP_DOOR_H

#include <stdint.h>

#include "client/curve.h"
#include "eigencam/status.h"

typedef struct ecam_door ecam_door;

/* A line for people; called in the door's thread. */
typedef void ecam_door_tell(void *context, const char *text);

/* All texts are borrowed until the door is opened, but for `allow`: until it is
 * closed. */
typedef struct ecam_door_options {
    const char *key;     /* the file of this side's secret key; NULL: no CURVE */
    const char *allow;   /* with a key: the file of clients' public keys, or "any" */
    int reload_fd;       /* an eventfd; read when it is readable: read the file anew; -1: never */
    int64_t max_message; /* bytes of a message's part that are taken from a peer */
    ecam_door_tell *tell;
    void *context;
} ecam_door_options;

/* For the sockets of one context. Errors: of the files (client/curve.h,
 * client/zap.h); ECAM_EINVAL (one of key and allow without the other),
 * ECAM_EIO, ECAM_ENOMEM. */
ecam_status ecam_door_open(void *zmq, const ecam_door_options *options, ecam_door **out, ecam_error *error);

#define ECAM_DOOR_SOCKETS 4

/* Before a socket is attached: its keys and bounds, and an eye on it. It must be
 * there until the door is stopped. Errors: ECAM_EIO, ECAM_ELIMIT. */
ecam_status ecam_door_guard(ecam_door *door, void *socket, ecam_error *error);

/* From now on, until ecam_door_stop, clients are let in. Errors: ECAM_EIO. */
ecam_status ecam_door_start(ecam_door *door, ecam_error *error);

/* In the thread that uses the sockets. No client is let in any more; those who
 * are in stay. Accepts NULL and one that was not started. */
void ecam_door_stop(ecam_door *door);

/* Connections turned away so far: of clients that are not on the list, speak no
 * CURVE or have another server's key, and of peers whose message was too large. Any
 * thread; NULL: 0. */
uint64_t ecam_door_refused(const ecam_door *door);

/* Before the context ends. */
void ecam_door_close(ecam_door **door);

#endif

/* Multipart messages in and out of ZeroMQ sockets. */
#ifndef ECAM_CLIENT_RECEIVE_H
#define ECAM_CLIENT_RECEIVE_H

#include <stddef.h>

#include "eigencam/status.h"
#include "wire/message.h"

/* No message of ours has more parts. */
#define ECAM_MAX_PARTS 64

/* One received message; frames are views of its n parts and hold until the
 * next receive into it, or its finish. The struct may be moved, copied to
 * another owner (the giver then forgets it) and used by any one thread; a zeroed
 * one is empty. */
typedef struct ecam_parts {
    struct zmq_msg_t *messages;
    ecam_frame *frames;
    size_t n;
    size_t capacity;
} ecam_parts;

void ecam_parts_init(ecam_parts *parts);

/* Receive one whole message; flags: 0 or ZMQ_DONTWAIT. What was in `parts` is
 * given back, its memory reused. After a failure it is empty.
 * Errors: ECAM_EAGAIN (nothing there, a timeout of the socket, or a signal),
 * ECAM_ECLOSED (the context ends), ECAM_ELIMIT (more than ECAM_MAX_PARTS; the
 * message is taken off the socket and dropped), ECAM_ENOMEM (also dropped),
 * ECAM_EIO. */
ecam_status ecam_parts_receive(void *socket, int flags, ecam_parts *parts, ecam_error *error);

/* Bytes of all parts together. */
size_t ecam_parts_bytes(const ecam_parts *parts);

/* Give the messages and the memory back; `parts` is empty and usable again. */
void ecam_parts_finish(ecam_parts *parts);

/* Send n >= 1 frames as one message, copying them; flags: 0 or ZMQ_DONTWAIT.
 * Errors: ECAM_EAGAIN (nothing was sent), ECAM_ECLOSED, ECAM_EIO. */
ecam_status ecam_parts_send(void *socket, const ecam_frame *frames, size_t n, int flags,
                            ecam_error *error);

#endif

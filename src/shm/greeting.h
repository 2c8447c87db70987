/* What a trainer and a stage say to each other over the stage's local socket:
 * one packet each way, a descriptor with it. Specified in proto/shm.md. */
#ifndef ECAM_SHM_GREETING_H
#define ECAM_SHM_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "eigencam/status.h"

/* The trainer's: who it is, and its ring where there is one. */
typedef struct ecam_offer {
    uint64_t session;
    uint32_t rank;
    bool has_ring;   /* a ring's descriptor comes with it */
    bool wants_page; /* it asks for a page with the stage's progress */
    char run[129];
    char endpoint[257]; /* where it sends its messages */
} ecam_offer;

/* The stage's. ring 0: not taken, tensors go in frames. */
typedef struct ecam_answer {
    uint64_t ring;
    bool has_page; /* the page's descriptor comes with it */
} ecam_answer;

/* A socket's name is a path, or "@" and an abstract name. The descriptor of a new
 * socket that listens there, or is connected there (which is the test for "on
 * this host"); -1 and errno on failure. Nothing blocks. */
int ecam_greeting_listen(const char *name);
int ecam_greeting_connect(const char *name);

/* fd -1: none goes along. Nothing blocks. Errors: ECAM_EAGAIN, ECAM_ECLOSED. */
ecam_status ecam_offer_send(int socket, const ecam_offer *offer, int fd);
ecam_status ecam_answer_send(int socket, const ecam_answer *answer, int fd);

/* *fd: the caller's, or -1. Errors: ECAM_EAGAIN (nothing there yet),
 * ECAM_ECLOSED (hung up), ECAM_EFORMAT (no such packet; *fd is -1 then). */
ecam_status ecam_offer_receive(int socket, ecam_offer *offer, int *fd);
ecam_status ecam_answer_receive(int socket, ecam_answer *answer, int *fd);

#endif

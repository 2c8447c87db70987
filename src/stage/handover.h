/* Trainers on this host: their rings, and the end of their processes. Listens on
 * a local socket, checks who comes and what he brings. Used by the main thread;
 * workers only read the rings of what is held. */
#ifndef ECAM_STAGE_HANDOVER_H
#define ECAM_STAGE_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm/greeting.h"
#include "shm/page.h"
#include "shm/ring.h"
#include "wire/message.h"

#define ECAM_MAX_PEERS 1024
#define ECAM_ALLOWED_UIDS 32

typedef struct ecam_peer ecam_peer;

/* A message that lies in a ring, as long as it is used. Zeroed: none. */
typedef struct ecam_hold {
    ecam_peer *peer;
    struct ecam_hold *prev, *next; /* of the same peer, in the order they came */
    uint64_t ticket;
} ecam_hold;

/* Who hands over is asked in this order: the socket, then the process. */
struct ecam_peer {
    ecam_peer *next;
    int socket, process; /* -1: hung up, not to be watched */
    pid_t pid;
    bool offered;
    ecam_offer offer;
    uint64_t number;     /* of the ring; 0: none taken */
    ecam_ring_reader ring;
    ecam_memfd page;
    ecam_hold *first, *last; /* held messages */
    uint64_t seen;       /* where the newest record ends */
    bool ended;          /* the process has */
    bool said_bye;
    int64_t give_up_ns;  /* when its rank is; 0: not */
    int64_t forget_ns;   /* when the rest of it is; 0: not */
};

typedef struct ecam_handover {
    char name[64];      /* of the socket; "": not open */
    int listener, events; /* events: epoll */
    bool frames_only;
    uid_t allowed[ECAM_ALLOWED_UIDS];
    size_t n_allowed;
    char endpoints[16][256]; /* that trainers reach this stage at */
    size_t n_endpoints;
    ecam_peer *peers;
    size_t n_peers;
    bool refusal_logged;
} ecam_handover;

/* Listen under a random name. Errors: ECAM_EIO; the stage goes on without. */
ecam_status ecam_handover_open(ecam_handover *h, ecam_error *error);
void ecam_handover_close(ecam_handover *h);

/* An endpoint of this stage's. */
void ecam_handover_serve(ecam_handover *h, const char *endpoint);

/* Readable where there is something to do; -1: never. */
int ecam_handover_fd(const ecam_handover *h);

/* Called when a rank is to be given up, its process having ended. */
typedef void ecam_peer_gone(void *context, const ecam_peer *peer);

/* Do what there is to do; gives the time of the next look. */
int64_t ecam_handover_work(ecam_handover *h, int64_t now_ns, ecam_peer_gone *gone, void *context);

/* The rank left in good order. */
void ecam_handover_bye(ecam_handover *h, const ecam_message *message);

/* Find the ring of a batch that lies in one, and note how far the trainer is;
 * *hold stays zeroed where it lies in none. Errors: ECAM_EINVAL (there is no
 * such ring, or it is not this sender's). */
ecam_status ecam_handover_hold(ecam_handover *h, const ecam_message *message, ecam_hold *hold,
                               ecam_error *error);
void ecam_hold_release(ecam_hold *hold);

/* The bytes of a field of a held message. Errors: as ecam_ring_find. */
ecam_status ecam_hold_find(const ecam_hold *hold, const ecam_field *field, const void **data,
                           ecam_error *error);

#endif

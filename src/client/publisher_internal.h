/* The publisher's state, shared by its parts: publisher.c (the interface),
 * publisher_batch.c (a batch out), publisher_control.c (hello, markers, bye),
 * publisher_upstream.c (what the stage says), publisher_ring.c (shared memory). */
#ifndef ECAM_CLIENT_PUBLISHER_INTERNAL_H
#define ECAM_CLIENT_PUBLISHER_INTERNAL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "client/receive.h"
#include "client/slots.h"
#include "client/wishes.h"
#include "eigencam/publisher.h"
#include "shm/ring.h"
#include "wire/pack.h"

typedef enum ecam_link_state {
    ECAM_LINK_NONE,    /* no stage on this host, or it hung up */
    ECAM_LINK_OFFERED, /* waiting for the answer */
    ECAM_LINK_ANSWERED
} ecam_link_state;

/* The hand-over's socket and what came of it. */
typedef struct ecam_link {
    ecam_link_state state;
    int socket;
    uint64_t stage;     /* that it leads to */
    uint64_t ring;      /* the number; 0: frames */
    ecam_memfd page;    /* the stage's progress */
    uint64_t consumed;  /* the most that it said, or that is known without it */
} ecam_link;

struct ecam_publisher {
    void *zmq, *socket; /* XPUB */
    char *endpoint;
    bool binds;
    unsigned block_ms;
    uint32_t rank, world;
    uint64_t session;
    char run[129];
    ecam_publisher_notice *notice;
    void *notice_context;
    unsigned char *alive; /* a page of 1s here, of 0s in a forked child */
    int64_t tick_ns;      /* the coarse clock at the last look upstream */

    ecam_wishes wishes;
    ecam_slots slots;
    ecam_parts parts;     /* of a message from the stage */
    ecam_arena arena;     /* what it says */
    ecam_buffer greeting; /* the keys that every hello adds, packed */
    char hello_topic[160], bye_topic[160];
    uint64_t hello_seq, bye_seq, marker_seq[ECAM_MODE_COUNT];
    bool hello_due;
    bool leaving;         /* bye was said */
    size_t unheard;       /* stages that have not said that they heard it */

    bool has_ring;
    ecam_ring_writer ring;
    ecam_link link;
    bool oversize_noticed;
    ecam_publisher_stats stats;
};

/* Monotonic. */
int64_t ecam_publisher_now(void);
void ecam_publisher_tell(ecam_publisher *p, const char *format, ...) ECAM_PRINTF(2, 3);

/* publisher_upstream.c: take in what the stage says, now or if the coarse clock
 * has moved. */
void ecam_publisher_listen(ecam_publisher *p);
void ecam_publisher_tick(ecam_publisher *p);

/* publisher_control.c: the parts of every header, into a new slot; and the
 * message out. seq goes up where it was sent. */
void ecam_publisher_pack_common(ecam_publisher *p, ecam_packer *packer, const char *type, uint32_t world,
                                uint64_t seq);
ecam_status ecam_publisher_build_greeting(ecam_publisher *p, const ecam_publisher_options *options);
void ecam_publisher_hello(ecam_publisher *p);
ecam_status ecam_publisher_marker(ecam_publisher *p, ecam_mode mode, uint64_t epoch, uint32_t world);
void ecam_publisher_bye(ecam_publisher *p);

/* publisher_ring.c */
void ecam_publisher_offer(ecam_publisher *p, uint64_t stage, const char *socket_name);
void ecam_publisher_link_look(ecam_publisher *p); /* answers, hang-ups */
void ecam_publisher_link_close(ecam_publisher *p);
/* Whether tensors may go through the ring now. */
bool ecam_publisher_can_share(const ecam_publisher *p);
/* Whether a record of so many bytes overwrites nothing that is not consumed. */
bool ecam_publisher_ring_room(ecam_publisher *p, size_t record_bytes);

#endif

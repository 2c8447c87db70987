/* Losses, counted from gaps in the `seq` of each stage and topic. */
#ifndef ECAM_CLIENT_GAPS_H
#define ECAM_CLIENT_GAPS_H

#include <stddef.h>
#include <stdint.h>

#define ECAM_GAPS_SLOTS 4096

/* Bounded: a peer can invent topics without end, so one that finds its places
 * taken pushes out the one not seen for longest, which then starts afresh, its
 * next gap unseen. */
typedef struct ecam_gaps {
    struct {
        uint64_t hash; /* of stage and topic; 0: free */
        uint64_t next; /* the `seq` expected */
        uint64_t seen; /* `clock` when it came last */
    } slots[ECAM_GAPS_SLOTS];
    uint64_t clock;
    uint64_t lost;
} ecam_gaps;

/* Take note of a message. The first of a topic opens no gap; one that comes
 * again or too late counts as nothing. */
void ecam_gaps_note(ecam_gaps *gaps, uint64_t stage, const void *topic, size_t topic_bytes,
                    uint64_t seq);

#endif

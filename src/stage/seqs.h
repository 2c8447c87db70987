/* Sequence numbers: what is lost, and what came twice, in one stream of
 * messages (one session and topic). Order may vary within a window. */
#ifndef ECAM_STAGE_SEQS_H
#define ECAM_STAGE_SEQS_H

#include <stdbool.h>
#include <stdint.h>

#define ECAM_SEQ_WINDOW 1024

/* A zeroed one has seen nothing. */
typedef struct ecam_seqs {
    bool started;
    uint64_t next;                       /* one above the highest seen */
    uint64_t seen[ECAM_SEQ_WINDOW / 64]; /* bit n % window: n was seen */
} ecam_seqs;

/* What one more number means: DUPLICATE (or too old to tell), LATE (fills a
 * gap: the loss is one less), or NEW, then *lost numbers were jumped over. */
typedef enum ecam_seq_verdict { ECAM_SEQ_NEW, ECAM_SEQ_LATE, ECAM_SEQ_DUPLICATE } ecam_seq_verdict;

/* Everything below the first number counts as seen; without this call the first
 * number noted is the first. */
void ecam_seqs_start(ecam_seqs *seqs, uint64_t first);

/* The sender says that `last` was its last number: gives how many more are lost
 * by that. Of one that was not started nothing is known: 0. */
uint64_t ecam_seqs_tell(ecam_seqs *seqs, uint64_t last);

ecam_seq_verdict ecam_seqs_note(ecam_seqs *seqs, uint64_t seq, uint64_t *lost);

#endif

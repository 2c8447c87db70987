#include "stage/seqs.h"

#include <string.h>

static uint64_t *word_of(ecam_seqs *seqs, uint64_t seq)
{
    return &seqs->seen[seq % ECAM_SEQ_WINDOW / 64];
}

static uint64_t bit_of(uint64_t seq)
{
    return (uint64_t)1 << (seq % 64);
}

/* Everything below the first number counts as seen: it was sent before this
 * stage listened. */
static void start(ecam_seqs *seqs, uint64_t seq)
{
    seqs->started = true;
    seqs->next = seq;
    memset(seqs->seen, 0xff, sizeof seqs->seen);
}

ecam_seq_verdict ecam_seqs_note(ecam_seqs *seqs, uint64_t seq, uint64_t *lost)
{
    *lost = 0;
    if (!seqs->started)
        start(seqs, seq);
    if (seq < seqs->next) {
        bool too_old = seqs->next - seq > ECAM_SEQ_WINDOW;
        if (too_old || *word_of(seqs, seq) & bit_of(seq))
            return ECAM_SEQ_DUPLICATE;
        *word_of(seqs, seq) |= bit_of(seq);
        return ECAM_SEQ_LATE;
    }

    *lost = seq - seqs->next;
    if (*lost >= ECAM_SEQ_WINDOW) {
        memset(seqs->seen, 0, sizeof seqs->seen);
    } else {
        for (uint64_t n = seqs->next; n < seq; n++)
            *word_of(seqs, n) &= ~bit_of(n);
    }
    *word_of(seqs, seq) |= bit_of(seq);
    seqs->next = seq + 1;
    return ECAM_SEQ_NEW;
}

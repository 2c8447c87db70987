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

void ecam_seqs_start(ecam_seqs *seqs, uint64_t first)
{
    seqs->started = true;
    seqs->next = first;
    memset(seqs->seen, 0xff, sizeof seqs->seen);
}

/* Nothing from `next` to below `end` was seen. */
static void forget_until(ecam_seqs *seqs, uint64_t end)
{
    if (end - seqs->next >= ECAM_SEQ_WINDOW) {
        memset(seqs->seen, 0, sizeof seqs->seen);
    } else {
        for (uint64_t n = seqs->next; n < end; n++)
            *word_of(seqs, n) &= ~bit_of(n);
    }
}

uint64_t ecam_seqs_tell(ecam_seqs *seqs, uint64_t last)
{
    if (!seqs->started || last < seqs->next)
        return 0;
    uint64_t lost = last + 1 - seqs->next;
    forget_until(seqs, last + 1);
    seqs->next = last + 1;
    return lost;
}

ecam_seq_verdict ecam_seqs_note(ecam_seqs *seqs, uint64_t seq, uint64_t *lost)
{
    *lost = 0;
    if (!seqs->started)
        ecam_seqs_start(seqs, seq);
    if (seq < seqs->next) {
        bool too_old = seqs->next - seq > ECAM_SEQ_WINDOW;
        if (too_old || *word_of(seqs, seq) & bit_of(seq))
            return ECAM_SEQ_DUPLICATE;
        *word_of(seqs, seq) |= bit_of(seq);
        return ECAM_SEQ_LATE;
    }

    *lost = seq - seqs->next;
    forget_until(seqs, seq);
    *word_of(seqs, seq) |= bit_of(seq);
    seqs->next = seq + 1;
    return ECAM_SEQ_NEW;
}

/* What became of the batch messages of each rank of a run. The unit is the
 * message; for each rank
 *
 *   sent = used + unwanted + late + overwritten + rejected + lost
 *
 * holds at any time, with each message in exactly one class. `sent` is what
 * the stage knows to have been handed to ZeroMQ for it: by the numbers that it
 * has seen, and by those that a marker or a bye names. Duplicates stand
 * outside. Knows no sockets and no clock. */
#ifndef ECAM_STAGE_LEDGER_H
#define ECAM_STAGE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "stage/seqs.h"
#include "wire/message.h"

#define ECAM_LEDGER_SESSIONS 4    /* of a rank; the oldest is forgotten */
#define ECAM_LEDGER_STREAMS 4096  /* topics of a session; more are not followed */

typedef enum ecam_class {
    ECAM_CLASS_USED,        /* at least one of its samples is */
    ECAM_CLASS_UNWANTED,    /* filtered, or beyond n_samples */
    ECAM_CLASS_LATE,        /* for an epoch that is published */
    ECAM_CLASS_OVERWRITTEN, /* in shared memory, before any sample was read */
    ECAM_CLASS_REJECTED,    /* faulty */
    ECAM_CLASS_LOST,        /* on the way */
    ECAM_CLASS_COUNT
} ecam_class;

/* "used", ...; static storage. */
const char *ecam_class_name(ecam_class class);

typedef struct ecam_account {
    uint64_t sent;
    uint64_t classes[ECAM_CLASS_COUNT];
    uint64_t duplicates;
} ecam_account;

uint64_t ecam_account_sum(const ecam_account *account);

typedef struct ecam_ledger_session {
    uint64_t id;
    bool from_start;    /* its first hello is here: nothing was sent before */
    ecam_table streams; /* ecam_seqs by topic */
} ecam_ledger_session;

typedef struct ecam_ledger_rank {
    uint32_t rank;
    ecam_account account;
    ecam_ledger_session *sessions[ECAM_LEDGER_SESSIONS]; /* the newest first */
    size_t n_sessions;
} ecam_ledger_rank;

/* Of one run. */
typedef struct ecam_ledger {
    ecam_table ranks; /* ecam_ledger_rank by number */
    ecam_account account; /* of all ranks together */
    size_t max_ranks; /* 0: no bound */
} ecam_ledger;

void ecam_ledger_finish(ecam_ledger *ledger);

/* The rank, made where it is not there. Errors: ECAM_ELIMIT, ECAM_ENOMEM. */
ecam_status ecam_ledger_rank_of(ecam_ledger *ledger, uint32_t rank, ecam_ledger_rank **out, ecam_error *error);

/* Whether a message is a batch, as its topic says: also of one that could not be
 * decoded. */
bool ecam_ledger_counts(const ecam_message *message);

/* A message of this rank came, of any type: what its number means. *lost: batch
 * messages now known to be lost. A batch that is not a duplicate must then be
 * put into a class. Errors: ECAM_ENOMEM (it counts as new). */
ecam_status ecam_ledger_note(ecam_ledger *ledger, ecam_ledger_rank *rank, const ecam_message *message,
                             ecam_seq_verdict *verdict, uint64_t *lost);

/* The sender says which number was the last of a batch topic. Gives how many
 * are lost by that. */
uint64_t ecam_ledger_tell(ecam_ledger *ledger, ecam_ledger_rank *rank, uint64_t session, const char *topic,
                          uint64_t last_seq);

/* Put one batch message into a class, or move it from one to another. */
void ecam_ledger_class(ecam_ledger *ledger, ecam_ledger_rank *rank, ecam_class class);
void ecam_ledger_move(ecam_ledger *ledger, ecam_ledger_rank *rank, ecam_class from, ecam_class to);

#endif

#include "stage/ledger.h"

#include <stdlib.h>
#include <string.h>

const char *ecam_class_name(ecam_class class)
{
    static const char *const names[ECAM_CLASS_COUNT] = {"used", "unwanted", "late", "overwritten", "rejected", "lost"};
    return names[class];
}

uint64_t ecam_account_sum(const ecam_account *account)
{
    uint64_t sum = 0;

    for (int class = 0; class < ECAM_CLASS_COUNT; class++)
        sum += account->classes[class];
    return sum;
}

static void destroy_session(ecam_ledger_session *session)
{
    ecam_table_finish(&session->streams, free);
    free(session);
}

static void destroy_rank(void *value)
{
    ecam_ledger_rank *rank = value;

    for (size_t i = 0; i < rank->n_sessions; i++)
        destroy_session(rank->sessions[i]);
    free(rank);
}

void ecam_ledger_finish(ecam_ledger *ledger)
{
    ecam_table_finish(&ledger->ranks, destroy_rank);
}

ecam_status ecam_ledger_rank_of(ecam_ledger *ledger, uint32_t rank, ecam_ledger_rank **out, ecam_error *error)
{
    *out = ecam_table_get(&ledger->ranks, &rank, sizeof rank);
    if (*out)
        return ECAM_OK;
    if (ledger->max_ranks > 0 && ledger->ranks.count >= ledger->max_ranks)
        return ecam_fail(error, ECAM_ELIMIT, "rank %u is one too many: at most %zu of a run are served", rank,
                         ledger->max_ranks);
    ecam_ledger_rank *new = calloc(1, sizeof *new);
    if (!new || ecam_table_put(&ledger->ranks, &rank, sizeof rank, new) != ECAM_OK) {
        free(new);
        return ecam_fail(error, ECAM_ENOMEM, "no memory for rank %u", rank);
    }
    new->rank = rank;
    *out = new;
    return ECAM_OK;
}

static void count_sent(ecam_ledger *ledger, ecam_ledger_rank *rank, uint64_t n)
{
    ledger->account.sent += n;
    rank->account.sent += n;
}

static void count_lost(ecam_ledger *ledger, ecam_ledger_rank *rank, uint64_t n)
{
    count_sent(ledger, rank, n);
    ledger->account.classes[ECAM_CLASS_LOST] += n;
    rank->account.classes[ECAM_CLASS_LOST] += n;
}

/* What was lost has come after all. */
static void count_found(ecam_ledger *ledger, ecam_ledger_rank *rank)
{
    ledger->account.classes[ECAM_CLASS_LOST]--;
    rank->account.classes[ECAM_CLASS_LOST]--;
}

static ecam_ledger_session *find_session(const ecam_ledger_rank *rank, uint64_t id)
{
    for (size_t i = 0; i < rank->n_sessions; i++)
        if (rank->sessions[i]->id == id)
            return rank->sessions[i];
    return NULL;
}

/* A process that starts again has a session of its own; only a replay goes back
 * to one before. */
static ecam_ledger_session *session_of(ecam_ledger_rank *rank, uint64_t id)
{
    ecam_ledger_session *session = find_session(rank, id);

    if (session)
        return session;
    session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->id = id;
    if (rank->n_sessions == ECAM_LEDGER_SESSIONS)
        destroy_session(rank->sessions[--rank->n_sessions]);
    memmove(&rank->sessions[1], &rank->sessions[0], rank->n_sessions * sizeof *rank->sessions);
    rank->n_sessions++;
    rank->sessions[0] = session;
    return session;
}

static ecam_status stream_of(ecam_ledger_session *session, const char *topic, ecam_seqs **out)
{
    size_t size = strlen(topic);

    *out = ecam_table_get(&session->streams, topic, size);
    if (*out)
        return ECAM_OK;
    if (session->streams.count >= ECAM_LEDGER_STREAMS)
        return ECAM_ELIMIT;
    *out = calloc(1, sizeof **out);
    if (*out && ecam_table_put(&session->streams, topic, size, *out) == ECAM_OK)
        return ECAM_OK;
    free(*out);
    *out = NULL;
    return ECAM_ENOMEM;
}

static bool is_batch(const char *topic)
{
    return strncmp(topic, "batch|", strlen("batch|")) == 0;
}

bool ecam_ledger_counts(const ecam_message *m)
{
    return m->topic && is_batch(m->topic);
}

/* Without a stream's memory its numbers are of no account. */
static ecam_seq_verdict look(ecam_ledger_rank *rank, const ecam_message *m, uint64_t *jumped, ecam_status *st)
{
    ecam_ledger_session *session = m->has_seq ? session_of(rank, m->session) : NULL;
    ecam_seqs *seqs = NULL;

    *jumped = 0;
    *st = session || !m->has_seq ? ECAM_OK : ECAM_ENOMEM;
    if (session)
        *st = stream_of(session, m->topic, &seqs);
    if (!seqs)
        return ECAM_SEQ_NEW;
    if (m->seq == 0 && strncmp(m->topic, "hello|", strlen("hello|")) == 0)
        session->from_start = true;
    if (!seqs->started && session->from_start)
        ecam_seqs_start(seqs, 0);
    ecam_seq_verdict verdict = ecam_seqs_note(seqs, m->seq, jumped);
    /* Without a session a trainer that starts again cannot be told from one
     * that repeats itself: better twice than not at all. */
    return verdict == ECAM_SEQ_DUPLICATE && !m->has_session ? ECAM_SEQ_NEW : verdict;
}

ecam_status ecam_ledger_note(ecam_ledger *ledger, ecam_ledger_rank *rank, const ecam_message *m,
                             ecam_seq_verdict *verdict, uint64_t *lost)
{
    uint64_t jumped;
    ecam_status st;

    *verdict = look(rank, m, &jumped, &st);
    *lost = 0;
    if (!ecam_ledger_counts(m))
        return st;
    *lost = jumped;
    count_lost(ledger, rank, jumped);
    if (*verdict == ECAM_SEQ_DUPLICATE) {
        ledger->account.duplicates++;
        rank->account.duplicates++;
    } else if (*verdict == ECAM_SEQ_LATE) {
        count_found(ledger, rank);
    } else {
        count_sent(ledger, rank, 1);
    }
    return st;
}

uint64_t ecam_ledger_tell(ecam_ledger *ledger, ecam_ledger_rank *rank, uint64_t id, const char *topic,
                          uint64_t last_seq)
{
    ecam_ledger_session *session = is_batch(topic) ? find_session(rank, id) : NULL;
    ecam_seqs *seqs = session ? ecam_table_get(&session->streams, topic, strlen(topic)) : NULL;
    uint64_t lost;

    /* All of a topic may be lost; or it was sent before this stage listened. */
    if (!seqs && session && session->from_start && stream_of(session, topic, &seqs) == ECAM_OK)
        ecam_seqs_start(seqs, 0);
    if (!seqs)
        return 0;
    lost = ecam_seqs_tell(seqs, last_seq);
    count_lost(ledger, rank, lost);
    return lost;
}

void ecam_ledger_class(ecam_ledger *ledger, ecam_ledger_rank *rank, ecam_class class)
{
    ledger->account.classes[class]++;
    rank->account.classes[class]++;
}

void ecam_ledger_move(ecam_ledger *ledger, ecam_ledger_rank *rank, ecam_class from, ecam_class to)
{
    ledger->account.classes[from]--;
    rank->account.classes[from]--;
    ecam_ledger_class(ledger, rank, to);
}

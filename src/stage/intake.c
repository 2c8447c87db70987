/* Messages in: decode, filter, collect, and hand samples to the workers. */
#include <inttypes.h>
#include <string.h>

#include <zmq.h>

#include "base/log.h"
#include "stage/internal.h"
#include "stage/shared.h"

static void record(ecam_stage *stage, const ecam_parts *parts)
{
    ecam_error error;
    int64_t now = ecam_stage_now();

    if (!stage->recorder)
        return;
    if (stage->record_from_ns == 0)
        stage->record_from_ns = now;
    if (ecam_recorder_write(stage->recorder, (uint64_t)(now - stage->record_from_ns), parts->frames,
                            parts->n, &error) != ECAM_OK) {
        ecam_stage_error(stage, &error, NULL, NULL);
        (void)ecam_recorder_close(&stage->recorder, NULL);
    }
}

/* Every batch that is no duplicate comes here, once. */
static void put_into(ecam_stage *stage, const ecam_delivery *delivery, ecam_class class)
{
    if (!ecam_ledger_counts(&delivery->message))
        return;
    stage->counters.classes[class]++;
    if (delivery->sender)
        ecam_ledger_class(&delivery->run->ledger, delivery->sender, class);
}

static void reject(ecam_stage *stage, const ecam_error *error, const ecam_delivery *delivery)
{
    const ecam_message *m = &delivery->message;

    stage->counters.rejected++;
    if (delivery->run)
        delivery->run->rejected++;
    put_into(stage, delivery, ECAM_CLASS_REJECTED);
    ecam_stage_error(stage, error, m, m->bad_key);
}

static void count_lost(ecam_stage *stage, uint64_t n)
{
    stage->counters.classes[ECAM_CLASS_LOST] += n;
}

/* ---- one batch for one output ---- */

typedef struct intake {
    ecam_stage *stage;
    ecam_delivery *delivery;
    ecam_epoch *epoch;
    const ecam_output *output;
    const ecam_trace *trace;
    ecam_image_batch images;
    ecam_activation_batch activations;
    const ecam_field *image_field, *activation_field;
    const ecam_field *labels, *preds; /* NULL: none */
} intake;

static ecam_status find_tensor(const ecam_message *m, const char *key, const ecam_trace *trace,
                               const ecam_field **out, ecam_error *error)
{
    *out = ecam_message_field(m, key);
    if (!*out)
        return ecam_fail(error, ECAM_EMISSING, "the batch has no \"%s\", which output \"%s\" takes", key,
                         trace->outputs);
    if (!(*out)->is_tensor)
        return ecam_fail(error, ECAM_ETYPE, "\"%s\" is a list; expected a tensor", key);
    return ECAM_OK;
}

/* Say once for a run that a key which the user named is not in its batches. */
static void miss_key(ecam_stage *stage, const ecam_message *m, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    ecam_error error;

    for (const char *at = m->run; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    for (const char *at = key; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    if (stage->missed[hash % 8] == hash)
        return;
    stage->missed[hash % 8] = hash;
    ecam_fail(&error, ECAM_EMISSING, "the batches have no \"%s\": captions go without it", key);
    ecam_stage_error(stage, &error, m, key);
}

static ecam_status find_labels(const intake *in, const char *key, bool asked, const ecam_field **out,
                               ecam_error *error)
{
    const ecam_message *m = &in->delivery->message;

    *out = ecam_message_field(m, key);
    if (!*out && asked)
        miss_key(in->stage, m, key);
    ecam_status st = *out ? ecam_shared_bring(in->delivery, *out, error) : ECAM_OK;
    return *out && st == ECAM_OK ? ecam_label_check(*out, in->images.n, error) : st;
}

static ecam_status read_batch(intake *in, ecam_error *error)
{
    const ecam_message *m = &in->delivery->message;
    const ecam_trace *t = in->trace;
    ecam_status st = find_tensor(m, t->images, t, &in->image_field, error);

    if (st == ECAM_OK)
        st = find_tensor(m, t->activations, t, &in->activation_field, error);
    if (st == ECAM_OK)
        st = ecam_shape_images(&in->image_field->tensor, t->image_layout, &in->images, error);
    if (st == ECAM_OK)
        st = ecam_shape_activations(&in->activation_field->tensor, t->activation_layout, in->images.layout,
                                    &in->activations, error);
    if (st == ECAM_OK && in->images.n != in->activations.n)
        st = ecam_fail(error, ECAM_ESHAPE, "\"%s\" has %" PRIu64 " samples, \"%s\" has %" PRIu64
                       "; expected the same batch size", t->images, in->images.n, t->activations,
                       in->activations.n);
    if (st == ECAM_OK && in->images.n > UINT32_MAX)
        st = ecam_fail(error, ECAM_ELIMIT, "a batch of %" PRIu64 " samples is too large", in->images.n);
    if (st == ECAM_OK)
        st = find_labels(in, t->labels, t->labels_asked, &in->labels, error);
    if (st == ECAM_OK)
        st = find_labels(in, t->preds, t->preds_asked, &in->preds, error);
    return st;
}

static void run_sample(ecam_task *task, ecam_worker *worker)
{
    ecam_sample_project((ecam_sample *)task, worker);
}

/* The trainer was faster: the sample is lost, and with the last one its message. */
static void count_overwritten(ecam_stage *stage, ecam_delivery *delivery)
{
    if (++delivery->overwritten < delivery->samples)
        return;
    stage->counters.classes[ECAM_CLASS_USED]--;
    stage->counters.classes[ECAM_CLASS_OVERWRITTEN]++;
    if (delivery->sender)
        ecam_ledger_move(&delivery->run->ledger, delivery->sender, ECAM_CLASS_USED, ECAM_CLASS_OVERWRITTEN);
}

static void sample_done(ecam_task *task, void *context)
{
    ecam_stage *stage = context;
    ecam_sample *sample = (ecam_sample *)task;
    ecam_epoch *epoch = sample->epoch;

    epoch->pending--;
    if (sample->overwritten)
        count_overwritten(stage, sample->delivery);
    if (sample->status != ECAM_OK && !sample->dropped) {
        stage->counters.failed_samples += !sample->overwritten;
        if (!sample->overwritten)
            ecam_stage_error(stage, &sample->error, &sample->delivery->message, NULL);
        for (size_t o = 0; o < epoch->traces->n; o++)
            ecam_output_remove(&epoch->outputs[o], sample);
        sample->dropped = true;
    }
    if (sample->status == ECAM_OK && sample->error.text[0] && !stage->shelf.spill_failed) {
        stage->shelf.spill_failed = true;
        sample->error.status = ECAM_EIO;
        ecam_stage_error(stage, &sample->error, &sample->delivery->message, NULL);
    }
    ecam_delivery_unref(&sample->delivery);
    if (sample->dropped)
        ecam_sample_give(&stage->shelf, &sample);
    else
        sample->task = (ecam_task){0}; /* no longer with the workers */
}

static void drop(ecam_stage *stage, ecam_sample *sample)
{
    sample->dropped = true;
    if (!sample->task.run)
        ecam_sample_give(&stage->shelf, &sample);
}

static ecam_status take_sample(intake *in, const ecam_sample_key *key, uint64_t i)
{
    ecam_stage *stage = in->stage;
    ecam_output *output = (ecam_output *)in->output;
    ecam_sample *evicted, *sample = ecam_sample_take(&stage->shelf);

    if (!sample)
        return ECAM_ENOMEM;
    sample->key = *key;
    sample->epoch = in->epoch;
    if (in->labels)
        ecam_label_read(in->labels, i, &sample->label);
    if (in->preds)
        ecam_label_read(in->preds, i, &sample->pred);
    ecam_sample_set(sample, in->trace, &in->images, &in->activations, i);
    ecam_shared_tell(in->delivery, in->image_field, in->activation_field, i, sample);
    ecam_status st = ecam_output_add(output, sample, &evicted);
    if (st != ECAM_OK) {
        ecam_sample_give(&stage->shelf, &sample);
        return st;
    }
    if (evicted)
        drop(stage, evicted);
    sample->delivery = ecam_delivery_ref(in->delivery);
    sample->task.run = run_sample;
    sample->task.done = sample_done;
    in->delivery->samples++;
    in->epoch->pending++;
    stage->counters.samples++;
    ecam_pool_submit(stage->pool, &sample->task, false);
    return ECAM_OK;
}

/* *used: whether any sample was taken. */
static ecam_status take_batch(intake *in, bool *used, ecam_error *error)
{
    const ecam_message *m = &in->delivery->message;
    ecam_sample_key key = {.step = m->step, .rank = m->rank};
    ecam_status st = read_batch(in, error);

    if (st != ECAM_OK)
        return st;
    memcpy(key.ds_id, m->ds_id, strnlen(m->ds_id, sizeof key.ds_id - 1));
    for (uint64_t i = 0; i < in->images.n; i++) {
        key.index = (uint32_t)i;
        if (!ecam_output_wants(in->output, &key))
            break; /* the rest of the batch comes after this one */
        st = take_sample(in, &key, i);
        if (st == ECAM_ENOMEM)
            return ecam_fail(error, st, "no memory for a sample");
        if (st == ECAM_OK)
            *used = true;
    }
    return ECAM_OK;
}

static bool output_accepts(const ecam_trace *trace, const ecam_message *m)
{
    return ecam_filter_accepts(&trace->mode, ecam_mode_name(m->mode)) &&
           ecam_filter_accepts(&trace->ds_id, m->ds_id);
}

static bool any_accepts(const ecam_stage *stage, const ecam_run *run, const ecam_message *m, bool marker)
{
    const ecam_traces *set =
        !stage->collector.own && run->traces ? run->traces : stage->collector.traces;

    for (size_t i = 0; i < set->n; i++) {
        bool mode = ecam_filter_accepts(&set->traces[i].mode, ecam_mode_name(m->mode));
        if (mode && (marker || output_accepts(&set->traces[i], m)))
            return true;
    }
    return false;
}

/* The same error for several outputs is one error. */
static void take_for_outputs(ecam_stage *stage, ecam_delivery *delivery, ecam_epoch *epoch)
{
    const ecam_message *m = &delivery->message;
    bool used = false, failed = false, overwritten = false;
    ecam_error error;
    ecam_status st = ecam_shared_open(delivery, &error);

    if (st != ECAM_OK && st != ECAM_ECLOSED) {
        reject(stage, &error, delivery);
        return;
    }
    overwritten = st != ECAM_OK;
    for (size_t o = 0; o < epoch->traces->n && !overwritten; o++) {
        intake in = {.stage = stage, .delivery = delivery, .epoch = epoch,
                     .output = &epoch->outputs[o], .trace = epoch->outputs[o].trace};
        ecam_error this_error;
        st = output_accepts(in.trace, m) ? take_batch(&in, &used, &this_error) : ECAM_OK;
        overwritten |= st == ECAM_ECLOSED;
        if (st == ECAM_OK || st == ECAM_ECLOSED)
            continue;
        if (!failed)
            error = this_error;
        failed = true;
    }
    if (failed && used) {
        ecam_stage_error(stage, &error, m, NULL);
    } else if (failed) {
        reject(stage, &error, delivery);
    }
    if (used)
        put_into(stage, delivery, ECAM_CLASS_USED);
    else if (overwritten && !failed)
        put_into(stage, delivery, ECAM_CLASS_OVERWRITTEN);
    else if (!failed)
        put_into(stage, delivery, ECAM_CLASS_UNWANTED);
}

static void take_late(ecam_stage *stage, ecam_run *run, const ecam_delivery *delivery)
{
    const ecam_message *m = &delivery->message;

    if (run->late++ == 0)
        ecam_log("run %s: a batch of epoch %" PRIu64 " came late: that epoch is published (a run that "
                 "starts again needs another session or name)", run->name, m->epoch);
    put_into(stage, delivery, ECAM_CLASS_LATE);
}

static void see_batch(ecam_stage *stage, ecam_run *run, ecam_delivery *delivery, uint64_t lost,
                      bool fills_gap)
{
    const ecam_message *m = &delivery->message;
    ecam_epoch *epoch;
    ecam_part *part;
    ecam_error error;

    if (!any_accepts(stage, run, m, false)) {
        put_into(stage, delivery, ECAM_CLASS_UNWANTED);
        return;
    }
    ecam_status st = ecam_collector_locate(&stage->collector, run, m, ecam_stage_now(), &epoch, &part, &error);
    if (st == ECAM_OK && ecam_part_count(part, m->ds_id) != ECAM_OK)
        st = ecam_fail(&error, ECAM_ENOMEM, "no memory to count the batches of data set \"%s\"", m->ds_id);
    if (st == ECAM_ECLOSED) {
        take_late(stage, run, delivery);
    } else if (st != ECAM_OK) {
        reject(stage, &error, delivery);
    } else {
        part->gap_lost += lost;
        if (fills_gap && part->gap_lost > 0)
            part->gap_lost--;
        take_for_outputs(stage, delivery, epoch);
    }
}

/* What the sender says of its last numbers; topics that are not subscribed to
 * never come. Gives how many batches are lost by that. */
static uint64_t take_last_seqs(ecam_stage *stage, const ecam_delivery *delivery)
{
    const ecam_message *m = &delivery->message;
    uint64_t lost = 0;

    for (size_t i = 0; i < m->n_last_seq && m->has_session; i++)
        if (ecam_stage_subscribes(stage, m->last_seq[i].topic))
            lost += ecam_ledger_tell(&delivery->run->ledger, delivery->sender, m->session, m->last_seq[i].topic,
                                     m->last_seq[i].seq);
    count_lost(stage, lost);
    return lost;
}

static void see_marker(ecam_stage *stage, ecam_delivery *delivery)
{
    const ecam_message *m = &delivery->message;
    ecam_epoch *epoch;
    ecam_part *part;
    ecam_error error;
    int64_t now = ecam_stage_now();
    uint64_t lost = take_last_seqs(stage, delivery);

    if (!any_accepts(stage, delivery->run, m, true))
        return;
    ecam_status st = ecam_collector_locate(&stage->collector, delivery->run, m, now, &epoch, &part, &error);
    if (st == ECAM_OK) {
        part->gap_lost += lost;
        ecam_collector_mark(&stage->collector, epoch, part, m, now);
    } else if (st != ECAM_ECLOSED) {
        reject(stage, &error, delivery);
    }
}

static void see_message(ecam_stage *stage, ecam_delivery *delivery, uint64_t lost, bool fills_gap)
{
    const ecam_message *m = &delivery->message;
    ecam_run *run = delivery->run;
    ecam_error error;

    switch (m->type) {
    case ECAM_MESSAGE_HELLO:
        if (ecam_collector_hello(&stage->collector, run, m, &error) != ECAM_OK)
            reject(stage, &error, delivery);
        ecam_caller_greeted(&stage->caller, ecam_stage_now());
        break;
    case ECAM_MESSAGE_BATCH: see_batch(stage, run, delivery, lost, fills_gap); break;
    case ECAM_MESSAGE_EPOCH_END: see_marker(stage, delivery); break;
    case ECAM_MESSAGE_BYE:
        (void)take_last_seqs(stage, delivery);
        ecam_collector_bye(&stage->collector, run, m);
        ecam_handover_bye(&stage->handover, m);
        break;
    }
}

/* Who sent it. A faulty message is laid to a run that is there, and opens none. */
static ecam_status find_sender(ecam_stage *stage, ecam_delivery *delivery, bool faulty, ecam_error *error)
{
    const ecam_message *m = &delivery->message;
    ecam_status st = ECAM_OK;

    if (!m->run || !*m->run)
        return ECAM_OK;
    if (faulty)
        delivery->run = ecam_table_get(&stage->collector.runs, m->run, strlen(m->run));
    else
        st = ecam_collector_run(&stage->collector, m->run, &delivery->run, error);
    if (delivery->run)
        ecam_collector_touch(delivery->run, ecam_stage_now());
    return delivery->run ? ecam_ledger_rank_of(&delivery->run->ledger, m->rank, &delivery->sender, error) : st;
}

/* A message that cannot be decoded has used up its number all the same. */
static ecam_seq_verdict note_seq(ecam_stage *stage, const ecam_delivery *delivery, uint64_t *lost)
{
    ecam_seq_verdict verdict = ECAM_SEQ_NEW;

    *lost = 0;
    if (!delivery->sender || !delivery->message.topic)
        return ECAM_SEQ_NEW;
    (void)ecam_ledger_note(&delivery->run->ledger, delivery->sender, &delivery->message, &verdict, lost);
    count_lost(stage, *lost);
    if (verdict == ECAM_SEQ_LATE && ecam_ledger_counts(&delivery->message))
        stage->counters.classes[ECAM_CLASS_LOST]--;
    stage->counters.duplicates += verdict == ECAM_SEQ_DUPLICATE;
    return verdict;
}

/* Also when it comes again: whoever says it waits for the answer. */
static void note_heard(ecam_stage *stage, const ecam_message *m)
{
    if (m->type != ECAM_MESSAGE_BYE || !m->has_session)
        return;
    stage->heard.sessions[stage->heard.n_sessions++] = m->session;
    if (stage->heard.n_sessions == ECAM_HEARD_SESSIONS)
        ecam_stage_tell_heard(stage);
}

static void see_delivery(ecam_stage *stage, ecam_delivery *delivery)
{
    ecam_message *m = &delivery->message;
    ecam_error error, sender_error;
    uint64_t lost;

    stage->counters.received++;
    record(stage, &delivery->parts);
    ecam_status st = ecam_message_decode_shared(delivery->parts.frames, delivery->parts.n, &delivery->arena, m,
                                               &error);
    ecam_status known = find_sender(stage, delivery, st != ECAM_OK, &sender_error);
    ecam_seq_verdict verdict = note_seq(stage, delivery, &lost);
    if (st == ECAM_OK)
        note_heard(stage, m);
    if (verdict == ECAM_SEQ_DUPLICATE)
        return;
    if (st != ECAM_OK || known != ECAM_OK) {
        reject(stage, st != ECAM_OK ? &error : &sender_error, delivery);
        return;
    }
    if (m->type == ECAM_MESSAGE_BATCH)
        stage->counters.batches++;
    if (ecam_handover_hold(&stage->handover, m, &delivery->hold, &error) != ECAM_OK) {
        m->bad_key = "shm";
        reject(stage, &error, delivery);
        return;
    }
    see_message(stage, delivery, lost, verdict == ECAM_SEQ_LATE);
}

bool ecam_stage_receive(ecam_stage *stage)
{
    ecam_error error;
    ecam_delivery *delivery = ecam_delivery_take(&stage->desk);

    if (!delivery)
        return false;
    ecam_status st = ecam_parts_receive(stage->in, ZMQ_DONTWAIT, &delivery->parts, &error);
    bool received = st == ECAM_OK;
    if (received) {
        ecam_delivery_filled(delivery);
        see_delivery(stage, delivery);
    } else if (st != ECAM_EAGAIN && st != ECAM_ECLOSED) {
        stage->counters.received++;
        stage->counters.rejected++;
        ecam_stage_error(stage, &error, NULL, NULL);
        received = true;
    }
    ecam_delivery_unref(&delivery);
    return received;
}

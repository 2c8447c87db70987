/* The small messages: hello, epoch_end, bye. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "client/publisher_internal.h"
#include "wire/header.h"

#define HEADER_BYTES 1024

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* world 0: left open. */
void ecam_publisher_pack_common(ecam_publisher *p, ecam_packer *packer, const char *type, uint32_t world,
                                uint64_t seq)
{
    ecam_pack_uint_entry(packer, "v", ECAM_PROTOCOL_VERSION);
    ecam_pack_text_entry(packer, "type", type);
    ecam_pack_text_entry(packer, "run", p->run);
    ecam_pack_uint_entry(packer, "rank", p->rank);
    if (world > 0)
        ecam_pack_uint_entry(packer, "world", world);
    ecam_pack_uint_entry(packer, "session", p->session);
    ecam_pack_uint_entry(packer, "seq", seq);
    ecam_pack_uint_entry(packer, "time_ns", wall_clock_ns());
}

static ecam_status send_control(ecam_publisher *p, const char *topic, ecam_slot *slot, uint64_t *seq)
{
    if (zmq_send(p->socket, topic, strlen(topic), ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
        ecam_slots_give(&p->slots, slot);
        return ECAM_EAGAIN;
    }
    ecam_status st = ecam_slots_send(&p->slots, slot, p->socket, ZMQ_DONTWAIT);
    if (st == ECAM_OK)
        (*seq)++;
    return st;
}

static void pack_mapping(ecam_packer *packer, const ecam_publisher_options *o)
{
    ecam_pack_key(packer, "label_mapping");
    ecam_pack_map(packer, o->n_class_names);
    for (size_t i = 0; i < o->n_class_names; i++) {
        ecam_pack_text(packer, o->class_names[i]);
        ecam_pack_uint(packer, i);
    }
}

static void pack_traces(ecam_packer *packer, const ecam_publisher_options *o)
{
    ecam_pack_key(packer, "traces");
    ecam_pack_list(packer, o->n_traces);
    for (size_t i = 0; i < o->n_traces; i++) {
        const ecam_trace_request *trace = &o->traces[i];
        ecam_pack_map(packer, trace->n_settings);
        for (size_t j = 0; j < trace->n_settings; j++) {
            ecam_pack_text(packer, trace->settings[j].name);
            ecam_pack_text(packer, trace->settings[j].value);
        }
    }
}

/* Packed once: the entries that follow the common ones. */
ecam_status ecam_publisher_build_greeting(ecam_publisher *p, const ecam_publisher_options *o)
{
    char host[256] = "";
    ecam_packer packer;

    ecam_pack_begin(&packer, &p->greeting);
    if (o->n_class_names > 0)
        pack_mapping(&packer, o);
    if (o->n_traces > 0)
        pack_traces(&packer, o);
    if (o->framework)
        ecam_pack_text_entry(&packer, "framework", o->framework);
    if (gethostname(host, sizeof host - 1) == 0)
        ecam_pack_text_entry(&packer, "host", host);
    ecam_pack_uint_entry(&packer, "pid", (uint64_t)getpid());
    return ecam_pack_end(&packer);
}

void ecam_publisher_hello(ecam_publisher *p)
{
    ecam_packer packer;

    if (!ecam_wishes_subscribed(&p->wishes, p->hello_topic))
        return;
    ecam_slot *slot = ecam_slots_take(&p->slots, HEADER_BYTES + p->greeting.size);
    if (!slot)
        return;
    ecam_pack_begin(&packer, &slot->bytes);
    ecam_publisher_pack_common(p, &packer, "hello", 0, p->hello_seq);
    ecam_pack_entries_of(&packer, &p->greeting);
    if (ecam_pack_end(&packer) == ECAM_OK)
        (void)send_control(p, p->hello_topic, slot, &p->hello_seq);
    else
        ecam_slots_give(&p->slots, slot);
}

static void pack_sent(ecam_publisher *p, ecam_packer *packer, ecam_mode mode, uint64_t epoch)
{
    const ecam_wishes *w = &p->wishes;
    size_t n = 0;

    for (size_t i = 0; i < w->n_streams; i++)
        n += w->streams[i]->mode == mode && w->streams[i]->epoch == epoch && w->streams[i]->batches > 0;
    ecam_pack_key(packer, "sent");
    ecam_pack_map(packer, n);
    for (size_t i = 0; i < w->n_streams; i++) {
        const ecam_stream *stream = w->streams[i];
        if (stream->mode != mode || stream->epoch != epoch || stream->batches == 0)
            continue;
        ecam_pack_text(packer, stream->ds_id);
        ecam_pack_list(packer, 2);
        ecam_pack_uint(packer, stream->batches);
        ecam_pack_uint(packer, stream->samples);
    }
}

static void pack_last_seqs(ecam_publisher *p, ecam_packer *packer)
{
    const ecam_wishes *w = &p->wishes;
    size_t n = 0;

    for (size_t i = 0; i < w->n_streams; i++)
        n += w->streams[i]->next_seq > 0;
    ecam_pack_key(packer, "last_seq");
    ecam_pack_map(packer, n);
    for (size_t i = 0; i < w->n_streams; i++) {
        if (w->streams[i]->next_seq == 0)
            continue;
        ecam_pack_text(packer, w->streams[i]->topic);
        ecam_pack_uint(packer, w->streams[i]->next_seq - 1);
    }
}

ecam_status ecam_publisher_marker(ecam_publisher *p, ecam_mode mode, uint64_t epoch, uint32_t world)
{
    char topic[160];
    ecam_packer packer;

    snprintf(topic, sizeof topic, "epoch_end|%s|%s|", ecam_mode_name(mode), p->run);
    if (!ecam_wishes_subscribed(&p->wishes, topic))
        return ECAM_OK;
    ecam_publisher_hello(p);
    ecam_slot *slot = ecam_slots_take(&p->slots, HEADER_BYTES);
    if (!slot)
        return ECAM_ENOMEM;
    ecam_pack_begin(&packer, &slot->bytes);
    ecam_publisher_pack_common(p, &packer, "epoch_end", world, p->marker_seq[mode]);
    ecam_pack_uint_entry(&packer, "epoch", epoch);
    ecam_pack_text_entry(&packer, "mode", ecam_mode_name(mode));
    pack_sent(p, &packer, mode, epoch);
    pack_last_seqs(p, &packer);
    ecam_status st = ecam_pack_end(&packer);
    if (st == ECAM_OK)
        return send_control(p, topic, slot, &p->marker_seq[mode]);
    ecam_slots_give(&p->slots, slot);
    return st;
}

void ecam_publisher_bye(ecam_publisher *p)
{
    ecam_packer packer;

    if (!ecam_wishes_subscribed(&p->wishes, p->bye_topic))
        return;
    ecam_slot *slot = ecam_slots_take(&p->slots, HEADER_BYTES);
    if (!slot)
        return;
    ecam_pack_begin(&packer, &slot->bytes);
    ecam_publisher_pack_common(p, &packer, "bye", 0, p->bye_seq);
    pack_last_seqs(p, &packer);
    if (ecam_pack_end(&packer) == ECAM_OK)
        (void)send_control(p, p->bye_topic, slot, &p->bye_seq);
    else
        ecam_slots_give(&p->slots, slot);
}

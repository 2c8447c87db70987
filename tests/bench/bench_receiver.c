#include "bench_receiver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "client/receive.h"
#include "stage/handover.h"
#include "wire/want.h"

int64_t bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_trainer: %s failed\n", what);
    exit(1);
}

typedef struct inbox {
    void *socket;
    ecam_handover handover;
    ecam_parts parts;
    ecam_arena arena;
    ecam_message message;
    char *bytes; /* NULL: nothing is copied */
    uint64_t n_samples;
    int done;
} inbox;

static void no_rank(void *context, const ecam_peer *peer)
{
    (void)context;
    (void)peer;
}

static void say_want(inbox *in)
{
    const ecam_interest interest = {.modes = ECAM_ALL_MODES, .n_samples = in->n_samples};
    const ecam_want want = {.stage = 1, .ttl_ms = 3600000, .socket = in->handover.name, .interests = &interest,
                            .n_interests = 1};
    ecam_buffer header = {0};

    bench_check(ecam_want_encode(&want, &header) == ECAM_OK, "a want");
    const ecam_frame frames[] = {{"want", 4}, {header.data, header.size}};
    bench_check(ecam_parts_send(in->socket, frames, 2, 0, NULL) == ECAM_OK, "sending a want");
    ecam_buffer_finish(&header);
}

static void read_fields(inbox *in)
{
    ecam_hold hold = {0};
    const void *data;

    bench_check(ecam_handover_hold(&in->handover, &in->message, &hold, NULL) == ECAM_OK, "a ring's number");
    for (size_t i = 0; in->bytes && i < in->message.n_fields; i++) {
        const ecam_field *field = &in->message.fields[i];
        if (!field->shared.there || ecam_hold_find(&hold, field, &data, NULL) != ECAM_OK)
            continue;
        bench_check(ecam_ring_fetch(&hold.peer->ring, in->bytes, data, field->tensor.size_bytes) &&
              ecam_ring_intact(&hold.peer->ring, field->shared.ticket), "a blocking ring");
    }
    ecam_hold_release(&hold);
}

static void read_message(inbox *in)
{
    ecam_arena_reset(&in->arena);
    bench_check(ecam_message_decode_shared(in->parts.frames, in->parts.n, &in->arena, &in->message, NULL) == ECAM_OK,
          "a message");
    if (in->message.type == ECAM_MESSAGE_HELLO)
        say_want(in);
    else if (in->message.type == ECAM_MESSAGE_BATCH)
        read_fields(in);
    else if (in->message.type == ECAM_MESSAGE_EPOCH_END)
        bench_check(write(in->done, "", 1) == 1, "a pipe");
}

static void receive(inbox *in, const char *endpoint)
{
    void *zmq = zmq_ctx_new();

    in->socket = zmq_socket(zmq, ZMQ_XSUB);
    bench_check(zmq_bind(in->socket, endpoint) == 0 && zmq_send(in->socket, "\1", 1, 0) == 1, "a receiver");
    bench_check(ecam_handover_open(&in->handover, NULL) == ECAM_OK, "a hand-over");
    ecam_handover_serve(&in->handover, endpoint);
    ecam_arena_init(&in->arena, 0);
    bench_check(write(in->done, "", 1) == 1, "a pipe");
    for (;;) {
        zmq_pollitem_t items[] = {{.socket = in->socket, .events = ZMQ_POLLIN},
                                  {.fd = ecam_handover_fd(&in->handover), .events = ZMQ_POLLIN}};
        zmq_poll(items, 2, 1000);
        ecam_handover_work(&in->handover, bench_now(), no_rank, NULL);
        while (ecam_parts_receive(in->socket, ZMQ_DONTWAIT, &in->parts, NULL) == ECAM_OK)
            read_message(in);
    }
}

void bench_wait_done(const bench_receiver *r)
{
    char byte;
    bench_check(read(r->done, &byte, 1) == 1, "a receiver");
}

bench_receiver bench_start_receiver(const char *name, bool copies, uint64_t n_samples)
{
    bench_receiver r;
    int ends[2];

    snprintf(r.endpoint, sizeof r.endpoint, "ipc:///tmp/ecam-bench-%d-%s", (int)getpid(), name);
    bench_check(pipe(ends) == 0, "a pipe");
    fflush(stdout);
    r.process = fork();
    if (r.process == 0) {
        static inbox in;
        in = (inbox){.bytes = copies ? malloc(2 * BENCH_RECORD_BYTES) : NULL, .n_samples = n_samples, .done = ends[1]};
        if (in.bytes)
            memset(in.bytes, 1, 2 * BENCH_RECORD_BYTES);
        close(ends[0]);
        receive(&in, r.endpoint);
    }
    close(ends[1]);
    r.done = ends[0];
    bench_wait_done(&r);
    return r;
}

void bench_stop_receiver(bench_receiver *r)
{
    kill(r->process, SIGKILL);
    waitpid(r->process, NULL, 0);
    close(r->done);
    unlink(r->endpoint + strlen("ipc://"));
}

/* PUSH to PULL, and a byte back when the last is there. */
static void pull(const char *endpoint, int done)
{
    void *zmq = zmq_ctx_new(), *socket = zmq_socket(zmq, ZMQ_PULL);
    zmq_msg_t message;

    bench_check(zmq_bind(socket, endpoint) == 0 && write(done, "", 1) == 1, "a receiver");
    for (size_t i = 1;; i++) {
        zmq_msg_init(&message);
        bench_check(zmq_msg_recv(&message, socket, 0) >= 0, "receiving");
        zmq_msg_close(&message);
        if (i % BENCH_RECORDS == 0)
            bench_check(write(done, "", 1) == 1, "a pipe");
    }
}

bench_receiver bench_start_puller(const char *endpoint)
{
    bench_receiver r;
    int ends[2];

    snprintf(r.endpoint, sizeof r.endpoint, "%s", endpoint);
    bench_check(pipe(ends) == 0, "a pipe");
    fflush(stdout);
    r.process = fork();
    if (r.process == 0) {
        close(ends[0]);
        pull(endpoint, ends[1]);
    }
    close(ends[1]);
    r.done = ends[0];
    bench_wait_done(&r);
    return r;
}

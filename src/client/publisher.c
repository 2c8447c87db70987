#include "eigencam/publisher.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <zmq.h>

#include "base/text.h"
#include "client/curve.h"
#include "client/endpoint.h"
#include "client/publisher_batch.h"
#include "wire/reader.h"

#define DEFAULT_RING_BYTES ((size_t)64 << 20)
#define SPARE_DESCRIPTORS 32 /* what ZeroMQ needs for a context and a socket, and more */
#define SEND_QUEUE 1024      /* above what slots let out: never full */
#define SEND_QUEUE_BOUND 16  /* for each of several peers */
#define UPSTREAM_MEMORY ((size_t)8 << 20)
#define SETTLE_NS (300 * INT64_C(1000000)) /* for a stage to say what it wants */
#define PAGE_BYTES 4096

void ecam_publisher_defaults(ecam_publisher_options *options)
{
    *options = (ecam_publisher_options){.endpoint = "tcp://127.0.0.1:5560", .run = "run", .world = 1,
                                        .ring_bytes = DEFAULT_RING_BYTES};
}

void ecam_publisher_tell(ecam_publisher *p, const char *format, ...)
{
    char text[sizeof((ecam_error *)0)->text];
    va_list args;

    if (!p->notice)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    p->notice(p->notice_context, text);
}

/* ---- before ZeroMQ, which ends the process where these are short ---- */

static size_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t n = 0;

    if (!folder)
        return errno == EMFILE || errno == ENFILE ? SIZE_MAX : 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

static ecam_status check_descriptors(ecam_error *error)
{
    struct rlimit limit;
    size_t open = open_descriptors();

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return ECAM_OK;
    if (open < limit.rlim_cur && limit.rlim_cur - open >= SPARE_DESCRIPTORS)
        return ECAM_OK;
    return ecam_fail(error, ECAM_ELIMIT,
                     "too few file descriptors are free (of %llu): a publisher needs up to %d; raise the limit (ulimit -n)",
                     (unsigned long long)limit.rlim_cur, SPARE_DESCRIPTORS);
}

static void *nothing(void *argument)
{
    return argument;
}

static ecam_status check_threads(ecam_error *error)
{
    pthread_t threads[2];
    int started = 0, code = 0;

    while (started < 2 && code == 0) {
        code = pthread_create(&threads[started], NULL, nothing, NULL);
        started += code == 0;
    }
    while (started > 0)
        pthread_join(threads[--started], NULL);
    if (code != 0)
        return ecam_fail(error, ECAM_ELIMIT, "ZeroMQ's two threads cannot be started: %s", strerror(code));
    return ECAM_OK;
}

/* ---- opening ---- */

static ecam_status check_options(const ecam_publisher_options *o, ecam_error *error)
{
    if (!o->endpoint || !o->run || !ecam_text_is_name(o->run, strlen(o->run), 128, "|"))
        return ecam_fail(error, ECAM_EINVAL,
                         "a run's name is 1 to 128 bytes of UTF-8 without control characters and \"|\"");
    if (o->world < 1 || o->world > ECAM_MAX_WORLD || o->rank >= o->world)
        return ecam_fail(error, ECAM_EINVAL, "rank %u of a world of %u; expected less than it, and 1 to 2^20", o->rank,
                         o->world);
    for (size_t i = 0; i < o->n_class_names; i++)
        if (!o->class_names[i])
            return ecam_fail(error, ECAM_EINVAL, "class name %zu is missing", i);
    for (size_t i = 0; i < o->n_traces; i++)
        for (size_t j = 0; j < o->traces[i].n_settings; j++)
            if (!o->traces[i].settings[j].name || !o->traces[i].settings[j].value)
                return ecam_fail(error, ECAM_EINVAL, "setting %zu of trace %zu has no name or no value", j, i);
    return ECAM_OK;
}

/* A page that the kernel clears in a forked child. */
static ecam_status watch_for_forks(ecam_publisher *p, ecam_error *error)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a publisher");
    p->alive = page;
    if (madvise(page, PAGE_BYTES, MADV_WIPEONFORK) != 0)
        return ecam_fail(error, ECAM_EIO, "forked children cannot be told apart: %s", strerror(errno));
    *p->alive = 1;
    return ECAM_OK;
}

static bool is_off(const ecam_publisher *p)
{
    return !p || *p->alive == 0;
}

static ecam_status set_option(void *socket, int option, int value, ecam_error *error)
{
    if (zmq_setsockopt(socket, option, &value, sizeof value) == 0)
        return ECAM_OK;
    return ecam_fail(error, ECAM_EIO, "a ZeroMQ socket option was refused: %s", zmq_strerror(zmq_errno()));
}

/* IMMEDIATE: without a stage nothing is queued, and what a stage subscribed to
 * ends with its connection. VERBOSER: a stage that comes back is noticed even
 * where its old connection is not yet known to be gone. NODROP: a message that
 * is not taken is known here, and is not a number that the stage will miss. */
static ecam_status configure(ecam_publisher *p, ecam_error *error)
{
    ecam_status st = ecam_socket_configure(p->socket, error);

    if (st == ECAM_OK)
        st = set_option(p->socket, ZMQ_SNDHWM, p->binds ? SEND_QUEUE_BOUND : SEND_QUEUE, error);
    if (st == ECAM_OK)
        st = set_option(p->socket, ZMQ_IMMEDIATE, 1, error);
    if (st == ECAM_OK)
        st = set_option(p->socket, ZMQ_XPUB_VERBOSER, 1, error);
    if (st == ECAM_OK && !p->binds)
        st = set_option(p->socket, ZMQ_XPUB_NODROP, 1, error);
    return st;
}

static ecam_status open_socket(ecam_publisher *p, const ecam_publisher_options *o, ecam_error *error)
{
    ecam_status st = check_descriptors(error);

    if (st == ECAM_OK)
        st = check_threads(error);
    if (st != ECAM_OK)
        return st;
    p->zmq = ecam_context_create();
    p->socket = p->zmq ? zmq_socket(p->zmq, ZMQ_XPUB) : NULL;
    if (!p->socket)
        return ecam_fail(error, ECAM_EIO, "ZeroMQ cannot start: %s", zmq_strerror(zmq_errno()));
    st = configure(p, error);
    if (st == ECAM_OK)
        st = ecam_curve_join(p->socket, o->key, o->server_key, error);
    if (st == ECAM_OK)
        st = ecam_endpoint_attach_as(p->socket, o->endpoint, false, o->insecure, error);
    return st;
}

/* Without a ring the publisher is slower, and no worse. */
static void make_ring(ecam_publisher *p, size_t bytes)
{
    ecam_error error;

    if (bytes == 0 || p->binds)
        return;
    p->has_ring = ecam_ring_create(bytes, &p->ring, &error) == ECAM_OK;
    if (!p->has_ring)
        ecam_publisher_tell(p, "no shared memory, tensors go in frames: %s", error.text);
}

static ecam_status open_parts(ecam_publisher *p, const ecam_publisher_options *o, ecam_error *error)
{
    const char *address = o->endpoint;

    p->binds = strncmp(address, "bind:", 5) == 0;
    if (strncmp(address, "connect:", 8) == 0)
        address += 8;
    p->endpoint = strdup(address);
    ecam_status st = p->endpoint ? ecam_publisher_build_greeting(p, o) : ECAM_ENOMEM;
    if (st != ECAM_OK)
        return ecam_fail(error, st, "no memory for a publisher");
    st = watch_for_forks(p, error);
    if (st == ECAM_OK)
        st = open_socket(p, o, error);
    if (st == ECAM_OK)
        make_ring(p, o->ring_bytes);
    return st;
}

ecam_status ecam_publisher_open(const ecam_publisher_options *o, ecam_publisher **out, ecam_error *error)
{
    *out = NULL;
    ecam_status st = check_options(o, error);
    if (st != ECAM_OK)
        return st;
    ecam_publisher *p = calloc(1, sizeof *p);
    if (!p)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for a publisher");
    p->block_ms = o->block_ms;
    p->rank = o->rank;
    p->world = o->world;
    p->notice = o->notice;
    p->notice_context = o->notice_context;
    p->ring.memory = p->link.page = ECAM_MEMFD_CLOSED;
    p->link.socket = -1;
    memcpy(p->run, o->run, strlen(o->run));
    while (getrandom(&p->session, sizeof p->session, 0) < 0 && errno == EINTR)
        continue;
    snprintf(p->hello_topic, sizeof p->hello_topic, "hello|%s|", p->run);
    snprintf(p->bye_topic, sizeof p->bye_topic, "bye|%s|", p->run);
    ecam_wishes_init(&p->wishes, p->run);
    ecam_arena_init(&p->arena, UPSTREAM_MEMORY);
    ecam_parts_init(&p->parts);
    st = open_parts(p, o, error);
    if (st != ECAM_OK) {
        ecam_publisher_close(&p, 0);
        return st;
    }
    *out = p;
    return ECAM_OK;
}

/* libzmq drops what it has not yet read of a connection that hangs up while its
 * reader is busy: stay until the stages say that they have all of it. */
static void part(ecam_publisher *p, unsigned linger_ms)
{
    int64_t deadline = ecam_publisher_now() + (int64_t)linger_ms * 1000000, left_ns;

    ecam_publisher_listen(p);
    p->unheard = p->wishes.n_wishers;
    p->leaving = true;
    ecam_publisher_bye(p);
    while (p->unheard > 0 && ecam_wishes_subscribed(&p->wishes, p->bye_topic) &&
           (left_ns = deadline - ecam_publisher_now()) > 0) {
        zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, (long)(left_ns / 1000000 + 1)) < 0 && zmq_errno() != EINTR)
            return;
        ecam_publisher_listen(p);
    }
}

void ecam_publisher_close(ecam_publisher **handle, unsigned linger_ms)
{
    ecam_publisher *p = *handle;
    const int linger = linger_ms > INT32_MAX ? INT32_MAX : (int)linger_ms;

    *handle = NULL;
    if (!p || (p->alive && is_off(p)))
        return; /* a child leaves alone what is its parent's */
    if (p->socket) {
        part(p, linger_ms);
        zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof linger);
        zmq_close(p->socket);
    }
    while (p->zmq && zmq_ctx_term(p->zmq) != 0 && zmq_errno() == EINTR)
        continue;
    ecam_publisher_link_close(p);
    ecam_ring_destroy(&p->ring);
    ecam_slots_finish(&p->slots);
    ecam_wishes_finish(&p->wishes);
    ecam_parts_finish(&p->parts);
    ecam_arena_finish(&p->arena);
    ecam_buffer_finish(&p->greeting);
    if (p->alive)
        munmap(p->alive, PAGE_BYTES);
    free(p->endpoint);
    free(p);
}

/* ---- in use ---- */

/* Whether the first stage has said all that it will say before the first batch. */
static bool settled(const ecam_publisher *p)
{
    return p->wishes.n_wishers > 0 && p->link.state != ECAM_LINK_OFFERED;
}

bool ecam_publisher_wait(ecam_publisher *p, unsigned timeout_ms)
{
    int64_t now = ecam_publisher_now(), deadline, settle = INT64_MAX;

    if (is_off(p))
        return false;
    deadline = now + (int64_t)timeout_ms * 1000000;
    for (;;) {
        zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};
        ecam_publisher_listen(p);
        now = ecam_publisher_now();
        if (p->wishes.n_prefixes > 0 && settle == INT64_MAX)
            settle = now + SETTLE_NS;
        if ((p->wishes.n_prefixes > 0 && settled(p)) || now >= settle || now >= deadline)
            return p->wishes.n_prefixes > 0;
        int64_t left_ms = (deadline - now + 999999) / 1000000;
        /* The answer to a hand-over does not come by ZeroMQ. */
        zmq_poll(&item, 1, p->wishes.n_prefixes > 0 ? 1 : left_ms < 100 ? (long)left_ms : 100);
    }
}

size_t ecam_publisher_wants(ecam_publisher *p, const char *mode_name, const char *ds_id, uint64_t epoch)
{
    ecam_mode mode;
    size_t stream;

    if (is_off(p) || ecam_publisher_mode(mode_name, &mode, NULL) != ECAM_OK ||
        ecam_publisher_ds_id(ds_id, NULL) != ECAM_OK)
        return 0;
    ecam_publisher_tick(p);
    if (ecam_wishes_stream(&p->wishes, mode, ds_id ? ds_id : "", &stream, NULL) != ECAM_OK)
        return 0;
    return ecam_wishes_left(&p->wishes, stream, epoch, UINT64_MAX);
}

ecam_status ecam_publisher_batch(ecam_publisher *p, const ecam_batch *batch, ecam_error *error)
{
    if (is_off(p))
        return ECAM_OK;
    int64_t from = ecam_publisher_now();
    ecam_status st = ecam_publisher_send_batch(p, batch, error);
    p->stats.inside_ns += (uint64_t)(ecam_publisher_now() - from);
    return st;
}

ecam_status ecam_publisher_epoch_end(ecam_publisher *p, const char *mode_name, uint64_t epoch, uint32_t world,
                                     ecam_error *error)
{
    ecam_mode mode;

    if (is_off(p))
        return ECAM_OK;
    int64_t from = ecam_publisher_now();
    ecam_status st = ecam_publisher_mode(mode_name, &mode, error);
    if (world == 0)
        world = p->world;
    if (st == ECAM_OK && (p->rank >= world || world > ECAM_MAX_WORLD || epoch > ECAM_MAX_COUNT))
        st = ecam_fail(error, ECAM_EINVAL, "rank %u of a world of %u, epoch %llu: out of range", p->rank, world,
                       (unsigned long long)epoch);
    if (st == ECAM_OK) {
        ecam_publisher_listen(p);
        st = ecam_publisher_marker(p, mode, epoch, world);
        if (st != ECAM_OK)
            ecam_fail(error, st, "the end of epoch %llu could not be said", (unsigned long long)epoch);
    }
    p->stats.inside_ns += (uint64_t)(ecam_publisher_now() - from);
    return st;
}

void ecam_publisher_get_stats(const ecam_publisher *p, ecam_publisher_stats *out)
{
    *out = (ecam_publisher_stats){0};
    if (is_off(p))
        return;
    *out = p->stats;
    out->stages = (uint32_t)p->wishes.n_wishers;
    out->subscribed = p->wishes.n_prefixes > 0;
    out->shared_memory = ecam_publisher_can_share(p);
}

#include "stage/handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define EVENTS 32
#define MAX_TURNS 8
#define MS INT64_C(1000000)
/* What a trainer had sent when it ended is read first. */
#define GIVE_UP_AFTER (20 * MS)
/* And what is still in ZeroMQ's queues may lie in its ring. */
#define FORGET_AFTER (3000 * MS)

static uint64_t random_number(void)
{
    uint64_t number = 0;

    while (getrandom(&number, sizeof number, 0) < 0 && errno == EINTR)
        continue;
    return number ? number : 1;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* An event's data: the peer, with the lowest bit set for its process. NULL: the
 * listener. */
static bool watch(ecam_handover *h, int fd, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    return epoll_ctl(h->events, EPOLL_CTL_ADD, fd, &event) == 0;
}

static ecam_status listen_on(ecam_handover *h, ecam_error *error)
{
    snprintf(h->name, sizeof h->name, "@eigencam-%016" PRIx64 "%016" PRIx64, random_number(), random_number());
    h->events = epoll_create1(EPOLL_CLOEXEC);
    h->listener = ecam_greeting_listen(h->name);
    if (h->events < 0 || h->listener < 0 || !watch(h, h->listener, NULL))
        return ecam_fail(error, ECAM_EIO, "no local socket for trainers: %s", strerror(errno));
    return ECAM_OK;
}

ecam_status ecam_handover_open(ecam_handover *h, ecam_error *error)
{
    h->listener = h->events = -1;
    ecam_status st = listen_on(h, error);
    if (st != ECAM_OK)
        ecam_handover_close(h);
    return st;
}

static void destroy_peer(ecam_peer *peer)
{
    while (peer->first)
        ecam_hold_release(peer->first);
    close_fd(&peer->socket);
    close_fd(&peer->process);
    ecam_ring_close(&peer->ring);
    ecam_memfd_close(&peer->page);
    free(peer);
}

void ecam_handover_close(ecam_handover *h)
{
    if (h->name[0] == '\0')
        return;
    while (h->peers) {
        ecam_peer *peer = h->peers;
        h->peers = peer->next;
        destroy_peer(peer);
    }
    h->n_peers = 0;
    close_fd(&h->listener);
    close_fd(&h->events);
    h->name[0] = '\0';
}

void ecam_handover_serve(ecam_handover *h, const char *endpoint)
{
    if (h->n_endpoints < sizeof h->endpoints / sizeof *h->endpoints)
        snprintf(h->endpoints[h->n_endpoints++], sizeof *h->endpoints, "%s", endpoint);
}

int ecam_handover_fd(const ecam_handover *h)
{
    return h->name[0] ? h->events : -1;
}

/* ---- who comes ---- */

static bool is_allowed(const ecam_handover *h, uid_t uid)
{
    if (uid == geteuid())
        return true;
    for (size_t i = 0; i < h->n_allowed; i++)
        if (h->allowed[i] == uid)
            return true;
    return false;
}

/* A descriptor of the peer's process, that fires when it ends. Its sockets do
 * not: forked children keep them. */
static int open_process(int socket, pid_t pid)
{
    int process = -1;
    socklen_t bytes = sizeof process;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &process, &bytes) == 0)
        return process;
    return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static ecam_peer *make_peer(ecam_handover *h, int socket, const struct ucred *who)
{
    ecam_peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        return NULL;
    peer->socket = socket;
    peer->pid = who->pid;
    peer->ring.memory = peer->page = ECAM_MEMFD_CLOSED;
    peer->process = open_process(socket, who->pid);
    if (!watch(h, socket, peer) || (peer->process >= 0 && !watch(h, peer->process, (char *)peer + 1))) {
        peer->socket = -1; /* the caller's */
        destroy_peer(peer);
        return NULL;
    }
    peer->next = h->peers;
    h->peers = peer;
    h->n_peers++;
    return peer;
}

static void accept_all(ecam_handover *h)
{
    for (;;) {
        struct ucred who;
        socklen_t bytes = sizeof who;
        int socket = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (socket < 0)
            return;
        bool known = getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0;
        bool allowed = known && is_allowed(h, who.uid);
        if (known && !allowed && !h->refusal_logged) {
            ecam_log("shared memory of process %d of user %u is not taken (--allow-uid %u would)", (int)who.pid,
                     (unsigned)who.uid, (unsigned)who.uid);
            h->refusal_logged = true;
        }
        if (!allowed || h->n_peers >= ECAM_MAX_PEERS || !make_peer(h, socket, &who))
            close(socket);
    }
}

/* ---- what it brings ---- */

/* The same port or path: nobody else receives what is sent there. */
static bool is_own(const ecam_handover *h, const char *endpoint)
{
    bool tcp = strncmp(endpoint, "tcp://", 6) == 0;
    const char *port = strrchr(endpoint, ':');

    for (size_t i = 0; i < h->n_endpoints; i++) {
        const char *own = h->endpoints[i], *own_port = strrchr(own, ':');
        if (tcp ? strncmp(own, "tcp://", 6) == 0 && strcmp(own_port, port) == 0 : strcmp(own, endpoint) == 0)
            return true;
    }
    return false;
}

static uint64_t take_ring(ecam_handover *h, ecam_peer *peer, int fd)
{
    ecam_error error;

    if (fd < 0)
        return 0;
    if (h->frames_only || !is_own(h, peer->offer.endpoint)) {
        close(fd);
        return 0;
    }
    if (ecam_ring_open(fd, &peer->ring, &error) != ECAM_OK) {
        ecam_log("the ring of process %d is not taken: %s", (int)peer->pid, error.text);
        return 0;
    }
    return random_number();
}

static void answer(ecam_handover *h, ecam_peer *peer, int fd)
{
    ecam_answer answer = {.ring = take_ring(h, peer, fd)};

    if (answer.ring != 0 && peer->offer.wants_page)
        answer.has_page = ecam_page_create(&peer->page, NULL) == ECAM_OK;
    peer->offered = true;
    peer->number = answer.ring;
    /* Where the answer does not get through, no message names the ring. */
    (void)ecam_answer_send(peer->socket, &answer, answer.has_page ? peer->page.fd : -1);
}

static void hang_up(ecam_peer *peer, int64_t now_ns)
{
    close_fd(&peer->socket);
    if (peer->forget_ns == 0)
        peer->forget_ns = now_ns + FORGET_AFTER;
    /* Without a process to watch, this is all that is known of its end. */
    if (peer->process < 0 && !peer->ended && peer->offered)
        peer->give_up_ns = now_ns + GIVE_UP_AFTER;
}

static void hear(ecam_handover *h, ecam_peer *peer, int64_t now_ns)
{
    ecam_offer offer;
    int fd = -1;

    if (peer->socket < 0)
        return;
    ecam_status st = ecam_offer_receive(peer->socket, &offer, &fd);
    if (st == ECAM_EAGAIN)
        return;
    if (st != ECAM_OK || peer->offered) {
        close_fd(&fd);
        hang_up(peer, now_ns);
        return;
    }
    peer->offer = offer;
    answer(h, peer, fd);
}

static void see_end(ecam_peer *peer, int64_t now_ns)
{
    close_fd(&peer->process);
    if (!peer->ended && peer->offered)
        peer->give_up_ns = now_ns + GIVE_UP_AFTER;
    peer->ended = true;
    hang_up(peer, now_ns);
}

static bool read_events(ecam_handover *h, int64_t now_ns)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(h->events, events, EVENTS, 0);

    for (int i = 0; i < n; i++) {
        char *data = events[i].data.ptr;
        if (!data)
            accept_all(h);
        else if ((uintptr_t)data & 1)
            see_end((ecam_peer *)(void *)(data - 1), now_ns);
        else
            hear(h, (ecam_peer *)(void *)data, now_ns);
    }
    return n == EVENTS;
}

/* A ring that is read stays for as long. */
static bool is_due(const ecam_peer *peer, int64_t now_ns)
{
    return peer->forget_ns != 0 && now_ns >= peer->forget_ns && !peer->first && peer->give_up_ns == 0;
}

int64_t ecam_handover_work(ecam_handover *h, int64_t now_ns, ecam_peer_gone *gone, void *context)
{
    int64_t next_ns = INT64_MAX;

    if (h->name[0] == '\0')
        return next_ns;
    for (int turns = 0; turns < MAX_TURNS && read_events(h, now_ns); turns++)
        continue;
    for (ecam_peer **link = &h->peers; *link;) {
        ecam_peer *peer = *link;
        if (peer->give_up_ns != 0 && now_ns >= peer->give_up_ns) {
            peer->give_up_ns = 0;
            if (!peer->said_bye)
                gone(context, peer);
        }
        if (is_due(peer, now_ns)) {
            *link = peer->next;
            h->n_peers--;
            destroy_peer(peer);
            continue;
        }
        if (peer->give_up_ns != 0 && peer->give_up_ns < next_ns)
            next_ns = peer->give_up_ns;
        if (peer->forget_ns > now_ns && peer->forget_ns < next_ns)
            next_ns = peer->forget_ns;
        link = &peer->next;
    }
    return next_ns;
}

static bool is_sender(const ecam_peer *peer, const ecam_message *m)
{
    return peer->offer.session == m->session && peer->offer.rank == m->rank && strcmp(peer->offer.run, m->run) == 0;
}

void ecam_handover_bye(ecam_handover *h, const ecam_message *m)
{
    for (ecam_peer *peer = h->peers; peer; peer = peer->next)
        if (peer->offered && is_sender(peer, m))
            peer->said_bye = true;
}

/* ---- messages in rings ---- */

/* Everything before the first message that is held has been read. */
static void tell_consumed(ecam_peer *peer)
{
    if (peer->page.map)
        ecam_page_set(&peer->page, peer->first ? peer->first->ticket : peer->seen);
}

static void link_hold(ecam_hold *hold, ecam_peer *peer)
{
    hold->peer = peer;
    hold->prev = peer->last;
    if (peer->last)
        peer->last->next = hold;
    else
        peer->first = hold;
    peer->last = hold;
}

void ecam_hold_release(ecam_hold *hold)
{
    ecam_peer *peer = hold->peer;

    if (!peer)
        return;
    *(hold->prev ? &hold->prev->next : &peer->first) = hold->next;
    *(hold->next ? &hold->next->prev : &peer->last) = hold->prev;
    *hold = (ecam_hold){0};
    tell_consumed(peer);
}

static ecam_peer *find_ring(const ecam_handover *h, uint64_t number)
{
    ecam_peer *peer = h->peers;

    while (peer && peer->number != number)
        peer = peer->next;
    return number != 0 ? peer : NULL;
}

/* Where the record of a place ends, as far as the place tells. */
static uint64_t end_of(const ecam_peer *peer, const ecam_shared_place *p)
{
    uint64_t from = p->ticket % peer->ring.capacity;

    if (p->offset < from || p->offset - from > peer->ring.capacity || p->size > peer->ring.capacity)
        return 0;
    uint64_t bytes = p->offset - from + p->size;
    return p->ticket + (bytes + ECAM_RING_ALIGN - 1) / ECAM_RING_ALIGN * ECAM_RING_ALIGN;
}

ecam_status ecam_handover_hold(ecam_handover *h, const ecam_message *m, ecam_hold *hold, ecam_error *error)
{
    ecam_peer *peer = NULL;

    for (size_t i = 0; i < m->n_fields; i++) {
        const ecam_shared_place *place = &m->fields[i].shared;
        if (!place->there)
            continue;
        ecam_peer *owner = find_ring(h, place->ring);
        if (!owner || !is_sender(owner, m) || (peer && owner != peer))
            return ecam_fail(error, ECAM_EINVAL,
                             "tensor \"%s\" is said to lie in ring %" PRIu64 ", which this sender did not hand over; "
                             "expected \"data\" or \"frame\"", m->fields[i].key, place->ring);
        if (!peer || place->ticket < hold->ticket)
            hold->ticket = place->ticket;
        peer = owner;
        if (end_of(peer, place) > peer->seen)
            peer->seen = end_of(peer, place);
    }
    if (peer)
        link_hold(hold, peer);
    return ECAM_OK;
}

ecam_status ecam_hold_find(const ecam_hold *hold, const ecam_field *field, const void **data, ecam_error *error)
{
    const ecam_shared_place *shared = &field->shared;
    const ecam_ring_place place = {.offset = shared->offset, .size = shared->size, .ticket = shared->ticket};
    ecam_status st = ecam_ring_find(&hold->peer->ring, &place, data, error);

    if (st != ECAM_OK)
        ecam_error_prefix(error, "tensor \"%s\": ", field->key);
    return st;
}

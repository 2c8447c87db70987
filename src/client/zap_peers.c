#include "client/zap_peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_CAPACITY 16

/* "10.0.0.2:51234"; false where it is no connection (any more). */
static bool describe(int fd, char text[ECAM_PEER_TEXT])
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";

    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0)
        return false;
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, ECAM_PEER_TEXT, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, ECAM_PEER_TEXT, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    } else {
        snprintf(text, ECAM_PEER_TEXT, "a process of this host");
    }
    return true;
}

static void forget(ecam_zap_peers *peers, size_t i)
{
    close(peers->items[i].copy);
    peers->items[i] = peers->items[--peers->n];
}

/* Newest first: a number is used again once its connection has ended. */
static size_t find(const ecam_zap_peers *peers, int fd)
{
    size_t i = peers->n;
    while (i > 0 && peers->items[i - 1].fd != fd)
        i--;
    return i == 0 ? peers->n : i - 1;
}

static bool has_room(ecam_zap_peers *peers)
{
    if (peers->n < peers->capacity)
        return true;
    size_t wider = peers->capacity ? 2 * peers->capacity : FIRST_CAPACITY;
    ecam_zap_peer *items = realloc(peers->items, wider * sizeof *items);
    if (!items)
        return false;
    peers->items = items;
    peers->capacity = wider;
    return true;
}

bool ecam_zap_peers_add(ecam_zap_peers *peers, int fd, int64_t now_ms)
{
    size_t old = find(peers, fd);

    if (old < peers->n)
        forget(peers, old);
    if (!has_room(peers))
        return false;
    ecam_zap_peer *peer = &peers->items[peers->n];
    *peer = (ecam_zap_peer){.fd = fd, .copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), .since_ms = now_ms};
    if (peer->copy < 0)
        return errno == EBADF;
    if (describe(peer->copy, peer->text))
        peers->n++;
    else
        close(peer->copy);
    return true;
}

ecam_zap_parting ecam_zap_peers_remove(ecam_zap_peers *peers, int fd, int64_t now_ms)
{
    ecam_zap_parting parting = {.text = "somebody"};
    size_t i = find(peers, fd);

    if (i == peers->n)
        return parting;
    struct pollfd look = {.fd = peers->items[i].copy, .events = POLLRDHUP};
    parting.ours = poll(&look, 1, 0) == 0;
    parting.age_ms = now_ms - peers->items[i].since_ms;
    memcpy(parting.text, peers->items[i].text, ECAM_PEER_TEXT);
    forget(peers, i);
    return parting;
}

size_t ecam_zap_peers_shut(ecam_zap_peers *peers)
{
    for (size_t i = 0; i < peers->n; i++)
        shutdown(peers->items[i].copy, SHUT_RDWR);
    return peers->n;
}

void ecam_zap_peers_finish(ecam_zap_peers *peers)
{
    while (peers->n > 0)
        forget(peers, peers->n - 1);
    free(peers->items);
    *peers = (ecam_zap_peers){0};
}

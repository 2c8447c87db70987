/* Who is connected to a socket, kept from what its monitor tells. ZeroMQ says
 * neither whom a connection was to nor why it ended: both are seen at a second
 * descriptor of it, which also lets it be ended. Used by one thread. */
#ifndef ECAM_CLIENT_ZAP_PEERS_H
#define ECAM_CLIENT_ZAP_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECAM_PEER_TEXT 64

typedef struct ecam_zap_peer {
    int fd;   /* ZeroMQ's, which may be closed at any time */
    int copy; /* ours */
    int64_t since_ms;
    char text[ECAM_PEER_TEXT];
} ecam_zap_peer;

typedef struct ecam_zap_peers {
    ecam_zap_peer *items;
    size_t n, capacity;
} ecam_zap_peers;

/* A connection is there. False where it cannot be watched, for want of
 * descriptors or memory; one that has ended already is passed over. */
bool ecam_zap_peers_add(ecam_zap_peers *peers, int fd, int64_t now_ms);

typedef struct ecam_zap_parting {
    char text[ECAM_PEER_TEXT]; /* who it was; "somebody" where it is not known */
    bool ours;                 /* this side ended it while the other was there */
    int64_t age_ms;
} ecam_zap_parting;

/* It has ended. */
ecam_zap_parting ecam_zap_peers_remove(ecam_zap_peers *peers, int fd, int64_t now_ms);

/* End all of them; how many. ZeroMQ then lets go of them as if the others had. */
size_t ecam_zap_peers_shut(ecam_zap_peers *peers);

void ecam_zap_peers_finish(ecam_zap_peers *peers);

#endif

#include "shm/greeting.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OFFER_MAGIC UINT64_C(0x3152464f4d414345)  /* "ECAMOFR1" */
#define ANSWER_MAGIC UINT64_C(0x31534e414d414345) /* "ECAMANS1" */
#define VERSION 1
#define MAX_FDS 4
#define BACKLOG 128

enum { WITH_RING = 1, WANTS_PAGE = 2 };

typedef struct offer_packet {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;
    uint64_t session;
    uint32_t rank;
    uint32_t run_bytes, endpoint_bytes;
    char run[128];
    char endpoint[256];
    char pad[4];
} offer_packet;

typedef struct answer_packet {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;
    uint64_t ring;
} answer_packet;

_Static_assert(sizeof(offer_packet) == 424 && sizeof(answer_packet) == 24, "the packets are specified");

static bool make_address(const char *name, struct sockaddr_un *out, socklen_t *bytes)
{
    size_t length = strlen(name);
    bool is_abstract = name[0] == '@';

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof out->sun_path) {
        errno = EINVAL;
        return false;
    }
    memcpy(out->sun_path, name, length);
    if (is_abstract)
        out->sun_path[0] = '\0';
    *bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1));
    return true;
}

static int open_socket(const char *name, bool listens)
{
    struct sockaddr_un address;
    socklen_t bytes;

    if (!make_address(name, &address, &bytes))
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const struct sockaddr *at = (const struct sockaddr *)&address;
    if (listens ? bind(fd, at, bytes) == 0 && listen(fd, BACKLOG) == 0 : connect(fd, at, bytes) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

int ecam_greeting_listen(const char *name)
{
    return open_socket(name, true);
}

int ecam_greeting_connect(const char *name)
{
    return open_socket(name, false);
}

static ecam_status send_packet(int socket, void *packet, size_t bytes, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = packet, .iov_len = bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    do {
        sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN || errno == ENOBUFS ? ECAM_EAGAIN : ECAM_ECLOSED;
    return ECAM_OK;
}

/* The first descriptor is kept, others are closed. */
static void take_fds(struct msghdr *message, int *fd)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int one;
            memcpy(&one, CMSG_DATA(head) + i * sizeof one, sizeof one);
            if (*fd < 0)
                *fd = one;
            else
                close(one);
        }
    }
}

static ecam_status receive_packet(int socket, void *packet, size_t bytes, int *fd)
{
    union {
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = packet, .iov_len = bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t received;

    *fd = -1;
    do {
        received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0)
        return errno == EAGAIN ? ECAM_EAGAIN : ECAM_ECLOSED;
    take_fds(&message, fd);
    if (received == 0)
        return ECAM_ECLOSED;
    return (size_t)received == bytes && !(message.msg_flags & MSG_TRUNC) ? ECAM_OK : ECAM_EFORMAT;
}

static void drop_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

ecam_status ecam_offer_send(int socket, const ecam_offer *offer, int fd)
{
    offer_packet packet = {.magic = OFFER_MAGIC, .version = VERSION, .session = offer->session,
                           .rank = offer->rank, .run_bytes = (uint32_t)strlen(offer->run),
                           .endpoint_bytes = (uint32_t)strlen(offer->endpoint),
                           .flags = (offer->has_ring ? WITH_RING : 0u) | (offer->wants_page ? WANTS_PAGE : 0u)};

    memcpy(packet.run, offer->run, packet.run_bytes);
    memcpy(packet.endpoint, offer->endpoint, packet.endpoint_bytes);
    return send_packet(socket, &packet, sizeof packet, fd);
}

static bool read_offer(const offer_packet *packet, bool has_fd, ecam_offer *offer)
{
    if (packet->magic != OFFER_MAGIC || packet->version != VERSION || packet->run_bytes > sizeof packet->run ||
        packet->endpoint_bytes > sizeof packet->endpoint || has_fd != ((packet->flags & WITH_RING) != 0))
        return false;
    *offer = (ecam_offer){.session = packet->session, .rank = packet->rank, .has_ring = has_fd,
                          .wants_page = (packet->flags & WANTS_PAGE) != 0};
    memcpy(offer->run, packet->run, packet->run_bytes);
    memcpy(offer->endpoint, packet->endpoint, packet->endpoint_bytes);
    return true;
}

ecam_status ecam_offer_receive(int socket, ecam_offer *offer, int *fd)
{
    offer_packet packet;
    ecam_status st = receive_packet(socket, &packet, sizeof packet, fd);

    if (st == ECAM_OK && !read_offer(&packet, *fd >= 0, offer))
        st = ECAM_EFORMAT;
    if (st != ECAM_OK)
        drop_fd(fd);
    return st;
}

ecam_status ecam_answer_send(int socket, const ecam_answer *answer, int fd)
{
    answer_packet packet = {.magic = ANSWER_MAGIC, .version = VERSION, .ring = answer->ring,
                            .flags = answer->has_page ? WANTS_PAGE : 0u};
    return send_packet(socket, &packet, sizeof packet, fd);
}

ecam_status ecam_answer_receive(int socket, ecam_answer *answer, int *fd)
{
    answer_packet packet;
    ecam_status st = receive_packet(socket, &packet, sizeof packet, fd);

    if (st == ECAM_OK && (packet.magic != ANSWER_MAGIC || packet.version != VERSION))
        st = ECAM_EFORMAT;
    if (st != ECAM_OK) {
        drop_fd(fd);
        return st;
    }
    *answer = (ecam_answer){.ring = packet.ring, .has_page = *fd >= 0 && (packet.flags & WANTS_PAGE) != 0};
    if (!answer->has_page)
        drop_fd(fd);
    return ECAM_OK;
}

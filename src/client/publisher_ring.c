/* The hand-over of the ring to a stage on this host, and its end. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "client/publisher_internal.h"
#include "shm/greeting.h"
#include "shm/page.h"

/* Beyond so much of the ring its beginning is used again, as soon as all is read:
 * it is still in the processor's caches, where 64 MB are not. */
#define WARM_BYTES ((uint64_t)8 << 20)
#define COPY_BYTES_PER_NS 4

void ecam_publisher_link_close(ecam_publisher *p)
{
    if (p->link.socket >= 0)
        close(p->link.socket);
    ecam_memfd_close(&p->link.page);
    p->link = (ecam_link){.socket = -1, .page = ECAM_MEMFD_CLOSED, .consumed = p->link.consumed};
}

/* One hand-over at a time: a connected publisher has one receiver. */
void ecam_publisher_offer(ecam_publisher *p, uint64_t stage, const char *socket_name)
{
    ecam_offer offer = {.session = p->session, .rank = p->rank, .has_ring = p->has_ring,
                        .wants_page = p->has_ring};

    if (p->link.state != ECAM_LINK_NONE)
        return;
    int fd = ecam_greeting_connect(socket_name);
    if (fd < 0)
        return;
    p->link.socket = fd;
    memcpy(offer.run, p->run, strlen(p->run));
    memcpy(offer.endpoint, p->endpoint, strnlen(p->endpoint, sizeof offer.endpoint - 1));
    if (ecam_offer_send(fd, &offer, p->has_ring ? p->ring.memory.fd : -1) != ECAM_OK) {
        ecam_publisher_link_close(p);
        return;
    }
    p->link.stage = stage;
    p->link.state = ECAM_LINK_OFFERED;
}

static void take_answer(ecam_publisher *p, const ecam_answer *answer, int page)
{
    p->link.state = ECAM_LINK_ANSWERED;
    p->link.ring = p->has_ring ? answer->ring : 0;
    p->link.consumed = p->ring.position;
    if (answer->has_page)
        (void)ecam_page_open(page, &p->link.page, NULL);
    /* Without a page there is nothing to wait for. */
    if (!p->link.page.map && p->block_ms > 0)
        p->link.ring = 0;
}

void ecam_publisher_link_look(ecam_publisher *p)
{
    ecam_answer answer;
    int page = -1;

    if (p->link.state == ECAM_LINK_NONE)
        return;
    ecam_status st = ecam_answer_receive(p->link.socket, &answer, &page);
    if (st == ECAM_OK && p->link.state == ECAM_LINK_OFFERED)
        take_answer(p, &answer, page);
    else if (st == ECAM_OK && page >= 0)
        close(page);
    else if (st != ECAM_EAGAIN && st != ECAM_OK)
        ecam_publisher_link_close(p);
}

bool ecam_publisher_can_share(const ecam_publisher *p)
{
    return p->link.state == ECAM_LINK_ANSWERED && p->link.ring != 0;
}

static void hear_consumed(ecam_publisher *p)
{
    uint64_t said = ecam_page_get(&p->link.page);
    if (said > p->link.consumed && said <= p->ring.position)
        p->link.consumed = said;
}

/* Going on into cold memory takes a copy's time more. So one that may wait does,
 * as long as that: it can lose no more than it might have gained. */
static void wait_for_warmth(ecam_publisher *p, size_t record_bytes, uint64_t bearable)
{
    int64_t end_ns = ecam_publisher_now() + (int64_t)(record_bytes / COPY_BYTES_PER_NS);

    while (p->ring.position - p->link.consumed > bearable && ecam_publisher_now() < end_ns) {
        sched_yield();
        hear_consumed(p);
    }
}

/* Only where it takes little room from what is not read yet: a publisher that never
 * waits would write over it the sooner, one that waits would wait the sooner. */
static void rewind_if_read(ecam_publisher *p, size_t record_bytes)
{
    uint64_t at = p->ring.position % p->ring.capacity, bearable = p->block_ms > 0 ? WARM_BYTES / 2 : 0;

    if (at < WARM_BYTES || record_bytes > at)
        return;
    if (p->block_ms > 0)
        wait_for_warmth(p, record_bytes, bearable);
    uint64_t unread = p->ring.position - p->link.consumed;
    if (unread <= bearable && record_bytes + unread <= at)
        ecam_ring_rewind(&p->ring);
}

/* What the stage says is believed only within reason; more than that it cannot
 * do than make this publisher wait, or not wait. */
bool ecam_publisher_ring_room(ecam_publisher *p, size_t record_bytes)
{
    if (!p->link.page.map)
        return true;
    hear_consumed(p);
    rewind_if_read(p, record_bytes);
    return p->block_ms == 0 || ecam_ring_end_of(&p->ring, record_bytes) - p->link.consumed <= p->ring.capacity;
}

/* Hand-overs: whose ring is taken, whose messages may name it, how far it has
 * been consumed, and what the end of a trainer's process does. Time is told. */
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage/handover.h"
#include "support/check.h"

#define ENDPOINT "tcp://127.0.0.1:5560"
#define SESSION 11
#define RANK 3
#define SECOND INT64_C(1000000000)
#define PATIENCE_MS 20000

typedef struct scene {
    ecam_handover handover;
    ecam_ring_writer ring;
    int socket;          /* the trainer's end */
    ecam_answer answer;
    ecam_memfd page;
    ecam_error error;
} scene;

static int open_scene(void **state)
{
    static scene s;

    s = (scene){.socket = -1, .page = ECAM_MEMFD_CLOSED};
    *state = &s;
    ecam_handover_serve(&s.handover, ENDPOINT);
    return ecam_handover_open(&s.handover, &s.error) != ECAM_OK || ecam_ring_create(8192, &s.ring, &s.error) != ECAM_OK;
}

static int close_scene(void **state)
{
    scene *s = *state;

    if (s->socket >= 0)
        close(s->socket);
    ecam_memfd_close(&s->page);
    ecam_handover_close(&s->handover);
    ecam_ring_destroy(&s->ring);
    return 0;
}

static void count_gone(void *context, const ecam_peer *peer)
{
    assert_int_equal(peer->offer.rank, RANK);
    ++*(int *)context;
}

static void nobody_goes(void *context, const ecam_peer *peer)
{
    (void)context;
    (void)peer;
    fail_msg("a rank is given up");
}

static void work(scene *s)
{
    ecam_handover_work(&s->handover, 1, nobody_goes, NULL);
}

static ecam_offer make_offer(const char *endpoint)
{
    ecam_offer offer = {.session = SESSION, .rank = RANK, .has_ring = true, .wants_page = true, .run = "r"};
    strcpy(offer.endpoint, endpoint);
    return offer;
}

/* Offer the scene's ring, and read the answer. */
static void offer_ring(scene *s, const char *endpoint)
{
    const ecam_offer offer = make_offer(endpoint);
    int page = -1;

    s->socket = ecam_greeting_connect(s->handover.name);
    assert_true(s->socket >= 0);
    CHECK_STATUS(ecam_offer_send(s->socket, &offer, s->ring.memory.fd), ECAM_OK);
    work(s); /* the connection */
    work(s); /* and what it brings */
    CHECK_STATUS(ecam_answer_receive(s->socket, &s->answer, &page), ECAM_OK);
    if (page >= 0)
        CHECK_OK(ecam_page_open(page, &s->page, &s->error), s->error);
}

/* A record, and a message that names it. */
typedef struct named {
    ecam_field field;
    ecam_message message;
    ecam_hold hold;
} named;

static void name_record(scene *s, const char *text, named *out)
{
    const size_t size = strlen(text) + 1;

    ecam_ring_begin(&s->ring, ecam_ring_record_bytes(&size, 1));
    ecam_ring_place place = ecam_ring_put(&s->ring, text, size);
    ecam_ring_commit(&s->ring);
    *out = (named){.field = {.key = "images", .is_tensor = true,
                             .shared = {true, s->answer.ring, place.offset, place.size, place.ticket}},
                   .message = {.run = "r", .rank = RANK, .session = SESSION, .n_fields = 1}};
    out->message.fields = &out->field;
}

static ecam_status hold(scene *s, named *n)
{
    n->message.fields = &n->field;
    return ecam_handover_hold(&s->handover, &n->message, &n->hold, &s->error);
}

static void a_ring_that_is_offered_is_taken_and_read(void **state)
{
    const void *data;
    scene *s = *state;
    named n;

    offer_ring(s, ENDPOINT);
    assert_true(s->answer.ring != 0 && s->answer.has_page);
    name_record(s, "hello", &n);
    CHECK_OK(hold(s, &n), s->error);
    CHECK_OK(ecam_hold_find(&n.hold, &n.field, &data, &s->error), s->error);
    assert_string_equal(data, "hello");
    n.field.shared.offset = 4096;
    CHECK_STATUS(ecam_hold_find(&n.hold, &n.field, &data, &s->error), ECAM_EINVAL);
    CHECK_TEXT_HAS(s->error.text, "tensor \"images\": ");
    ecam_hold_release(&n.hold);
    ecam_hold_release(&n.hold); /* nothing more */
}

/* The same port is the same stage, whatever its name. */
static void only_this_stages_trainers_are_taken(void **state)
{
    static const struct {
        const char *endpoint;
        bool taken;
    } cases[] = {{"tcp://localhost:5560", true}, {"tcp://127.0.0.1:5561", false}, {"ipc:///tmp/5560", false},
                 {"", false}, {"tcp://", false}};
    scene *s = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        offer_ring(s, cases[i].endpoint);
        if ((s->answer.ring != 0) != cases[i].taken)
            fail_msg("%s: %d", cases[i].endpoint, s->answer.ring != 0);
        assert_true(s->answer.has_page == cases[i].taken);
        ecam_memfd_close(&s->page);
        close(s->socket);
    }
    s->handover.frames_only = true;
    offer_ring(s, ENDPOINT);
    assert_true(s->answer.ring == 0 && !s->answer.has_page);
}

static bool hung_up(int socket)
{
    struct pollfd events = {.fd = socket, .events = POLLIN};
    char byte;
    return poll(&events, 1, 0) == 1 && read(socket, &byte, 1) <= 0;
}

static void what_is_no_offer_and_second_offers_are_hung_up_on(void **state)
{
    const ecam_offer again = make_offer(ENDPOINT);
    scene *s = *state;

    int bad = ecam_greeting_connect(s->handover.name);
    assert_int_equal(write(bad, "hello", 5), 5);
    work(s);
    work(s);
    assert_true(hung_up(bad));
    close(bad);
    offer_ring(s, ENDPOINT);
    assert_false(hung_up(s->socket));
    CHECK_STATUS(ecam_offer_send(s->socket, &again, s->ring.memory.fd), ECAM_OK);
    work(s);
    assert_true(hung_up(s->socket));
}

static void messages_may_name_their_senders_ring_alone(void **state)
{
    scene *s = *state;
    named good, bad;

    offer_ring(s, ENDPOINT);
    name_record(s, "x", &good);
    for (int i = 0; i < 5; i++) {
        bad = good;
        bad.field.shared.ring ^= i == 0;
        bad.message.session ^= i == 1;
        bad.message.rank ^= i == 2;
        bad.message.run = i == 3 ? "other" : "r";
        if (i == 4)
            bad.field.shared.ring = 0;
        CHECK_STATUS(hold(s, &bad), ECAM_EINVAL);
        CHECK_TEXT_HAS(s->error.text, "which this sender did not hand over");
        assert_null(bad.hold.peer);
    }
    CHECK_OK(hold(s, &good), s->error);
    ecam_hold_release(&good.hold);
    good.field.shared.there = false; /* lies in none */
    CHECK_OK(hold(s, &good), s->error);
    assert_null(good.hold.peer);
}

static void the_page_follows_what_is_held(void **state)
{
    scene *s = *state;
    named n[3];

    offer_ring(s, ENDPOINT);
    assert_int_equal(ecam_page_get(&s->page), 0);
    for (int i = 0; i < 3; i++) { /* 128 bytes each */
        name_record(s, "x", &n[i]);
        CHECK_OK(hold(s, &n[i]), s->error);
    }
    ecam_hold_release(&n[1].hold);
    assert_int_equal(ecam_page_get(&s->page), 0); /* the first is still read */
    ecam_hold_release(&n[0].hold);
    assert_int_equal(ecam_page_get(&s->page), 256);
    ecam_hold_release(&n[2].hold);
    assert_int_equal(ecam_page_get(&s->page), 384);
}

/* Places that no ring has do not move the page out of what a ring can have. */
static void impossible_places_count_for_nothing(void **state)
{
    static const ecam_shared_place impossible[] = {
        {true, 0, UINT64_MAX, 64, 0}, {true, 0, 64, UINT64_MAX, 0}, {true, 0, 0, 64, 128}};
    scene *s = *state;
    named n;

    offer_ring(s, ENDPOINT);
    name_record(s, "x", &n);
    for (size_t i = 0; i < 3; i++) {
        n.field.shared = impossible[i];
        n.field.shared.ring = s->answer.ring;
        CHECK_OK(hold(s, &n), s->error);
        ecam_hold_release(&n.hold);
        assert_int_equal(ecam_page_get(&s->page), 0);
    }
}

/* A child that offers no ring, and ends when it is told: its pid. */
static pid_t start_trainer(scene *s, int *stop)
{
    ecam_offer offer = make_offer(ENDPOINT);
    int ends[2], ready[2];
    char byte;

    offer.has_ring = offer.wants_page = false;

    assert_true(pipe(ends) == 0 && pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        int socket = ecam_greeting_connect(s->handover.name);
        bool sent = ecam_offer_send(socket, &offer, -1) == ECAM_OK;
        (void)!write(ready[1], "", 1);
        (void)!read(ends[0], &byte, 1);
        _exit(sent ? 0 : 1);
    }
    close(ends[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    *stop = ends[1];
    return child;
}

static void end_trainer(scene *s, pid_t child, int stop)
{
    struct pollfd events = {.fd = ecam_handover_fd(&s->handover), .events = POLLIN};
    int status;

    close(stop);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(poll(&events, 1, PATIENCE_MS), 1);
}

static void a_process_that_ends_is_given_up_once(void **state)
{
    scene *s = *state;
    int stop, gone = 0;
    pid_t child = start_trainer(s, &stop);

    work(s);
    work(s);
    assert_int_equal(s->handover.n_peers, 1);
    end_trainer(s, child, stop);
    int64_t next = ecam_handover_work(&s->handover, SECOND, count_gone, &gone);
    assert_int_equal(gone, 0); /* what it had sent is read first */
    assert_true(next > SECOND && next < SECOND + SECOND / 10);
    next = ecam_handover_work(&s->handover, next, count_gone, &gone);
    assert_int_equal(gone, 1);
    assert_true(next > SECOND && next < INT64_MAX);
    next = ecam_handover_work(&s->handover, next, count_gone, &gone);
    assert_int_equal(gone, 1);
    assert_int_equal(s->handover.n_peers, 0);
    assert_true(next == INT64_MAX);
}

static void a_rank_that_said_bye_is_not_given_up(void **state)
{
    const ecam_message bye = {.run = "r", .rank = RANK, .session = SESSION};
    scene *s = *state;
    int stop;
    pid_t child = start_trainer(s, &stop);

    work(s);
    work(s);
    ecam_handover_bye(&s->handover, &bye);
    end_trainer(s, child, stop);
    for (int64_t now = SECOND; now < 10 * SECOND; now += SECOND)
        ecam_handover_work(&s->handover, now, nobody_goes, NULL);
    assert_int_equal(s->handover.n_peers, 0);
}

/* Its process lives on: its rank is not given up, its ring is, in a while. */
static void a_ring_stays_while_it_is_read(void **state)
{
    const void *data;
    scene *s = *state;
    named n;

    offer_ring(s, ENDPOINT);
    name_record(s, "still there", &n);
    CHECK_OK(hold(s, &n), s->error);
    close(s->socket);
    s->socket = -1;
    for (int64_t now = SECOND; now < 10 * SECOND; now += SECOND)
        ecam_handover_work(&s->handover, now, nobody_goes, NULL);
    CHECK_OK(ecam_hold_find(&n.hold, &n.field, &data, &s->error), s->error);
    assert_string_equal(data, "still there");
    ecam_hold_release(&n.hold);
    ecam_handover_work(&s->handover, 10 * SECOND, nobody_goes, NULL);
    assert_int_equal(s->handover.n_peers, 0);
}

static void closing_lets_go_of_what_is_held(void **state)
{
    scene *s = *state;
    named n;

    offer_ring(s, ENDPOINT);
    name_record(s, "x", &n);
    CHECK_OK(hold(s, &n), s->error);
    ecam_handover_close(&s->handover);
    assert_null(n.hold.peer);
    assert_int_equal(ecam_handover_fd(&s->handover), -1);
    assert_true(ecam_handover_work(&s->handover, 1, nobody_goes, NULL) == INT64_MAX);
}

#define IN_SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(a_ring_that_is_offered_is_taken_and_read),
        IN_SCENE(only_this_stages_trainers_are_taken),
        IN_SCENE(what_is_no_offer_and_second_offers_are_hung_up_on),
        IN_SCENE(messages_may_name_their_senders_ring_alone),
        IN_SCENE(the_page_follows_what_is_held),
        IN_SCENE(impossible_places_count_for_nothing),
        IN_SCENE(a_process_that_ends_is_given_up_once),
        IN_SCENE(a_rank_that_said_bye_is_not_given_up),
        IN_SCENE(a_ring_stays_while_it_is_read),
        IN_SCENE(closing_lets_go_of_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

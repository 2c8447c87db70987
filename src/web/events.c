#include "web/events.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/buffer.h"

#define MAX_TEXT ((size_t)64 << 10)
#define SILENCE_NS (10 * UINT64_C(1000000000))
#define BLOCK_BYTES 4096

typedef struct client {
    struct client *next;
    ecam_events *events;
    struct MHD_Connection *connection;
    bool suspended;
    uint64_t place;     /* the number of the event it hears next */
    uint64_t silent_ns; /* since when */
    ecam_buffer text;   /* on its way, from `sent` on */
    size_t sent;
} client;

struct ecam_events {
    ecam_events_hello *hello;
    void *context;
    uint32_t boot; /* tells this process's numbers from those of another */
    pthread_mutex_t lock; /* over what follows; libmicrohttpd's own are taken after it */
    bool stopped;
    char *texts[ECAM_EVENTS_KEPT]; /* by number */
    uint64_t end;   /* the next event's number */
    client *clients;
    size_t n_clients;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

ecam_status ecam_events_create(ecam_events_hello *hello, void *context, ecam_events **out, ecam_error *error)
{
    ecam_events *events = calloc(1, sizeof *events);

    *out = events;
    if (!events)
        return ecam_fail(error, ECAM_ENOMEM, "no memory for events");
    events->hello = hello;
    events->context = context;
    if (getrandom(&events->boot, sizeof events->boot, 0) != sizeof events->boot)
        events->boot = (uint32_t)now_ns();
    pthread_mutex_init(&events->lock, NULL);
    return ECAM_OK;
}

void ecam_events_destroy(ecam_events **events)
{
    if (!*events)
        return;
    for (size_t i = 0; i < ECAM_EVENTS_KEPT; i++)
        free((*events)->texts[i]);
    pthread_mutex_destroy(&(*events)->lock);
    free(*events);
    *events = NULL;
}

/* The lock is held. */
static void wake(client *c)
{
    if (c->suspended) {
        c->suspended = false;
        MHD_resume_connection(c->connection);
    }
}

ecam_status ecam_events_post(ecam_events *events, const char *name, const char *data)
{
    size_t size = strlen(name) + strlen(data) + 96;
    char *text = size <= MAX_TEXT ? malloc(size) : NULL;

    if (!text)
        return size <= MAX_TEXT ? ECAM_ENOMEM : ECAM_ELIMIT;
    pthread_mutex_lock(&events->lock);
    char **slot = &events->texts[events->end % ECAM_EVENTS_KEPT];
    snprintf(text, size, "event: %s\nid: %08" PRIx32 "-%" PRIu64 "\ndata: %s\n\n", name, events->boot, events->end,
             data);
    free(*slot);
    *slot = text;
    events->end++;
    for (client *c = events->clients; c; c = c->next)
        wake(c);
    pthread_mutex_unlock(&events->lock);
    return ECAM_OK;
}

void ecam_events_tick(ecam_events *events)
{
    uint64_t now = now_ns();

    pthread_mutex_lock(&events->lock);
    for (client *c = events->clients; c; c = c->next)
        if (now - c->silent_ns >= SILENCE_NS)
            wake(c);
    pthread_mutex_unlock(&events->lock);
}

void ecam_events_stop(ecam_events *events)
{
    pthread_mutex_lock(&events->lock);
    events->stopped = true;
    for (client *c = events->clients; c; c = c->next)
        wake(c);
    pthread_mutex_unlock(&events->lock);
}

size_t ecam_events_clients(ecam_events *events)
{
    pthread_mutex_lock(&events->lock);
    size_t n = events->n_clients;
    pthread_mutex_unlock(&events->lock);
    return n;
}

uint64_t ecam_events_posted(ecam_events *events)
{
    pthread_mutex_lock(&events->lock);
    uint64_t n = events->end;
    pthread_mutex_unlock(&events->lock);
    return n;
}

/* The next text of a client into its buffer; false where there is none. The
 * lock is held. */
static bool next_text(client *c)
{
    ecam_events *events = c->events;
    const char *text = NULL;

    if (c->place < events->end)
        text = events->texts[c->place % ECAM_EVENTS_KEPT];
    else if (now_ns() - c->silent_ns >= SILENCE_NS)
        text = ": still here\n\n";
    if (!text)
        return false;
    ecam_buffer_clear(&c->text);
    c->sent = 0;
    if (ecam_buffer_append(&c->text, text, strlen(text)) != ECAM_OK)
        return false;
    c->place += c->place < events->end;
    return true;
}

static ssize_t read_client(void *context, uint64_t position, char *out, size_t max)
{
    client *c = context;
    ecam_events *events = c->events;
    ssize_t result = 0;

    (void)position;
    pthread_mutex_lock(&events->lock);
    bool is_behind = events->end - c->place > ECAM_EVENTS_KEPT;
    if (events->stopped || (c->sent == c->text.size && is_behind)) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (c->sent < c->text.size || next_text(c)) {
        size_t rest = c->text.size - c->sent, n = rest < max ? rest : max;
        memcpy(out, c->text.data + c->sent, n);
        c->sent += n;
        c->silent_ns = now_ns();
        result = (ssize_t)n;
    } else { /* under the lock, so that nobody wakes it before it sleeps */
        c->suspended = true;
        MHD_suspend_connection(c->connection);
    }
    pthread_mutex_unlock(&events->lock);
    return result;
}

static void end_client(void *context)
{
    client *c = context;
    ecam_events *events = c->events;

    pthread_mutex_lock(&events->lock);
    for (client **at = &events->clients; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            events->n_clients--;
            break;
        }
    pthread_mutex_unlock(&events->lock);
    ecam_buffer_finish(&c->text);
    free(c);
}

/* Where a client goes on; false where what it missed is not kept. */
static bool find_place(ecam_events *events, const char *last, uint64_t *place)
{
    char boot[16];
    uint64_t number;

    *place = events->end;
    snprintf(boot, sizeof boot, "%08" PRIx32 "-", events->boot);
    if (!last || strncmp(last, boot, strlen(boot)) != 0 ||
        !ecam_request_number(last + strlen(boot), INT64_MAX, &number) || number >= events->end ||
        events->end - number > ECAM_EVENTS_KEPT)
        return false;
    *place = number + 1;
    return true;
}

/* NULL where there are too many already, or memory is short. */
static client *add_client(ecam_events *events, struct MHD_Connection *connection, const char *last, bool *resync)
{
    client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->events = events;
    c->connection = connection;
    c->silent_ns = now_ns();
    pthread_mutex_lock(&events->lock);
    bool is_full = events->stopped || events->n_clients >= ECAM_EVENTS_CLIENTS;
    if (!is_full) {
        *resync = !find_place(events, last, &c->place);
        c->next = events->clients;
        events->clients = c;
        events->n_clients++;
    }
    pthread_mutex_unlock(&events->lock);
    if (is_full) {
        free(c);
        c = NULL;
    }
    return c;
}

static struct MHD_Response *make_response(client *c, bool resync)
{
    char hello[1024], text[1100];
    struct MHD_Response *response = NULL;

    c->events->hello(c->events->context, resync, hello, sizeof hello);
    int length = snprintf(text, sizeof text, "event: hello\ndata: %s\n\n", hello);
    if (ecam_buffer_append(&c->text, text, (size_t)length) == ECAM_OK)
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_client, c, end_client);
    if (!response) {
        end_client(c);
        return NULL;
    }
    if (MHD_add_response_header(response, "Content-Type", "text/event-stream") != MHD_YES ||
        MHD_add_response_header(response, "Cache-Control", "no-store") != MHD_YES) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

void ecam_events_serve(ecam_events *events, ecam_http_request *request)
{
    bool resync;
    client *c = add_client(events, request->connection, ecam_http_header(request, "Last-Event-ID"), &resync);

    if (c)
        ecam_http_send(request, MHD_HTTP_OK, make_response(c, resync));
    else
        ecam_http_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many listen already; try again later");
}

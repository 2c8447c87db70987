/* A trainer in C for tests and benchmarks of the whole: publishes epochs whose
 * content depends on rank, step and index alone, so that pictures of two runs can
 * be compared, and says on stdout how it goes.
 *
 * trainer ENDPOINT NAME=VALUE...; see `settings` for the names. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "eigencam/publisher.h"

typedef struct settings {
    const char *run, *mode, *traces;
    uint64_t rank, world;
    uint64_t epochs;   /* 0: until it is killed */
    uint64_t batches, samples;
    uint64_t image;    /* pixels a side */
    uint64_t channels, side; /* of the activations */
    uint64_t ring, block_ms;
    uint64_t wait_ms;  /* for a stage, at first */
    uint64_t pause_us; /* after each batch */
    uint64_t fork;     /* 1: a child that lives on */
    uint64_t asks;     /* 1: says that it takes 4 samples of train */
} settings;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void read_setting(settings *s, const char *text)
{
    const struct {
        const char *name;
        uint64_t *number;
        const char **word;
    } known[] = {
        {"run", NULL, &s->run},          {"mode", NULL, &s->mode},        {"rank", &s->rank, NULL},
        {"world", &s->world, NULL},      {"epochs", &s->epochs, NULL},    {"batches", &s->batches, NULL},
        {"samples", &s->samples, NULL},  {"image", &s->image, NULL},      {"channels", &s->channels, NULL},
        {"side", &s->side, NULL},        {"ring", &s->ring, NULL},        {"block_ms", &s->block_ms, NULL},
        {"wait_ms", &s->wait_ms, NULL},  {"pause_us", &s->pause_us, NULL}, {"fork", &s->fork, NULL},
        {"asks", &s->asks, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].name);
        if (strncmp(text, known[i].name, length) != 0 || text[length] != '=')
            continue;
        if (known[i].number)
            *known[i].number = strtoull(text + length + 1, NULL, 10);
        else
            *known[i].word = text + length + 1;
        return;
    }
    fprintf(stderr, "trainer: no setting %s\n", text);
    exit(2);
}

/* A generator of its own for each sample. */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

typedef struct content {
    uint8_t *images;
    float *activations;
    int64_t *labels;
} content;

static void fill(const settings *s, uint64_t step, content *c)
{
    size_t pixels = 3 * s->image * s->image, numbers = s->channels * s->side * s->side;

    for (uint64_t i = 0; i < s->samples; i++) {
        uint32_t seed = (uint32_t)(1 + s->rank + 1000 * step + 1000000 * i);
        for (size_t k = 0; k < pixels; k++)
            c->images[i * pixels + k] = (uint8_t)(next(&seed) >> 13);
        for (size_t k = 0; k < numbers; k++)
            c->activations[i * numbers + k] = (float)(next(&seed) >> 8) / (1 << 24);
        c->labels[i] = (int64_t)(step * s->samples + i);
    }
}

static void say(const ecam_publisher *p, const char *what, uint64_t epoch, int64_t slowest_ns)
{
    ecam_publisher_stats st;

    ecam_publisher_get_stats(p, &st);
    printf("%s %" PRIu64 " sent %" PRIu64 " unwanted %" PRIu64 " dropped %" PRIu64 " oversize %" PRIu64
           " ring %" PRIu64 " frames %" PRIu64 " stages %u subscribed %d shared %d slowest_us %" PRId64 "\n",
           what, epoch, st.sent, st.unwanted, st.dropped, st.oversize, st.ring_bytes, st.frame_bytes, st.stages,
           st.subscribed, st.shared_memory, slowest_ns / 1000);
    fflush(stdout);
}

static void run_epoch(ecam_publisher *p, const settings *s, const content *batches, uint64_t epoch)
{
    int64_t slowest = 0;
    ecam_error error;

    for (uint64_t step = 0; step < s->batches; step++) {
        const content *c = &batches[step];
        const ecam_batch_value values[] = {
            {.key = "images", .tensor = {.data = c->images, .size_bytes = s->samples * 3 * s->image * s->image,
                                         .dtype = ECAM_U8, .ndim = 4, .shape = {s->samples, 3, s->image, s->image}}},
            {.key = "activations",
             .tensor = {.data = c->activations, .size_bytes = 4 * s->samples * s->channels * s->side * s->side,
                        .dtype = ECAM_F32, .ndim = 4, .shape = {s->samples, s->channels, s->side, s->side}}},
            {.key = "labels", .tensor = {.data = c->labels, .size_bytes = 8 * s->samples, .dtype = ECAM_I64, .ndim = 1,
                                         .shape = {s->samples}}},
        };
        const ecam_batch batch = {.mode = s->mode, .ds_id = "", .epoch = epoch, .step = step, .values = values,
                                  .n_values = 3};
        int64_t from = now_ns();
        ecam_status st = ecam_publisher_batch(p, &batch, &error);
        int64_t took = now_ns() - from;
        if (st != ECAM_OK && st != ECAM_EAGAIN)
            fprintf(stderr, "trainer: %s\n", error.text);
        slowest = took > slowest ? took : slowest;
        if (s->pause_us)
            usleep((useconds_t)s->pause_us);
    }
    if (ecam_publisher_epoch_end(p, s->mode, epoch, 0, &error) != ECAM_OK)
        fprintf(stderr, "trainer: %s\n", error.text);
    say(p, "epoch", epoch, slowest);
}

static void tell(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "notice: %s\n", text);
}

static ecam_publisher *open_publisher(const char *endpoint, const settings *s)
{
    static const ecam_setting_text asked[] = {{"mode", "train"}, {"n_samples", "4"}, {"publish", "image"}};
    static const ecam_trace_request trace = {asked, 3};
    ecam_publisher_options o;
    ecam_publisher *p;
    ecam_error error;

    ecam_publisher_defaults(&o);
    o.endpoint = endpoint;
    o.run = s->run;
    o.rank = (uint32_t)s->rank;
    o.world = (uint32_t)s->world;
    o.ring_bytes = s->ring;
    o.block_ms = (unsigned)s->block_ms;
    o.notice = tell;
    o.traces = &trace;
    o.n_traces = s->asks ? 1 : 0;
    if (ecam_publisher_open(&o, &p, &error) != ECAM_OK) {
        fprintf(stderr, "trainer: %s\n", error.text);
        exit(1);
    }
    return p;
}

static content *make_batches(const settings *s)
{
    content *batches = calloc(s->batches, sizeof *batches);

    for (uint64_t step = 0; step < s->batches; step++) {
        content *c = &batches[step];
        c->images = malloc(s->samples * 3 * s->image * s->image);
        c->activations = malloc(4 * s->samples * s->channels * s->side * s->side);
        c->labels = malloc(8 * s->samples);
        fill(s, step, c);
    }
    return batches;
}

static void drop_batches(const settings *s, content *batches)
{
    for (uint64_t step = 0; step < s->batches; step++) {
        free(batches[step].images);
        free(batches[step].activations);
        free(batches[step].labels);
    }
    free(batches);
}

int main(int argc, char **argv)
{
    settings s = {.run = "run", .mode = "eval", .world = 1, .epochs = 1, .batches = 4, .samples = 5, .image = 32,
                  .channels = 16, .side = 8, .ring = 64 << 20, .wait_ms = 20000};

    for (int i = 2; i < argc; i++)
        read_setting(&s, argv[i]);
    content *batches = make_batches(&s);
    ecam_publisher *p = open_publisher(argc > 1 ? argv[1] : NULL, &s);
    if (s.wait_ms)
        ecam_publisher_wait(p, (unsigned)s.wait_ms);
    pid_t child = s.fork ? fork() : -1;
    if (child == 0) {
        pause();
        _exit(0);
    }
    if (child > 0)
        printf("child %d\n", (int)child); /* before "ready": whoever kills us then knows it */
    say(p, "ready", 0, 0);
    for (uint64_t epoch = 1; s.epochs == 0 || epoch <= s.epochs; epoch++)
        run_epoch(p, &s, batches, epoch);
    ecam_publisher_close(&p, 5000);
    drop_batches(&s, batches);
    return 0;
}

/* ecam_result_decode on any frames: what it accepts is whole, and encoded and
 * decoded again it is the same. */
#include "fuzz_target.h"

#include <math.h>

#include "frames.h"
#include "wire/result.h"

#define MEMORY_BYTES ((size_t)1 << 22)

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_texts(const char *const *a, const char *const *b, uint32_t n)
{
    FUZZ_CHECK((a != NULL) == (b != NULL));
    for (uint32_t i = 0; a && i < n; i++)
        FUZZ_CHECK(same_text(a[i], b[i]));
}

static void check_sample(const ecam_result_sample *a, const ecam_result_sample *b)
{
    FUZZ_CHECK(a->number == b->number && a->rank == b->rank && a->step == b->step);
    FUZZ_CHECK(a->index == b->index && same_text(a->ds_id, b->ds_id));
    FUZZ_CHECK(same_text(a->label, b->label) && same_text(a->pred, b->pred));
}

static void check_component(const ecam_result_component *a, const ecam_result_component *b)
{
    FUZZ_CHECK(a->number == b->number && a->components == b->components);
    FUZZ_CHECK(isfinite(a->explained) && isfinite(a->singular) && isfinite(a->divisor));
    FUZZ_CHECK(isfinite(a->lo) && isfinite(a->hi));
    FUZZ_CHECK(!(a->explained < b->explained || a->explained > b->explained));
    FUZZ_CHECK(!(a->lo < b->lo || a->lo > b->lo));
}

static void check_summary(const ecam_result_summary *a, const ecam_result_summary *b)
{
    FUZZ_CHECK(a->samples == b->samples && a->n_missing == b->n_missing);
    for (uint32_t i = 0; i < a->n_missing; i++)
        FUZZ_CHECK(a->missing_ranks[i] == b->missing_ranks[i]);
    FUZZ_CHECK(memcmp(a->published, b->published, sizeof a->published) == 0);
    FUZZ_CHECK(a->lost == b->lost && a->rejected == b->rejected && a->late == b->late);
    check_texts(a->labels, b->labels, a->samples);
    check_texts(a->preds, b->preds, a->samples);
}

static void check_others(const ecam_result *a, const ecam_result *b)
{
    FUZZ_CHECK(same_text(a->error.code, b->error.code) &&
               same_text(a->error.message, b->error.message));
    FUZZ_CHECK(same_text(a->error.key, b->error.key) && a->error.rank == b->error.rank);
    FUZZ_CHECK(a->error.session == b->error.session && a->error.of_seq == b->error.of_seq);
    FUZZ_CHECK(a->stats.n_counters == b->stats.n_counters);
    for (uint32_t i = 0; i < a->stats.n_counters; i++) {
        FUZZ_CHECK(same_text(a->stats.counters[i].name, b->stats.counters[i].name));
        FUZZ_CHECK(a->stats.counters[i].value == b->stats.counters[i].value);
    }
}

static void check_same(const ecam_result *a, const ecam_result *b)
{
    FUZZ_CHECK(a->type == b->type && a->stage == b->stage && a->seq == b->seq &&
               a->time_ns == b->time_ns);
    FUZZ_CHECK(same_text(a->run, b->run) && same_text(a->output, b->output) &&
               same_text(a->mode, b->mode));
    FUZZ_CHECK(a->epoch == b->epoch && a->attempt == b->attempt);
    FUZZ_CHECK(a->picture.png == b->picture.png && a->picture.png_bytes == b->picture.png_bytes);
    FUZZ_CHECK(a->page.number == b->page.number && a->page.rows == b->page.rows);
    check_sample(&a->sample, &b->sample);
    check_component(&a->component, &b->component);
    check_summary(&a->summary, &b->summary);
    check_others(a, b);
}

/* What was accepted, encoded anew. The topic comes out byte for byte. */
static void check_again(const ecam_result *result, ecam_frame *frames, size_t n)
{
    ecam_buffer topic = {0}, header = {0};
    ecam_frame original = frames[1];
    ecam_result again;
    ecam_arena arena;

    FUZZ_CHECK(ecam_result_topic(result, &topic) == ECAM_OK);
    FUZZ_CHECK(topic.size == frames[0].size && memcmp(topic.data, frames[0].data, topic.size) == 0);
    FUZZ_CHECK(ecam_result_header(result, &header) == ECAM_OK);
    frames[1] = (ecam_frame){.data = header.data, .size = header.size};
    ecam_arena_init(&arena, 0);
    FUZZ_CHECK(ecam_result_decode(frames, n, &arena, &again, NULL) == ECAM_OK);
    check_same(result, &again);
    frames[1] = original;
    ecam_arena_finish(&arena);
    ecam_buffer_finish(&header);
    ecam_buffer_finish(&topic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ecam_frame frames[FUZZ_MAX_FRAMES];
    size_t n = fuzz_frames_split(data, size, frames);
    ecam_error error = {0};
    ecam_result result;
    ecam_arena arena;

    ecam_arena_init(&arena, MEMORY_BYTES);
    ecam_status st = ecam_result_decode(frames, n, &arena, &result, &error);
    FUZZ_CHECK(st != ECAM_ENOMEM);
    if (st == ECAM_OK)
        check_again(&result, frames, n);
    else
        FUZZ_CHECK(error.status == st && error.text[0] != '\0');
    ecam_arena_finish(&arena);
    fuzz_frames_free(frames, n);
    return 0;
}

/* The test vectors of results, and that the encoder says the same. */
#include "base/buffer.h"
#include "support/check.h"
#include "vectors.h"
#include "wire/result.h"

static void check_sample(const vector *v, const ecam_result_sample *s)
{
    vector_check_uint(v, "sample", s->number);
    vector_check_text(v, "ds_id", s->ds_id);
    vector_check_uint(v, "rank", s->rank);
    vector_check_uint(v, "step", s->step);
    vector_check_uint(v, "index", s->index);
    vector_check_text(v, "label", s->label);
    vector_check_text(v, "pred", s->pred);
}

static void check_style(const vector *v, const ecam_result_style *s)
{
    vector_check_text(v, "colormap", s->colormap);
    vector_check(v, "weight", s->add == (s->colormap && !json_object_get(v->expect, "weight")));
    vector_check_double(v, "weight", s->weight);
    vector_check_text(v, "normalize", !s->colormap ? NULL : s->per_image ? "image" : "epoch");
    vector_check(v, "image_float", s->image_float == json_is_true(json_object_get(v->expect, "image_float")));
}

static void check_component(const vector *v, const ecam_result_component *c)
{
    vector_check_uint(v, "component", c->number);
    vector_check_uint(v, "components", c->components);
    vector_check_double(v, "explained", c->explained);
    vector_check_double(v, "singular", c->singular);
    vector_check_double(v, "lo", c->lo);
    vector_check_double(v, "hi", c->hi);
    vector_check_double(v, "divisor", c->divisor);
    check_style(v, &c->style);
}

static void check_texts(const vector *v, const char *key, const char *const *texts)
{
    const json_t *list = json_object_get(v->expect, key);

    vector_check(v, key, (texts != NULL) == json_is_array(list));
    for (size_t i = 0; texts && i < json_array_size(list); i++) {
        const char *expected = json_string_value(json_array_get(list, i));
        vector_check(v, key, (expected != NULL) == (texts[i] != NULL));
        if (expected)
            vector_check(v, key, strcmp(texts[i], expected) == 0);
    }
}

static void check_summary(const vector *v, const ecam_result_summary *s)
{
    const json_t *ranks = json_object_get(v->expect, "missing_ranks");
    const json_t *published = json_object_get(v->expect, "published");

    vector_check_uint(v, "samples", s->samples);
    vector_check_uint(v, "components", s->components);
    vector_check(v, "complete",
                 s->complete == json_is_true(json_object_get(v->expect, "complete")));
    vector_check(v, "missing_ranks", s->n_missing == json_array_size(ranks));
    for (uint32_t i = 0; i < s->n_missing; i++)
        vector_check(v, "missing_ranks",
                     s->missing_ranks[i] == json_integer_value(json_array_get(ranks, i)));
    vector_check_uint(v, "world", s->world);
    vector_check_uint(v, "lost", s->lost);
    vector_check_uint(v, "rejected", s->rejected);
    vector_check_uint(v, "late", s->late);
    for (int i = 0; i < 4; i++) {
        const json_t *count = json_object_get(published,
                                              ecam_result_type_name((ecam_result_type)i));
        vector_check(v, "published", (uint64_t)json_integer_value(count) == s->published[i]);
    }
    check_texts(v, "labels", s->labels);
    check_texts(v, "preds", s->preds);
    vector_check_uint(v, "latency_ns", s->latency_ns);
}

static void check_error(const vector *v, const ecam_result_error *e)
{
    vector_check_text(v, "code", e->code);
    vector_check_text(v, "message", e->message);
    vector_check(v, "rank", e->has_rank == json_is_integer(json_object_get(v->expect, "rank")));
    vector_check_uint(v, "rank", e->rank);
    vector_check(v, "session",
                 e->has_session == json_is_string(json_object_get(v->expect, "session")));
    vector_check_uint(v, "session", e->session);
    vector_check(v, "of_seq", e->has_seq == json_is_integer(json_object_get(v->expect, "of_seq")));
    vector_check_uint(v, "of_seq", e->of_seq);
    vector_check_text(v, "key", e->key);
}

static uint64_t count_of(const json_t *map, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(map, key));
}

static void check_account(const vector *v, const json_t *expect, const ecam_result_account *a)
{
    vector_check(v, "account", a->sent == count_of(expect, "sent") && a->used == count_of(expect, "used") &&
                 a->unwanted == count_of(expect, "unwanted") && a->late == count_of(expect, "late") &&
                 a->overwritten == count_of(expect, "overwritten") && a->rejected == count_of(expect, "rejected") &&
                 a->lost == count_of(expect, "lost") && a->duplicates == count_of(expect, "duplicates"));
}

/* A row of nine: the rank, then as in the struct. */
static void check_row(const vector *v, const json_t *row, const ecam_result_rank *rank)
{
    const ecam_result_account *a = &rank->account;
    const uint64_t got[] = {rank->rank, a->sent, a->used, a->unwanted, a->late, a->overwritten, a->rejected, a->lost,
                            a->duplicates};

    for (size_t i = 0; i < 9; i++)
        vector_check(v, "accounts", (uint64_t)json_integer_value(json_array_get(row, i)) == got[i]);
}

static void check_run(const vector *v, const json_t *expect, const ecam_result_run *run)
{
    const json_t *rows = json_object_get(expect, "accounts"), *opens = json_object_get(expect, "open");

    vector_check(v, "run", strcmp(run->name, json_string_value(json_object_get(expect, "run"))) == 0);
    vector_check(v, "ranks", run->n_ranks == count_of(expect, "ranks"));
    check_account(v, json_object_get(expect, "account"), &run->account);
    vector_check(v, "accounts", run->n_listed == json_array_size(rows));
    for (uint32_t i = 0; i < run->n_listed; i++)
        check_row(v, json_array_get(rows, i), &run->ranks[i]);
    vector_check(v, "open", run->n_open == json_array_size(opens));
    for (uint32_t i = 0; i < run->n_open; i++) {
        const json_t *open = json_array_get(opens, i);
        const ecam_result_open *got = &run->open[i];
        vector_check(v, "open", strcmp(got->mode, json_string_value(json_object_get(open, "mode"))) == 0 &&
                     got->epoch == count_of(open, "epoch") && got->attempt == count_of(open, "attempt") &&
                     got->world == count_of(open, "world") && got->done == count_of(open, "done") &&
                     got->samples == count_of(open, "samples"));
    }
}

static void check_stats(const vector *v, const ecam_result_stats *s)
{
    const json_t *counters = json_object_get(v->expect, "counters");

    vector_check(v, "counters", s->n_counters == json_object_size(counters));
    for (uint32_t i = 0; i < s->n_counters; i++) {
        const json_t *value = json_object_get(counters, s->counters[i].name);
        vector_check(v, "counters", value &&
                     (uint64_t)json_integer_value(value) == s->counters[i].value);
    }
    const json_t *runs = json_object_get(v->expect, "runs");
    vector_check(v, "runs", s->n_runs == json_array_size(runs));
    for (uint32_t i = 0; i < s->n_runs; i++)
        check_run(v, json_array_get(runs, i), &s->runs[i]);
}

static void check_picture(const vector *v, const ecam_result_picture *p)
{
    if (!json_object_get(v->expect, "encoding")) {
        vector_check(v, "picture", p->png == NULL && p->png_bytes == 0);
        return;
    }
    vector_check_uint(v, "width", p->width);
    vector_check_uint(v, "height", p->height);
    vector_check(v, "frame", p->png == v->frames[2].data && p->png_bytes == v->frames[2].size);
}

static void check_meaning(const vector *v, const ecam_result *r)
{
    vector_check_text(v, "type", ecam_result_type_name(r->type));
    vector_check_uint(v, "stage", r->stage);
    vector_check_uint(v, "seq", r->seq);
    vector_check_uint(v, "time_ns", r->time_ns);
    vector_check_text(v, "run", r->run);
    vector_check_text(v, "output", r->output);
    vector_check_uint(v, "epoch", r->epoch);
    vector_check_uint(v, "attempt", r->attempt);
    vector_check_text(v, "mode", r->mode);
    if (r->type <= ECAM_RESULT_IMAGE)
        check_sample(v, &r->sample);
    if (r->type <= ECAM_RESULT_MAP)
        check_component(v, &r->component);
    vector_check_uint(v, "page", r->page.number);
    vector_check_uint(v, "pages", r->page.pages);
    vector_check_uint(v, "rows", r->page.rows);
    if (r->type == ECAM_RESULT_EPOCH)
        check_summary(v, &r->summary);
    if (r->type == ECAM_RESULT_ERROR)
        check_error(v, &r->error);
    if (r->type == ECAM_RESULT_STATS)
        check_stats(v, &r->stats);
    check_picture(v, &r->picture);
}

/* Encoded anew, a decoded result means the same and has the same topic. */
static void check_encoded(const vector *v, const ecam_result *result)
{
    ecam_buffer topic = {0}, header = {0};
    ecam_arena arena;
    ecam_result again;
    ecam_error error = {0};

    ecam_arena_init(&arena, 0);
    CHECK_STATUS(ecam_result_topic(result, &topic), ECAM_OK);
    CHECK_STATUS(ecam_result_header(result, &header), ECAM_OK);
    vector_check(v, "topic", topic.size == v->frames[0].size &&
                                 memcmp(topic.data, v->frames[0].data, topic.size) == 0);
    ecam_frame frames[3] = {v->frames[0], {header.data, header.size}, {0}};
    if (v->n_frames == 3)
        frames[2] = v->frames[2];
    CHECK_OK(ecam_result_decode(frames, v->n_frames, &arena, &again, &error), error);
    check_meaning(v, &again);
    ecam_arena_finish(&arena);
    ecam_buffer_finish(&header);
    ecam_buffer_finish(&topic);
}

/* The key is named in the sentence. */
static void check_refused(const vector *v, ecam_status st, const ecam_error *error)
{
    const char *key = json_string_value(json_object_get(v->expect, "key"));
    vector_check_refused(v, st, key && strstr(error->text, key) ? key : NULL, error->text);
}

static void check_all(bool good)
{
    json_t *list = vectors_load("results.json"), *entry;
    ecam_arena arena;
    size_t i, checked = 0;

    ecam_arena_init(&arena, (size_t)1 << 20);
    json_array_foreach(list, i, entry)
    {
        vector v;
        ecam_result result;
        ecam_error error = {0};
        vector_init(&v, entry);
        ecam_status st = ecam_result_decode(v.frames, v.n_frames, &arena, &result, &error);
        if (v.good && good && st != ECAM_OK)
            vector_failed(&v, "result", error.text);
        if (v.good && good) {
            check_meaning(&v, &result);
            check_encoded(&v, &result);
        }
        if (!v.good && !good)
            check_refused(&v, st, &error);
        checked += v.good == good;
        ecam_arena_reset(&arena);
        vector_finish(&v);
    }
    assert_true(checked > 10);
    ecam_arena_finish(&arena);
    json_decref(list);
}

static void good_vectors_mean_what_they_say(void **state)
{
    (void)state;
    check_all(true);
}

static void bad_vectors_are_refused_with_their_reason(void **state)
{
    (void)state;
    check_all(false);
}

static void short_memory_is_a_refusal(void **state)
{
    json_t *list = vectors_load("results.json"), *entry;
    size_t i;

    (void)state;
    json_array_foreach(list, i, entry)
    {
        vector v;
        vector_init(&v, entry);
        ecam_status st = ECAM_ELIMIT;
        for (size_t limit = 16; v.good && st != ECAM_OK; limit += 16) {
            ecam_arena arena;
            ecam_result result;
            ecam_error error = {0};
            ecam_arena_init(&arena, limit);
            st = ecam_result_decode(v.frames, v.n_frames, &arena, &result, &error);
            if (st != ECAM_OK && st != ECAM_ELIMIT)
                vector_failed(&v, "memory", error.text);
            assert_true(limit < 65536);
            ecam_arena_finish(&arena);
        }
        vector_finish(&v);
    }
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_vectors_mean_what_they_say),
        cmocka_unit_test(bad_vectors_are_refused_with_their_reason),
        cmocka_unit_test(short_memory_is_a_refusal),
    };
    return cmocka_run_group_tests_name("result vectors", tests, NULL, NULL);
}

/* Every allocation of decoding and encoding fails once: each time the call says
 * so, and leaves nothing behind (a sanitizer sees what is left). */
#include "base/buffer.h"
#include "support/check.h"
#include "support/failing_malloc.h"
#include "vectors.h"
#include "wire/result.h"

/* What is tried: whether it came to its end, or memory was short. */
typedef ecam_status attempt_fn(const vector *v);

static ecam_status decode_message(const vector *v)
{
    ecam_error error = {0};
    ecam_message message;
    ecam_arena arena;

    ecam_arena_init(&arena, 0);
    ecam_status st = ecam_message_decode(v->frames, v->n_frames, &arena, &message, &error);
    ecam_arena_finish(&arena);
    return st;
}

static ecam_status code_result(const vector *v)
{
    ecam_error error = {0};
    ecam_buffer topic = {0}, header = {0};
    ecam_result result;
    ecam_arena arena;

    ecam_arena_init(&arena, 0);
    ecam_status st = ecam_result_decode(v->frames, v->n_frames, &arena, &result, &error);
    if (st == ECAM_OK)
        st = ecam_result_topic(&result, &topic);
    if (st == ECAM_OK)
        st = ecam_result_header(&result, &header);
    ecam_arena_finish(&arena);
    ecam_buffer_finish(&topic);
    ecam_buffer_finish(&header);
    return st;
}

static void try_all(const char *file, attempt_fn *attempt)
{
    json_t *list = vectors_load(file), *entry;
    size_t i, failures = 0;

    json_array_foreach(list, i, entry)
    {
        vector v;
        bool failed = true;
        vector_init(&v, entry);
        for (unsigned n = 0; v.good && failed; n++) {
            failing_malloc_arm(n);
            ecam_status st = attempt(&v);
            failed = failing_malloc_disarm();
            if (st != (failed ? ECAM_ENOMEM : ECAM_OK))
                fail_msg("%s, allocation %u: \"%s\"", v.name, n, ecam_status_word(st));
            failures += failed;
        }
        vector_finish(&v);
    }
    assert_true(failures > 20);
    json_decref(list);
}

static void a_message_is_refused(void **state)
{
    (void)state;
    try_all("messages.json", decode_message);
}

static void a_result_is_refused(void **state)
{
    (void)state;
    try_all("results.json", code_result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_refused),
        cmocka_unit_test(a_result_is_refused),
    };
    return cmocka_run_group_tests_name("wire memory", tests, NULL, NULL);
}

#include "vectors.h"

#include <stdlib.h>

#include "support/check.h"

json_t *vectors_load(const char *file)
{
    char path[512];
    json_error_t error;

    snprintf(path, sizeof path, "%s/%s", VECTORS_DIR, file);
    json_t *list = json_load_file(path, 0, &error);
    if (!list || json_array_size(list) == 0)
        fail_msg("%s: %s", path, list ? "no vectors" : error.text);
    return list;
}

static unsigned char *from_hex(const char *hex, size_t *size)
{
    *size = strlen(hex) / 2;
    unsigned char *bytes = malloc(*size ? *size : 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < *size; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return bytes;
}

void vector_init(vector *v, const json_t *entry)
{
    const json_t *frames = json_object_get(entry, "frames");

    *v = (vector){.name = json_string_value(json_object_get(entry, "name")),
                  .expect = json_object_get(entry, "expect"),
                  .n_frames = json_array_size(frames)};
    assert_true(v->n_frames <= MAX_FRAMES);
    v->good = strcmp(json_string_value(json_object_get(v->expect, "status")), "ok") == 0;
    for (size_t i = 0; i < v->n_frames; i++)
        v->frames[i].data = from_hex(json_string_value(json_array_get(frames, i)),
                                     &v->frames[i].size);
}

void vector_finish(vector *v)
{
    for (size_t i = 0; i < v->n_frames; i++)
        free((void *)v->frames[i].data);
}

void vector_failed(const vector *v, const char *key, const char *what)
{
    fail_msg("%s, %s: %s", v->name, key, what);
}

void vector_check(const vector *v, const char *key, bool holds)
{
    if (!holds)
        vector_failed(v, key, "is not as the vector says");
}

void vector_check_text(const vector *v, const char *key, const char *found)
{
    const json_t *value = json_object_get(v->expect, key);

    if (!value)
        return;
    if (json_is_null(value))
        vector_check(v, key, found == NULL);
    else if (!found || strcmp(found, json_string_value(value)) != 0)
        fail_msg("%s, %s: expected \"%s\", found \"%s\"", v->name, key, json_string_value(value),
                 found ? found : "(none)");
}

void vector_check_uint(const vector *v, const char *key, uint64_t found)
{
    const json_t *value = json_object_get(v->expect, key);

    if (!value || json_is_null(value))
        return;
    uint64_t expected = json_is_string(value) ? strtoull(json_string_value(value), NULL, 10)
                                              : (uint64_t)json_integer_value(value);
    if (found != expected)
        fail_msg("%s, %s: expected %llu, found %llu", v->name, key, (unsigned long long)expected,
                 (unsigned long long)found);
}

void vector_check_double(const vector *v, const char *key, double found)
{
    const json_t *value = json_object_get(v->expect, key);

    if (value && json_number_value(value) != found)
        fail_msg("%s, %s: expected %g, found %g", v->name, key, json_number_value(value), found);
}

void vector_check_refused(const vector *v, ecam_status status, const char *bad_key,
                          const char *text)
{
    const char *expected = json_string_value(json_object_get(v->expect, "status"));
    const char *key = json_string_value(json_object_get(v->expect, "key"));

    if (strcmp(ecam_status_word(status), expected) != 0)
        fail_msg("%s: expected \"%s\", got \"%s\": %s", v->name, expected, ecam_status_word(status),
                 text);
    if (key && (!bad_key || strcmp(key, bad_key) != 0))
        fail_msg("%s: expected key %s to be named, got %s: %s", v->name, key,
                 bad_key ? bad_key : "none", text);
    if (strlen(text) < 12)
        fail_msg("%s: \"%s\" is no sentence", v->name, text);
}

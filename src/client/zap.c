#include "client/zap.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LIST_BYTES ((size_t)16 << 20)
#define FIRST_CAPACITY 16

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ECAM_CURVE_KEY_BYTES);
}

static ecam_status add(ecam_zap_list *list, size_t *capacity, const uint8_t *key, ecam_error *error)
{
    if (list->n == ECAM_ZAP_MAX_KEYS)
        return ecam_fail(error, ECAM_ELIMIT, "there are more than %d keys", ECAM_ZAP_MAX_KEYS);
    if (list->n == *capacity) {
        size_t wider = *capacity ? 2 * *capacity : FIRST_CAPACITY;
        void *keys = realloc(list->keys, wider * sizeof *list->keys);
        if (!keys)
            return ecam_fail(error, ECAM_ENOMEM, "no memory for %zu keys", wider);
        list->keys = keys;
        *capacity = wider;
    }
    memcpy(list->keys[list->n++], key, ECAM_CURVE_KEY_BYTES);
    return ECAM_OK;
}

static void sort(ecam_zap_list *list)
{
    size_t n = 0;

    if (list->n > 0)
        qsort(list->keys, list->n, sizeof *list->keys, compare);
    for (size_t i = 0; i < list->n; i++)
        if (n == 0 || compare(list->keys[n - 1], list->keys[i]) != 0)
            memmove(list->keys[n++], list->keys[i], ECAM_CURVE_KEY_BYTES);
    list->n = n;
}

static ecam_status read_keys(const char *text, size_t size, ecam_zap_list *out, ecam_error *error)
{
    const char *at = text;
    char key[ECAM_CURVE_TEXT_BYTES];
    uint8_t raw[ECAM_CURVE_KEY_BYTES];
    unsigned line = 0;
    size_t capacity = 0;
    ecam_status st;

    while ((st = ecam_curve_next(&at, text + size, &line, key, raw, error)) == ECAM_OK) {
        st = add(out, &capacity, raw, error);
        if (st != ECAM_OK)
            return st;
    }
    sort(out);
    return st == ECAM_ECLOSED ? ECAM_OK : st;
}

ecam_status ecam_zap_list_read(const char *path, ecam_zap_list *list, ecam_error *error)
{
    ecam_zap_list fresh = {.any = strcmp(path, "any") == 0};
    char *text = NULL;
    size_t size = 0;
    ecam_status st = ECAM_OK;

    if (!fresh.any)
        st = ecam_curve_read_file(path, false, MAX_LIST_BYTES, &text, &size, error);
    if (st == ECAM_OK && !fresh.any) {
        st = read_keys(text, size, &fresh, error);
        if (st != ECAM_OK)
            ecam_error_prefix(error, "%.300s: ", path);
    }
    free(text);
    if (st != ECAM_OK) {
        ecam_zap_list_finish(&fresh);
        return st;
    }
    ecam_zap_list_finish(list);
    *list = fresh;
    return ECAM_OK;
}

bool ecam_zap_list_has(const ecam_zap_list *list, const uint8_t key[ECAM_CURVE_KEY_BYTES])
{
    return list->any || (list->n > 0 && bsearch(key, list->keys, list->n, sizeof *list->keys, compare));
}

size_t ecam_zap_list_gone(const ecam_zap_list *before, const ecam_zap_list *after)
{
    size_t gone = before->any && !after->any;

    for (size_t i = 0; i < before->n; i++)
        gone += !ecam_zap_list_has(after, before->keys[i]);
    return gone;
}

void ecam_zap_list_finish(ecam_zap_list *list)
{
    free(list->keys);
    *list = (ecam_zap_list){0};
}

static bool is_text(const ecam_frame *frame, const char *text)
{
    return frame->size == strlen(text) && memcmp(frame->data, text, frame->size) == 0;
}

ecam_status ecam_zap_question_read(const ecam_frame *frames, size_t n, ecam_zap_question *out, ecam_error *error)
{
    enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, COUNT };

    *out = (ecam_zap_question){.key = NULL};
    if (n > REQUEST)
        out->request = frames[REQUEST];
    if (n != COUNT || !is_text(&frames[VERSION], "1.0") || !is_text(&frames[MECHANISM], "CURVE") ||
        frames[KEY].size != ECAM_CURVE_KEY_BYTES)
        return ecam_fail(error, ECAM_EFORMAT, "%zu frames are no question about a CURVE client", n);
    size_t length = frames[ADDRESS].size < sizeof out->address ? frames[ADDRESS].size : sizeof out->address - 1;
    memcpy(out->address, frames[ADDRESS].data, length);
    out->key = frames[KEY].data;
    return ECAM_OK;
}

static ecam_frame text_frame(const char *text)
{
    return (ecam_frame){.data = text, .size = strlen(text)};
}

void ecam_zap_answer(const ecam_zap_question *question, bool allowed, ecam_frame out[ECAM_ZAP_ANSWER_FRAMES])
{
    out[0] = text_frame("1.0");
    out[1] = question->request;
    out[2] = text_frame(allowed ? "200" : "300");
    out[3] = text_frame(allowed ? "OK" : "not allowed");
    out[4] = text_frame("");
    out[5] = text_frame("");
}

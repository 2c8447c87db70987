#include "wire/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SHOWN_BYTES 64

ecam_status ecam_reader_fail(ecam_reader *r, const char *key, ecam_status status,
                             const char *format, ...)
{
    if (r->status != ECAM_OK)
        return r->status;

    char text[sizeof r->error->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->status = status;
    r->bad_key = key;
    return ecam_fail(r->error, status, "%s", text);
}

void *ecam_reader_alloc(ecam_reader *r, size_t count, size_t size)
{
    if (r->status != ECAM_OK)
        return NULL;

    void *memory = ecam_arena_alloc(r->arena, count, size);
    if (memory)
        return memory;
    size_t limit = r->arena->limit_bytes;
    if (limit != 0 && (count > limit / size || count * size + 64 > limit - r->arena->used_bytes))
        ecam_reader_fail(r, NULL, ECAM_ELIMIT,
                         "the header needs more than the %zu bytes of memory that it may take",
                         limit);
    else
        ecam_reader_fail(r, NULL, ECAM_ENOMEM, "no memory to decode a header");
    return NULL;
}

const ecam_node *ecam_reader_find(const ecam_node *map, const char *key)
{
    const ecam_node *node = ecam_node_get(map, key);
    return node && node->kind != ECAM_NODE_NIL ? node : NULL;
}

const ecam_node *ecam_reader_need(ecam_reader *r, const ecam_node *map, const char *key,
                                  const char *expected)
{
    const ecam_node *node = r->status == ECAM_OK ? ecam_reader_find(map, key) : NULL;
    if (!node)
        ecam_reader_fail(r, key, ECAM_EMISSING, "key \"%s\" is missing; expected %s", key,
                         expected);
    return node;
}

uint64_t ecam_reader_uint(ecam_reader *r, const ecam_node *map, const char *key, uint64_t min,
                          uint64_t max)
{
    const ecam_node *node = ecam_reader_need(r, map, key, "an integer that is not negative");
    uint64_t value = 0;

    if (!node)
        return 0;
    if (node->kind != ECAM_NODE_INT && node->kind != ECAM_NODE_UINT)
        ecam_reader_fail(r, key, ECAM_ETYPE, "key \"%s\" is %s; expected an integer", key,
                         ecam_node_kind_name(node));
    else if (node->kind == ECAM_NODE_INT && node->integer < 0)
        ecam_reader_fail(r, key, ECAM_EINVAL, "key \"%s\" is %lld; expected %llu to %llu", key,
                         (long long)node->integer, (unsigned long long)min,
                         (unsigned long long)max);
    else if (!ecam_node_uint(node, max, &value) || value < min)
        ecam_reader_fail(r, key, ECAM_EINVAL, "key \"%s\" is %llu; expected %llu to %llu", key,
                         (unsigned long long)node->natural, (unsigned long long)min,
                         (unsigned long long)max);
    return r->status == ECAM_OK ? value : 0;
}

uint64_t ecam_reader_uint_or(ecam_reader *r, const ecam_node *map, const char *key, uint64_t min,
                             uint64_t max, uint64_t fallback)
{
    return ecam_reader_find(map, key) ? ecam_reader_uint(r, map, key, min, max) : fallback;
}

double ecam_reader_number(ecam_reader *r, const ecam_node *map, const char *key)
{
    const ecam_node *node = ecam_reader_need(r, map, key, "a number");
    double value = 0;

    if (!node)
        return 0;
    if (!ecam_node_number(node, &value)) {
        ecam_reader_fail(r, key, ECAM_ETYPE, "key \"%s\" is %s; expected a number", key,
                         ecam_node_kind_name(node));
    } else if (!isfinite(value)) {
        ecam_reader_fail(r, key, ECAM_EINVAL, "key \"%s\" is not finite; expected a number", key);
        value = 0;
    }
    return value;
}

bool ecam_reader_bool(ecam_reader *r, const ecam_node *map, const char *key)
{
    const ecam_node *node = ecam_reader_need(r, map, key, "true or false");

    if (node && node->kind != ECAM_NODE_BOOL)
        ecam_reader_fail(r, key, ECAM_ETYPE, "key \"%s\" is %s; expected true or false", key,
                         ecam_node_kind_name(node));
    return node && node->kind == ECAM_NODE_BOOL && node->boolean;
}

static const ecam_node *need_kind(ecam_reader *r, const ecam_node *map, const char *key,
                                  ecam_node_kind kind)
{
    const ecam_node of_kind = {.kind = kind};
    const char *expected = ecam_node_kind_name(&of_kind);
    const ecam_node *node = ecam_reader_need(r, map, key, expected);

    if (!node || node->kind == kind)
        return node;
    ecam_reader_fail(r, key, ECAM_ETYPE, "key \"%s\" is %s; expected %s", key,
                     ecam_node_kind_name(node), expected);
    return NULL;
}

const ecam_node *ecam_reader_map(ecam_reader *r, const ecam_node *map, const char *key)
{
    return need_kind(r, map, key, ECAM_NODE_MAP);
}

const ecam_node *ecam_reader_list(ecam_reader *r, const ecam_node *map, const char *key)
{
    return need_kind(r, map, key, ECAM_NODE_LIST);
}

const ecam_name_rule ecam_name_plain = {.banned = ""};
const ecam_name_rule ecam_name_run = {.banned = "|"};
const ecam_name_rule ecam_name_ds_id = {.banned = ":;|", .may_be_empty = true};

/* what: how the node stands to the key, for failures. */
static const char *read_name(ecam_reader *r, const ecam_node *node, const char *what,
                             const char *key, const ecam_name_rule *rule)
{
    char shown[SHOWN_BYTES];

    if (r->status != ECAM_OK)
        return "";
    if (node->kind != ECAM_NODE_TEXT) {
        ecam_reader_fail(r, key, ECAM_ETYPE, "%s \"%s\" is %s; expected a string", what, key,
                         ecam_node_kind_name(node));
        return "";
    }
    if (node->size == 0 && rule->may_be_empty)
        return "";
    if (!ecam_text_is_name(node->bytes, node->size, ECAM_MAX_NAME_BYTES, rule->banned)) {
        ecam_reader_fail(r, key, ECAM_EINVAL,
                         "%s \"%s\" is \"%s\" (%zu bytes); expected %d to %d bytes of UTF-8 "
                         "without control characters%s%s",
                         what, key, ecam_text_clean(shown, sizeof shown, node->bytes, node->size),
                         node->size, rule->may_be_empty ? 0 : 1, ECAM_MAX_NAME_BYTES,
                         *rule->banned ? " and without any of " : "", rule->banned);
        return "";
    }
    char *text = ecam_reader_alloc(r, node->size + 1, 1);
    return text ? memcpy(text, node->bytes, node->size) : "";
}

const char *ecam_reader_name(ecam_reader *r, const ecam_node *map, const char *key,
                             const ecam_name_rule *rule)
{
    const ecam_node *node = ecam_reader_need(r, map, key, "a string");
    return node ? read_name(r, node, "key", key, rule) : "";
}

const char *ecam_reader_name_in(ecam_reader *r, const ecam_node *node, const char *key,
                                const ecam_name_rule *rule)
{
    return read_name(r, node, "a name in key", key, rule);
}

const char *ecam_reader_text_of(ecam_reader *r, const ecam_node *node, const char *key)
{
    if (r->status != ECAM_OK)
        return "";
    if (node->kind != ECAM_NODE_TEXT) {
        ecam_reader_fail(r, key, ECAM_ETYPE, "key \"%s\" is %s; expected a string", key,
                         ecam_node_kind_name(node));
        return "";
    }
    size_t capacity = 3 * node->size + 1; /* U+FFFD is three bytes */
    char *text = ecam_reader_alloc(r, capacity, 1);
    return text ? ecam_text_clean(text, capacity, node->bytes, node->size) : "";
}

unsigned ecam_reader_word(ecam_reader *r, const ecam_node *map, const char *key,
                          const char *const *words, unsigned n)
{
    const ecam_node *node = need_kind(r, map, key, ECAM_NODE_TEXT);
    char shown[SHOWN_BYTES], accepted[160] = "";
    size_t used = 0;

    if (!node)
        return 0;
    for (unsigned i = 0; i < n; i++) {
        if (ecam_node_is_text(node, words[i]))
            return i;
        used += (size_t)snprintf(accepted + used, sizeof accepted - used, "%s%s",
                                 i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
    }
    ecam_reader_fail(r, key, ECAM_EINVAL, "key \"%s\" is \"%s\"; expected %s", key,
                     ecam_text_clean(shown, sizeof shown, node->bytes, node->size), accepted);
    return 0;
}

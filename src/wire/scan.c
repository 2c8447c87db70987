#include "wire/scan.h"

#include <assert.h>
#include <stdbool.h>

const ecam_scan_limits ecam_scan_defaults = {.depth = 16, .nodes = 1048576};

/* open[i]: objects that container i still lacks; pending is their sum. Each of
 * them takes a byte at least, so a count beyond the bytes left is refused
 * where it is read, not where the bytes end. */
typedef struct scan {
    const unsigned char *bytes;
    size_t size, at;
    const ecam_scan_limits *limits;
    uint64_t open[ECAM_SCAN_MAX_DEPTH];
    unsigned depth;
    uint64_t pending;
    size_t nodes;
    ecam_error *error;
} scan;

/* What a lead byte announces: `length_bytes` of big-endian length, then that
 * many (or `fixed`) bytes, or that many children times `children`. */
typedef struct lead {
    unsigned length_bytes;
    uint64_t fixed;
    unsigned children; /* 1: array, 2: map, 0: neither */
    bool refused;
} lead;

static lead lead_of(unsigned char byte)
{
    static const lead table[32] = {
        /* c0 nil, c1 never used, c2 false, c3 true */
        {0}, {.refused = true}, {0}, {0},
        /* c4..c6 bin */
        {.length_bytes = 1}, {.length_bytes = 2}, {.length_bytes = 4},
        /* c7..c9 ext */
        {.refused = true}, {.refused = true}, {.refused = true},
        /* ca, cb float; cc..cf uint; d0..d3 int */
        {.fixed = 4}, {.fixed = 8},
        {.fixed = 1}, {.fixed = 2}, {.fixed = 4}, {.fixed = 8},
        {.fixed = 1}, {.fixed = 2}, {.fixed = 4}, {.fixed = 8},
        /* d4..d8 fixext */
        {.refused = true}, {.refused = true}, {.refused = true}, {.refused = true},
        {.refused = true},
        /* d9..db str */
        {.length_bytes = 1}, {.length_bytes = 2}, {.length_bytes = 4},
        /* dc, dd array; de, df map */
        {.length_bytes = 2, .children = 1}, {.length_bytes = 4, .children = 1},
        {.length_bytes = 2, .children = 2}, {.length_bytes = 4, .children = 2},
    };

    if (byte < 0x80 || byte >= 0xe0)
        return (lead){0};
    if (byte < 0x90)
        return (lead){.fixed = byte & 0x0fu, .children = 2};
    if (byte < 0xa0)
        return (lead){.fixed = byte & 0x0fu, .children = 1};
    if (byte < 0xc0)
        return (lead){.fixed = byte & 0x1fu};
    return table[byte - 0xc0];
}

static ecam_status cut_off(const scan *s, size_t start)
{
    return ecam_fail(s->error, ECAM_EFORMAT,
                     "MessagePack is cut off: the object at byte %zu reaches beyond the %zu bytes "
                     "that are there", start, s->size);
}

static ecam_status open_container(scan *s, size_t start, uint64_t children)
{
    if (s->depth == s->limits->depth)
        return ecam_fail(s->error, ECAM_ELIMIT,
                         "MessagePack at byte %zu nests deeper than %u levels", start,
                         s->limits->depth);
    if (s->pending + children > s->size - s->at)
        return ecam_fail(s->error, ECAM_EFORMAT,
                         "MessagePack at byte %zu claims %llu objects, with %llu more to follow "
                         "them; only %zu bytes are left",
                         start, (unsigned long long)children, (unsigned long long)s->pending,
                         s->size - s->at);
    s->open[s->depth++] = children;
    s->pending += children;
    return ECAM_OK;
}

/* One object without its children. */
static ecam_status step(scan *s)
{
    size_t start = s->at;

    if (start == s->size)
        return cut_off(s, start);
    if (++s->nodes > s->limits->nodes)
        return ecam_fail(s->error, ECAM_ELIMIT, "MessagePack at byte %zu: more than %zu objects",
                         start, s->limits->nodes);
    lead l = lead_of(s->bytes[s->at++]);
    if (l.refused)
        return ecam_fail(s->error, ECAM_EFORMAT,
                         "byte %zu is 0x%02x: %s; expected a plain MessagePack object", start,
                         s->bytes[start],
                         s->bytes[start] == 0xc1 ? "not MessagePack"
                                                 : "an extension type, which is not accepted");
    if (l.length_bytes > s->size - s->at)
        return cut_off(s, start);
    for (unsigned i = 0; i < l.length_bytes; i++)
        l.fixed = l.fixed << 8 | s->bytes[s->at++];
    if (l.children != 0)
        return open_container(s, start, l.fixed * l.children);
    if (l.fixed > s->size - s->at)
        return cut_off(s, start);
    s->at += l.fixed;
    return ECAM_OK;
}

/* Leave the containers that are complete; false when the whole object is. */
static bool next(scan *s)
{
    while (s->depth > 0 && s->open[s->depth - 1] == 0)
        s->depth--;
    if (s->depth == 0)
        return false;
    s->open[s->depth - 1]--;
    s->pending--;
    return true;
}

ecam_status ecam_scan_count(const void *bytes, size_t size, const ecam_scan_limits *limits,
                            size_t *nodes, ecam_error *error)
{
    scan s = {.bytes = bytes, .size = size, .limits = limits, .error = error};

    if (!limits)
        s.limits = &ecam_scan_defaults;
    assert(s.limits->depth <= ECAM_SCAN_MAX_DEPTH);
    if (size == 0)
        return ecam_fail(error, ECAM_EFORMAT, "there are no bytes; expected a MessagePack object");
    ecam_status st;
    do {
        st = step(&s);
    } while (st == ECAM_OK && next(&s));
    if (st == ECAM_OK && s.at != size)
        st = ecam_fail(error, ECAM_EFORMAT,
                       "the MessagePack object ends at byte %zu, but %zu bytes follow; expected "
                       "none", s.at, size - s.at);
    *nodes = s.nodes;
    return st;
}

ecam_status ecam_scan(const void *bytes, size_t size, const ecam_scan_limits *limits,
                      ecam_error *error)
{
    size_t nodes;
    return ecam_scan_count(bytes, size, limits, &nodes, error);
}

/* A read-only tree of values: what a MessagePack header, a YAML file and a
 * JSON file have in common. Nodes and their strings live in an arena or in the
 * bytes that were parsed; the module that makes the tree says which. */
#ifndef ECAM_BASE_NODE_H
#define ECAM_BASE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ecam_node_kind {
    ECAM_NODE_NIL,
    ECAM_NODE_BOOL,
    ECAM_NODE_INT,   /* negative, or read as signed: .integer */
    ECAM_NODE_UINT,  /* not negative: .natural */
    ECAM_NODE_FLOAT,
    ECAM_NODE_TEXT,  /* str or bin: .bytes, .size (a count of bytes) */
    ECAM_NODE_LIST,  /* .items, .size */
    ECAM_NODE_MAP    /* .items: key, value, key, value...; .size pairs */
} ecam_node_kind;

typedef struct ecam_node ecam_node;
struct ecam_node {
    ecam_node_kind kind;
    uint32_t line; /* where it stands in a text file, from 1; 0: unknown */
    size_t size;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        const char *bytes; /* not NUL-terminated */
        const ecam_node *items;
    };
};

/* The value of a map's text key, or NULL (also where `map` is NULL or no map).
 * The first of several equal keys counts. */
const ecam_node *ecam_node_get(const ecam_node *map, const char *key);

/* Whether a node is text, and just this one. */
bool ecam_node_is_text(const ecam_node *node, const char *text);

/* A number without fraction that fits, from INT or UINT. */
bool ecam_node_uint(const ecam_node *node, uint64_t max, uint64_t *out);
bool ecam_node_int(const ecam_node *node, int64_t *out);

/* Any number. */
bool ecam_node_number(const ecam_node *node, double *out);

/* "a string", "a map", ... for error messages; static storage. */
const char *ecam_node_kind_name(const ecam_node *node);

#endif

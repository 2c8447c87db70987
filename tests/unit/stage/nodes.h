/* Trees of values, written down where they are used. */
#ifndef TESTS_UNIT_STAGE_NODES_H
#define TESTS_UNIT_STAGE_NODES_H

#include "base/node.h"

#define NODE_NIL ((ecam_node){.kind = ECAM_NODE_NIL})
#define NODE_BOOL(value) ((ecam_node){.kind = ECAM_NODE_BOOL, .boolean = (value)})
#define NODE_INT(value) ((ecam_node){.kind = ECAM_NODE_INT, .integer = (value)})
#define NODE_UINT(value) ((ecam_node){.kind = ECAM_NODE_UINT, .natural = (value)})
#define NODE_FLOAT(value) ((ecam_node){.kind = ECAM_NODE_FLOAT, .real = (value)})
#define NODE_BYTES(start, count) \
    ((ecam_node){.kind = ECAM_NODE_TEXT, .size = (count), .bytes = (start)})
#define NODE_TEXT(text) NODE_BYTES(text, strlen(text))

/* The nodes live as long as the block that they are written in. */
#define NODE_ITEMS(...) (sizeof((ecam_node[]){__VA_ARGS__}) / sizeof(ecam_node))
#define NODE_LIST(...)                                                        \
    ((ecam_node){.kind = ECAM_NODE_LIST, .size = NODE_ITEMS(__VA_ARGS__),     \
                 .items = (const ecam_node[]){__VA_ARGS__}})
#define NODE_MAP(...)                                                         \
    ((ecam_node){.kind = ECAM_NODE_MAP, .size = NODE_ITEMS(__VA_ARGS__) / 2,  \
                 .items = (const ecam_node[]){__VA_ARGS__}})

#endif

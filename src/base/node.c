#include "base/node.h"

#include <string.h>

bool ecam_node_is_text(const ecam_node *node, const char *text)
{
    return node && node->kind == ECAM_NODE_TEXT && node->size == strlen(text) &&
           memcmp(node->bytes, text, node->size) == 0;
}

const ecam_node *ecam_node_get(const ecam_node *map, const char *key)
{
    if (!map || map->kind != ECAM_NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->size; i++)
        if (ecam_node_is_text(&map->items[2 * i], key))
            return &map->items[2 * i + 1];
    return NULL;
}

bool ecam_node_uint(const ecam_node *node, uint64_t max, uint64_t *out)
{
    uint64_t value;

    if (node && node->kind == ECAM_NODE_UINT)
        value = node->natural;
    else if (node && node->kind == ECAM_NODE_INT && node->integer >= 0)
        value = (uint64_t)node->integer;
    else
        return false;
    if (value > max)
        return false;
    *out = value;
    return true;
}

bool ecam_node_int(const ecam_node *node, int64_t *out)
{
    if (node && node->kind == ECAM_NODE_INT) {
        *out = node->integer;
        return true;
    }
    if (node && node->kind == ECAM_NODE_UINT && node->natural <= INT64_MAX) {
        *out = (int64_t)node->natural;
        return true;
    }
    return false;
}

bool ecam_node_number(const ecam_node *node, double *out)
{
    if (!node)
        return false;
    switch (node->kind) {
    case ECAM_NODE_INT: *out = (double)node->integer; return true;
    case ECAM_NODE_UINT: *out = (double)node->natural; return true;
    case ECAM_NODE_FLOAT: *out = node->real; return true;
    default: return false;
    }
}

const char *ecam_node_kind_name(const ecam_node *node)
{
    static const char *const names[] = {"nil",     "a boolean", "an integer", "an integer",
                                        "a float", "a string",  "a list",     "a map"};
    return node ? names[node->kind] : "nothing";
}

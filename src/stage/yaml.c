#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "stage/config.h"

#define MAX_DEPTH 16
/* With aliases a few lines can stand for a thousand million nodes. */
#define MAX_NODES 100000

typedef struct reader {
    yaml_document_t *document;
    ecam_arena *arena;
    ecam_error *error;
    size_t nodes;
} reader;

static ecam_status read_node(reader *r, const yaml_node_t *from, unsigned depth,
                             ecam_node *to);

static bool is_null(const yaml_node_t *from)
{
    const char *text = (const char *)from->data.scalar.value;
    return from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static ecam_status read_scalar(reader *r, const yaml_node_t *from, ecam_node *to)
{
    const char *bytes = (const char *)from->data.scalar.value;
    size_t size = from->data.scalar.length;

    if (is_null(from))
        return ECAM_OK;
    char *copy = ecam_arena_text(r->arena, bytes, size);
    if (!copy)
        return ecam_fail(r->error, ECAM_ENOMEM, "no memory");
    to->kind = ECAM_NODE_TEXT;
    to->size = size;
    to->bytes = copy;
    return ECAM_OK;
}

static ecam_status read_list(reader *r, const yaml_node_t *from, unsigned depth,
                             ecam_node *to)
{
    yaml_node_item_t *first = from->data.sequence.items.start;
    size_t n = (size_t)(from->data.sequence.items.top - first);
    ecam_node *items = ecam_arena_alloc(r->arena, n, sizeof *items);
    ecam_status st = items ? ECAM_OK : ecam_fail(r->error, ECAM_ENOMEM, "no memory");

    for (size_t i = 0; st == ECAM_OK && i < n; i++)
        st = read_node(r, yaml_document_get_node(r->document, first[i]), depth + 1, &items[i]);
    to->kind = ECAM_NODE_LIST;
    to->size = n;
    to->items = items;
    return st;
}

static ecam_status read_map(reader *r, const yaml_node_t *from, unsigned depth,
                            ecam_node *to)
{
    yaml_node_pair_t *first = from->data.mapping.pairs.start;
    size_t n = (size_t)(from->data.mapping.pairs.top - first);
    ecam_node *items = ecam_arena_alloc(r->arena, 2 * n, sizeof *items);
    ecam_status st = items ? ECAM_OK : ecam_fail(r->error, ECAM_ENOMEM, "no memory");

    for (size_t i = 0; st == ECAM_OK && i < n; i++) {
        st = read_node(r, yaml_document_get_node(r->document, first[i].key), depth + 1, &items[2 * i]);
        if (st == ECAM_OK)
            st = read_node(r, yaml_document_get_node(r->document, first[i].value), depth + 1,
                           &items[2 * i + 1]);
    }
    to->kind = ECAM_NODE_MAP;
    to->size = n;
    to->items = items;
    return st;
}

static ecam_status read_node(reader *r, const yaml_node_t *from, unsigned depth,
                             ecam_node *to)
{
    to->line = (uint32_t)from->start_mark.line + 1;
    if (depth > MAX_DEPTH)
        return ecam_fail(r->error, ECAM_ELIMIT, "line %u: more than %d levels", to->line, MAX_DEPTH);
    if (++r->nodes > MAX_NODES)
        return ecam_fail(r->error, ECAM_ELIMIT, "line %u: more than %d nodes", to->line, MAX_NODES);
    switch (from->type) {
    case YAML_SCALAR_NODE: return read_scalar(r, from, to);
    case YAML_SEQUENCE_NODE: return read_list(r, from, depth, to);
    case YAML_MAPPING_NODE: return read_map(r, from, depth, to);
    default: return ECAM_OK;
    }
}

static ecam_status read_document(yaml_parser_t *parser, ecam_arena *arena, ecam_node *root,
                                 ecam_error *error)
{
    yaml_document_t document;

    if (!yaml_parser_load(parser, &document))
        return ecam_fail(error, ECAM_EFORMAT, "line %zu: no YAML: %s",
                         parser->problem_mark.line + 1,
                         parser->problem ? parser->problem : "unreadable");
    const yaml_node_t *top = yaml_document_get_root_node(&document);
    reader r = {.document = &document, .arena = arena, .error = error};
    ecam_status st = top ? read_node(&r, top, 0, root) : ECAM_OK;
    yaml_document_delete(&document);
    return st;
}

ecam_status ecam_yaml_read(const char *path, ecam_arena *arena, const ecam_node **out,
                           ecam_error *error)
{
    yaml_parser_t parser;
    ecam_node *root = ecam_arena_alloc(arena, 1, sizeof *root);

    *out = root;
    if (!root)
        return ecam_fail(error, ECAM_ENOMEM, "no memory");
    FILE *file = fopen(path, "rb");
    if (!file)
        return ecam_fail(error, ECAM_EIO, "%s: cannot be read: %s", path, strerror(errno));
    ecam_status st;
    if (!yaml_parser_initialize(&parser)) {
        st = ecam_fail(error, ECAM_ENOMEM, "no memory");
    } else {
        yaml_parser_set_input_file(&parser, file);
        st = read_document(&parser, arena, root, error);
        yaml_parser_delete(&parser);
    }
    fclose(file);
    if (st != ECAM_OK)
        ecam_error_prefix(error, "%s: ", path);
    return st;
}

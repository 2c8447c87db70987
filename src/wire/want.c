#include "wire/want.h"

#include <string.h>

#include "wire/header.h"
#include "wire/pack.h"
#include "wire/reader.h"

#define MAX_INTERESTS 4096
#define MAX_NAMES 4096
#define MAX_SOCKET_BYTES 107
#define MAX_TTL_MS 3600000

static void pack_texts(ecam_packer *p, const char *key, const ecam_texts *texts)
{
    ecam_pack_text(p, key);
    ecam_pack_list(p, texts->n);
    for (size_t i = 0; i < texts->n; i++)
        ecam_pack_text(p, texts->items[i]);
}

static void pack_modes(ecam_packer *p, unsigned modes)
{
    unsigned n = 0;

    for (int mode = 0; mode < ECAM_MODE_COUNT; mode++)
        n += modes >> mode & 1;
    ecam_pack_text(p, "modes");
    ecam_pack_list(p, n);
    for (int mode = 0; mode < ECAM_MODE_COUNT; mode++)
        if (modes >> mode & 1)
            ecam_pack_text(p, ecam_mode_name((ecam_mode)mode));
}

static void pack_interest(ecam_packer *p, const ecam_interest *interest)
{
    ecam_pack_map(p, 5);
    pack_texts(p, "runs", &interest->runs);
    pack_modes(p, interest->modes);
    pack_texts(p, "ds_ids", &interest->ds_ids);
    pack_texts(p, "keys", &interest->keys);
    ecam_pack_text(p, "n_samples");
    ecam_pack_uint(p, interest->n_samples);
}

ecam_status ecam_want_encode(const ecam_want *want, ecam_buffer *out)
{
    ecam_packer p;

    ecam_pack_begin(&p, out);
    ecam_pack_uint_entry(&p, "v", ECAM_PROTOCOL_VERSION);
    ecam_pack_text_entry(&p, "type", ECAM_WANT_TOPIC);
    ecam_pack_uint_entry(&p, "stage", want->stage);
    ecam_pack_uint_entry(&p, "generation", want->generation);
    ecam_pack_uint_entry(&p, "ttl_ms", want->ttl_ms);
    ecam_pack_text_entry(&p, "socket", want->socket);
    ecam_pack_key(&p, "interests");
    ecam_pack_list(&p, want->n_interests);
    for (size_t i = 0; i < want->n_interests; i++)
        pack_interest(&p, &want->interests[i]);
    return ecam_pack_end(&p);
}

/* A list that may be absent. */
static const ecam_node *find_list(ecam_reader *r, const ecam_node *map, const char *key, size_t max)
{
    const ecam_node *list = ecam_reader_find(map, key) ? ecam_reader_list(r, map, key) : NULL;

    if (list && list->size > max) {
        ecam_reader_fail(r, key, ECAM_ELIMIT, "key \"%s\" has %zu entries; at most %zu are accepted", key,
                         list->size, max);
        return NULL;
    }
    return list;
}

static ecam_texts read_texts(ecam_reader *r, const ecam_node *map, const char *key, const ecam_name_rule *rule)
{
    const ecam_node *list = find_list(r, map, key, MAX_NAMES);
    const char **items = list ? ecam_reader_alloc(r, list->size, sizeof *items) : NULL;

    if (!items)
        return (ecam_texts){0};
    for (size_t i = 0; i < list->size; i++)
        items[i] = ecam_reader_name_in(r, &list->items[i], key, rule);
    return (ecam_texts){.items = items, .n = list->size};
}

static unsigned read_modes(ecam_reader *r, const ecam_node *map)
{
    const ecam_node *list = find_list(r, map, "modes", MAX_NAMES);
    unsigned modes = 0;

    for (size_t i = 0; list && i < list->size; i++) {
        const ecam_node *item = &list->items[i];
        ecam_mode mode;
        if (item->kind == ECAM_NODE_TEXT && ecam_mode_parse(item->bytes, item->size, &mode))
            modes |= 1u << mode;
        else
            ecam_reader_fail(r, "modes", ECAM_EINVAL, "key \"modes\": entry %zu is no mode", i);
    }
    return list ? modes : ECAM_ALL_MODES;
}

static void read_interests(ecam_reader *r, const ecam_node *header, ecam_want *out)
{
    const ecam_node *list = find_list(r, header, "interests", MAX_INTERESTS);
    ecam_interest *interests = list ? ecam_reader_alloc(r, list->size, sizeof *interests) : NULL;

    for (size_t i = 0; interests && i < list->size && r->status == ECAM_OK; i++) {
        const ecam_node *map = &list->items[i];
        if (map->kind != ECAM_NODE_MAP) {
            ecam_reader_fail(r, "interests", ECAM_ETYPE, "key \"interests\": entry %zu is %s; expected a map", i,
                             ecam_node_kind_name(map));
            return;
        }
        interests[i] = (ecam_interest){
            .runs = read_texts(r, map, "runs", &ecam_name_run),
            .ds_ids = read_texts(r, map, "ds_ids", &ecam_name_ds_id),
            .keys = read_texts(r, map, "keys", &ecam_name_plain),
            .modes = read_modes(r, map),
            .n_samples = ecam_reader_uint_or(r, map, "n_samples", 0, ECAM_MAX_COUNT, 0),
        };
    }
    out->interests = interests;
    out->n_interests = interests ? list->size : 0;
}

static const char *read_socket(ecam_reader *r, const ecam_node *header)
{
    const ecam_node *socket = ecam_reader_find(header, "socket");

    if (!socket)
        return NULL;
    if (socket->kind != ECAM_NODE_TEXT || socket->size < 2 || socket->size > MAX_SOCKET_BYTES ||
        memchr(socket->bytes, '\0', socket->size)) {
        ecam_reader_fail(r, "socket", ECAM_EINVAL, "key \"socket\" is no name of a socket");
        return NULL;
    }
    return ecam_arena_text(r->arena, socket->bytes, socket->size);
}

ecam_status ecam_want_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena, ecam_want *out,
                             ecam_error *error)
{
    static const char *const types[] = {ECAM_WANT_TOPIC};
    ecam_reader r = {.arena = arena, .error = error};
    const ecam_node *header = ecam_header_open(&r, frames, n_frames);

    *out = (ecam_want){0};
    if (header) {
        ecam_header_check_version(&r, header);
        ecam_reader_word(&r, header, "type", types, 1);
        out->stage = ecam_reader_uint(&r, header, "stage", 0, UINT64_MAX);
        out->generation = ecam_reader_uint_or(&r, header, "generation", 0, UINT64_MAX, 0);
        out->ttl_ms = ecam_reader_uint(&r, header, "ttl_ms", 1, MAX_TTL_MS);
        out->socket = read_socket(&r, header);
        read_interests(&r, header, out);
    }
    return r.status;
}

bool ecam_interest_accepts(const ecam_interest *interest, ecam_mode mode, const char *ds_id)
{
    const ecam_texts *names = &interest->ds_ids;
    bool negative = names->n > 0 && names->items[0][0] == '!';

    if (!(interest->modes >> mode & 1))
        return false;
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i] + (negative ? 1 : 0), ds_id) == 0)
            return !negative;
    return names->n == 0 || negative;
}

bool ecam_interest_names(const ecam_interest *interest, const char *run)
{
    for (size_t i = 0; i < interest->runs.n; i++)
        if (strcmp(interest->runs.items[i], run) == 0)
            return true;
    return false;
}

#include "wire/heard.h"

#include <string.h>

#include "wire/header.h"
#include "wire/pack.h"
#include "wire/reader.h"

ecam_status ecam_heard_encode(const ecam_heard *heard, ecam_buffer *out)
{
    ecam_packer p;

    ecam_pack_begin(&p, out);
    ecam_pack_uint_entry(&p, "v", ECAM_PROTOCOL_VERSION);
    ecam_pack_text_entry(&p, "type", ECAM_HEARD_TOPIC);
    ecam_pack_uint_entry(&p, "stage", heard->stage);
    ecam_pack_key(&p, "sessions");
    ecam_pack_list(&p, heard->n_sessions);
    for (size_t i = 0; i < heard->n_sessions; i++)
        ecam_pack_uint(&p, heard->sessions[i]);
    return ecam_pack_end(&p);
}

bool ecam_heard_is(const ecam_frame *frames, size_t n_frames)
{
    return n_frames > 0 && frames[0].size == strlen(ECAM_HEARD_TOPIC) &&
           memcmp(frames[0].data, ECAM_HEARD_TOPIC, strlen(ECAM_HEARD_TOPIC)) == 0;
}

static void read_sessions(ecam_reader *r, const ecam_node *header, ecam_heard *out)
{
    const ecam_node *list = ecam_reader_list(r, header, "sessions");

    if (list && list->size > ECAM_HEARD_SESSIONS) {
        ecam_reader_fail(r, "sessions", ECAM_ELIMIT, "key \"sessions\" has %zu entries; at most %d are accepted",
                         list->size, ECAM_HEARD_SESSIONS);
        return;
    }
    for (size_t i = 0; list && i < list->size; i++) {
        if (!ecam_node_uint(&list->items[i], UINT64_MAX, &out->sessions[i])) {
            ecam_reader_fail(r, "sessions", ECAM_ETYPE, "key \"sessions\": entry %zu is %s; expected a u64", i,
                             ecam_node_kind_name(&list->items[i]));
            return;
        }
        out->n_sessions = i + 1;
    }
}

ecam_status ecam_heard_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena, ecam_heard *out,
                              ecam_error *error)
{
    static const char *const types[] = {ECAM_HEARD_TOPIC};
    ecam_reader r = {.arena = arena, .error = error};
    const ecam_node *header = ecam_header_open(&r, frames, n_frames);

    *out = (ecam_heard){0};
    if (header) {
        ecam_header_check_version(&r, header);
        ecam_reader_word(&r, header, "type", types, 1);
        out->stage = ecam_reader_uint(&r, header, "stage", 0, UINT64_MAX);
        read_sessions(&r, header, out);
    }
    return r.status;
}

bool ecam_heard_names(const ecam_heard *heard, uint64_t session)
{
    for (size_t i = 0; i < heard->n_sessions; i++)
        if (heard->sessions[i] == session)
            return true;
    return false;
}

#include "cli/farewell.h"

#include <stdio.h>
#include <string.h>

#include "wire/header.h"
#include "wire/heard.h"
#include "wire/pack.h"
#include "wire/unpack.h"

#define MAX_HEADER_MEMORY ((size_t)64 << 20)

void ecam_farewell_init(ecam_farewell *f)
{
    *f = (ecam_farewell){0};
    ecam_arena_init(&f->arena, MAX_HEADER_MEMORY);
}

void ecam_farewell_finish(ecam_farewell *f)
{
    ecam_arena_finish(&f->arena);
    ecam_buffer_finish(&f->header);
}

/* What a stage would not know as a session's is passed over. */
void ecam_farewell_note(ecam_farewell *f, const ecam_frame *frames, size_t n_frames)
{
    const ecam_node *header, *run;
    uint64_t rank = 0, session;

    ecam_arena_reset(&f->arena);
    if (n_frames < 2 || ecam_unpack(frames[1].data, frames[1].size, NULL, &f->arena, &header, NULL) != ECAM_OK)
        return;
    run = ecam_node_get(header, "run");
    if (!run || run->kind != ECAM_NODE_TEXT || run->size == 0 || run->size >= sizeof f->run ||
        !ecam_node_uint(ecam_node_get(header, "session"), UINT64_MAX, &session))
        return;
    (void)ecam_node_uint(ecam_node_get(header, "rank"), INT32_MAX, &rank);
    memcpy(f->run, run->bytes, run->size);
    f->run[run->size] = '\0';
    f->rank = (uint32_t)rank;
    f->session = session;
    f->known = true;
    f->said = ecam_node_is_text(ecam_node_get(header, "type"), "bye");
    f->heard = false;
}

bool ecam_farewell_missing(ecam_farewell *f, ecam_frame frames[2])
{
    ecam_packer p;

    if (!f->known || f->said)
        return false;
    ecam_pack_begin(&p, &f->header);
    ecam_pack_uint_entry(&p, "v", ECAM_PROTOCOL_VERSION);
    ecam_pack_text_entry(&p, "type", "bye");
    ecam_pack_text_entry(&p, "run", f->run);
    ecam_pack_uint_entry(&p, "rank", f->rank);
    ecam_pack_uint_entry(&p, "session", f->session);
    if (ecam_pack_end(&p) != ECAM_OK)
        return false;
    int length = snprintf(f->topic, sizeof f->topic, "bye|%s|", f->run);
    frames[0] = (ecam_frame){.data = f->topic, .size = (size_t)length};
    frames[1] = (ecam_frame){.data = f->header.data, .size = f->header.size};
    f->said = true;
    return true;
}

void ecam_farewell_answer(ecam_farewell *f, const ecam_frame *frames, size_t n_frames)
{
    ecam_heard heard;

    if (!ecam_heard_is(frames, n_frames))
        return;
    ecam_arena_reset(&f->arena);
    if (ecam_heard_decode(frames, n_frames, &f->arena, &heard, NULL) == ECAM_OK)
        f->heard |= f->known && ecam_heard_names(&heard, f->session);
}

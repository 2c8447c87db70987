#include "wire/header.h"

#include "wire/unpack.h"

const ecam_node *ecam_header_open(ecam_reader *r, const ecam_frame *frames, size_t n_frames)
{
    const ecam_node *header = NULL;

    if (n_frames < 2)
        ecam_reader_fail(r, NULL, ECAM_EFORMAT,
                         "the message has %zu frame%s; expected a topic and a header at least",
                         n_frames, n_frames == 1 ? "" : "s");
    if (r->status == ECAM_OK)
        r->status = ecam_unpack(frames[1].data, frames[1].size, NULL, r->arena, &header, r->error);
    if (!header || header->kind == ECAM_NODE_MAP)
        return header;
    ecam_reader_fail(r, NULL, ECAM_EFORMAT, "the header is %s; expected a map",
                     ecam_node_kind_name(header));
    return NULL;
}

void ecam_header_check_version(ecam_reader *r, const ecam_node *header)
{
    uint64_t v = ecam_reader_uint(r, header, "v", 0, UINT64_MAX);
    if (r->status == ECAM_OK && v != ECAM_PROTOCOL_VERSION)
        ecam_reader_fail(r, "v", ECAM_EVERSION, "key \"v\" is %llu; expected protocol version %d",
                         (unsigned long long)v, ECAM_PROTOCOL_VERSION);
}

/* What a stage wants: the messages that it sends upstream. Specified in
 * proto/wire.md. */
#ifndef ECAM_WIRE_WANT_H
#define ECAM_WIRE_WANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "eigencam/status.h"
#include "wire/message.h"
#include "wire/mode.h"

#define ECAM_WANT_TOPIC "want"

typedef struct ecam_texts {
    const char *const *items;
    size_t n;
} ecam_texts;

/* One output's wishes. An empty list takes everything. ds_ids: names to take, or
 * all with a "!" in front: names to leave out. */
typedef struct ecam_interest {
    ecam_texts runs, ds_ids, keys;
    unsigned modes;     /* a bit for each ecam_mode */
    uint64_t n_samples; /* of an epoch; 0: all */
} ecam_interest;

#define ECAM_ALL_MODES ((1u << ECAM_MODE_COUNT) - 1)

typedef struct ecam_want {
    uint64_t stage, generation;
    uint64_t ttl_ms;
    const char *socket; /* of the hand-over, or NULL */
    const ecam_interest *interests;
    size_t n_interests;
} ecam_want;

/* The header's bytes replace what is in `out`. Errors: ECAM_ENOMEM. */
ecam_status ecam_want_encode(const ecam_want *want, ecam_buffer *out);

/* frames: topic and header. All is in the arena afterwards. Errors: as
 * ecam_message_decode. */
ecam_status ecam_want_decode(const ecam_frame *frames, size_t n_frames, ecam_arena *arena,
                             ecam_want *out, ecam_error *error);

bool ecam_interest_accepts(const ecam_interest *interest, ecam_mode mode, const char *ds_id);

/* Whether the interest names this run; one without runs names none. */
bool ecam_interest_names(const ecam_interest *interest, const char *run);

#endif

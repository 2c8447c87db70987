/* Who may talk to a server: the list of clients' public keys, and the answers to
 * ZeroMQ's questions about them (ZAP, RFC 27). No sockets, no threads. */
#ifndef ECAM_CLIENT_ZAP_H
#define ECAM_CLIENT_ZAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/curve.h"
#include "eigencam/status.h"
#include "wire/message.h"

#define ECAM_ZAP_MAX_KEYS 65536

typedef struct ecam_zap_list {
    uint8_t (*keys)[ECAM_CURVE_KEY_BYTES]; /* in order, each once */
    size_t n;
    bool any; /* instead of keys: every client */
} ecam_zap_list;

/* "any", or a file: a key on each line, with comments (client/curve.h). What was
 * in `list` is kept where this fails, and given back else.
 * Errors: ECAM_EIO, ECAM_EFORMAT (names the line), ECAM_ELIMIT, ECAM_ENOMEM. */
ecam_status ecam_zap_list_read(const char *path, ecam_zap_list *list, ecam_error *error);

bool ecam_zap_list_has(const ecam_zap_list *list, const uint8_t key[ECAM_CURVE_KEY_BYTES]);

/* How many of `before` are not in `after`. */
size_t ecam_zap_list_gone(const ecam_zap_list *before, const ecam_zap_list *after);

void ecam_zap_list_finish(ecam_zap_list *list);

/* One question, as its frames come: version, request, domain, address, identity,
 * mechanism, credentials. Texts are cut to what fits. */
typedef struct ecam_zap_question {
    ecam_frame request;
    char address[64];
    const uint8_t *key; /* the client's; borrowed from the frames */
} ecam_zap_question;

/* Errors: ECAM_EFORMAT (not such a question, or not about a CURVE client). */
ecam_status ecam_zap_question_read(const ecam_frame *frames, size_t n, ecam_zap_question *out, ecam_error *error);

/* The answer's frames, of static storage but for the request. A refusal is a
 * temporary one: the client tries again, so that it gets in once its key is
 * on the list; after a final one libzmq's clients give up for good. */
#define ECAM_ZAP_ANSWER_FRAMES 6
void ecam_zap_answer(const ecam_zap_question *question, bool allowed, ecam_frame out[ECAM_ZAP_ANSWER_FRAMES]);

#endif

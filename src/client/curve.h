/* CURVE keys: in files, in memory and on sockets. A key as text is the Z85 of
 * 32 bytes: 40 characters. In a file it stands on a line of its own, and
 * whatever follows it after a blank is a comment; so is a line that begins
 * with '#'. */
#ifndef ECAM_CLIENT_CURVE_H
#define ECAM_CLIENT_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

#define ECAM_CURVE_KEY_BYTES 32
#define ECAM_CURVE_TEXT_BYTES 41 /* with the terminating zero */

typedef struct ecam_curve_keys {
    char public_key[ECAM_CURVE_TEXT_BYTES];
    char secret_key[ECAM_CURVE_TEXT_BYTES];
} ecam_curve_keys;

/* Whether this build of ZeroMQ has CURVE. Errors: ECAM_EMISSING. */
ecam_status ecam_curve_available(ecam_error *error);

/* A new pair. Errors: ECAM_EMISSING (no CURVE), ECAM_EIO. */
ecam_status ecam_curve_generate(ecam_curve_keys *out, ecam_error *error);

/* Write NAME.key, which only its owner may read, and NAME.pub. Neither is
 * written over; after a failure neither is there.
 * Errors: ECAM_EIO (text names the file), ECAM_ELIMIT (name). */
ecam_status ecam_curve_write(const char *name, const ecam_curve_keys *keys, ecam_error *error);

/* Read a secret key and work out its public one. A file that belongs to
 * somebody else, or that others may read, is refused: the key is then no secret.
 * Errors: ECAM_EINVAL (no such file, or others may read it), ECAM_EFORMAT (no
 * key in it), ECAM_ELIMIT, ECAM_EIO, ECAM_ENOMEM, ECAM_EMISSING (no CURVE). */
ecam_status ecam_curve_read_secret(const char *path, ecam_curve_keys *out, ecam_error *error);

/* A public key: 40 characters, or a file of one; of NAME.key it is worked out.
 * Errors: as ecam_curve_read_secret. */
ecam_status ecam_curve_read_public(const char *text, char out[ECAM_CURVE_TEXT_BYTES], ecam_error *error);

/* The next key of a text: *at is moved behind its line, *line counted up. `raw`
 * (NULL accepted) becomes its bytes. ECAM_ECLOSED at the end; ECAM_EFORMAT
 * where a line is neither key nor comment, with its number. */
ecam_status ecam_curve_next(const char **at, const char *end, unsigned *line, char text[ECAM_CURVE_TEXT_BYTES],
                            uint8_t raw[ECAM_CURVE_KEY_BYTES], ecam_error *error);

/* A whole file of at most max_bytes, with a zero behind it; freed by the caller.
 * is_secret: refuse one that others may read.
 * Errors: ECAM_EINVAL (no such file, or others may read it), ECAM_EIO,
 * ECAM_ELIMIT, ECAM_ENOMEM. */
ecam_status ecam_curve_read_file(const char *path, bool is_secret, size_t max_bytes, char **out, size_t *size,
                                 ecam_error *error);

/* Before it is attached: let a socket take CURVE clients only, each of whom the
 * handler of inproc://zeromq.zap.01 is asked about. Errors: ECAM_EIO. */
ecam_status ecam_curve_serve(void *socket, const ecam_curve_keys *keys, ecam_error *error);

/* Before it is attached: make a socket the client of the server with this key.
 * key: the file of its own secret key; NULL: one is made up. server_key: as
 * ecam_curve_read_public takes it. Both NULL: nothing is done.
 * Errors: as those two; ECAM_EINVAL (a key and no server_key). */
ecam_status ecam_curve_join(void *socket, const char *key, const char *server_key, ecam_error *error);

#endif

#include "client/curve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define MAX_FILE_BYTES ((size_t)64 << 10)
#define MAX_PATH_BYTES 4096
#define TEXT_LENGTH (ECAM_CURVE_TEXT_BYTES - 1)
/* The mechanism does not use it, but without a domain some versions ask nobody. */
#define ZAP_DOMAIN "eigencam"

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

ecam_status ecam_curve_available(ecam_error *error)
{
    int major, minor, patch;

    if (zmq_has("curve"))
        return ECAM_OK;
    zmq_version(&major, &minor, &patch);
    return ecam_fail(error, ECAM_EMISSING, "this ZeroMQ (%d.%d.%d) was built without CURVE, which keys need; "
                     "use one that was built with libsodium", major, minor, patch);
}

/* A key that begins with '#' could not be told from a comment. */
ecam_status ecam_curve_generate(ecam_curve_keys *out, ecam_error *error)
{
    ecam_status st = ecam_curve_available(error);

    if (st != ECAM_OK)
        return st;
    do {
        if (zmq_curve_keypair(out->public_key, out->secret_key) != 0)
            return ecam_fail(error, ECAM_EIO, "no keys could be made: %s", zmq_strerror(zmq_errno()));
    } while (out->public_key[0] == '#' || out->secret_key[0] == '#');
    return ECAM_OK;
}

/* ---- writing ---- */

static ecam_status write_file(const char *path, mode_t mode, const char *text, ecam_error *error)
{
    size_t length = strlen(text), done = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0 && errno == EEXIST)
        return ecam_fail(error, ECAM_EIO, "%.300s is there already; keys are not written over", path);
    if (fd < 0)
        return ecam_fail(error, ECAM_EIO, "%.300s cannot be written: %s", path, strerror(errno));
    while (done < length) {
        ssize_t n = write(fd, text + done, length - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    int code = done < length || fsync(fd) != 0 ? errno : 0;
    if (close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0)
        return ECAM_OK;
    unlink(path);
    return ecam_fail(error, ECAM_EIO, "%.300s cannot be written: %s", path, strerror(code));
}

ecam_status ecam_curve_write(const char *name, const ecam_curve_keys *keys, ecam_error *error)
{
    char secret_path[MAX_PATH_BYTES], public_path[MAX_PATH_BYTES], text[200];

    if (*name == '\0' || strlen(name) + 5 > sizeof secret_path)
        return ecam_fail(error, ECAM_ELIMIT, "the name of a key has 1 to %zu bytes", sizeof secret_path - 5);
    snprintf(secret_path, sizeof secret_path, "%s.key", name);
    snprintf(public_path, sizeof public_path, "%s.pub", name);
    snprintf(text, sizeof text, "# eigencam: a secret key (CURVE, Z85); whoever has it is taken for its owner\n%s\n",
             keys->secret_key);
    ecam_status st = write_file(secret_path, 0600, text, error);
    explicit_bzero(text, sizeof text);
    if (st != ECAM_OK)
        return st;
    snprintf(text, sizeof text, "# eigencam: a public key (CURVE, Z85), to be given to the other side\n%s\n",
             keys->public_key);
    st = write_file(public_path, 0644, text, error);
    if (st != ECAM_OK)
        unlink(secret_path);
    return st;
}

/* ---- reading ---- */

static ecam_status check_private(const char *path, const struct stat *info, ecam_error *error)
{
    if (info->st_uid != geteuid())
        return ecam_fail(error, ECAM_EINVAL, "%.300s belongs to user %u, not to user %u who runs this: a secret key is its "
                         "owner's alone; make a copy of your own and chmod 600 it",
                         path, (unsigned)info->st_uid, (unsigned)geteuid());
    if (info->st_mode & (S_IRWXG | S_IRWXO))
        return ecam_fail(error, ECAM_EINVAL, "%.300s can be reached by others (mode %04o): a secret key is its owner's alone; "
                         "chmod 600 it, and make another one if others may have read it",
                         path, (unsigned)info->st_mode & 07777);
    return ECAM_OK;
}

static ecam_status read_open(int fd, const char *path, size_t max_bytes, char **out, size_t *size, ecam_error *error)
{
    char *text = malloc(max_bytes + 1);
    size_t done = 0;

    if (!text)
        return ecam_fail(error, ECAM_ENOMEM, "no memory to read %.300s", path);
    while (done <= max_bytes) {
        ssize_t n = read(fd, text + done, max_bytes + 1 - done);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR) {
            ecam_fail(error, ECAM_EIO, "%.300s cannot be read: %s", path, strerror(errno));
            free(text);
            return ECAM_EIO;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (done > max_bytes) {
        free(text);
        return ecam_fail(error, ECAM_ELIMIT, "%.300s is larger than %zu bytes; expected a file of keys", path, max_bytes);
    }
    text[done] = '\0';
    *out = text;
    *size = done;
    return ECAM_OK;
}

/* What is checked is what is read: the open file, not its name. */
ecam_status ecam_curve_read_file(const char *path, bool is_secret, size_t max_bytes, char **out, size_t *size,
                                 ecam_error *error)
{
    struct stat info;
    ecam_status st = ECAM_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *out = NULL;
    if (fd < 0)
        return ecam_fail(error, ECAM_EINVAL, "%.300s cannot be read: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        st = ecam_fail(error, ECAM_EINVAL, "%.300s is no file of keys", path);
    else if (is_secret)
        st = check_private(path, &info, error);
    if (st == ECAM_OK)
        st = read_open(fd, path, max_bytes, out, size, error);
    close(fd);
    return st;
}

/* How many characters of a key `text` begins with. */
static size_t key_span(const char *text, const char *end)
{
    size_t n = 0;
    while (text + n < end && text[n] != '\0' && strchr(alphabet, text[n]))
        n++;
    return n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

ecam_status ecam_curve_next(const char **at, const char *end, unsigned *line, char text[ECAM_CURVE_TEXT_BYTES],
                            uint8_t raw[ECAM_CURVE_KEY_BYTES], ecam_error *error)
{
    uint8_t bytes[ECAM_CURVE_KEY_BYTES];

    while (*at < end) {
        const char *from = *at, *stop = memchr(from, '\n', (size_t)(end - from));
        stop = stop ? stop : end;
        *at = stop < end ? stop + 1 : end;
        ++*line;
        while (from < stop && is_blank(*from))
            from++;
        size_t n = key_span(from, stop);
        bool whole = n == TEXT_LENGTH && (from + n == stop || is_blank(from[n]));
        if (from == stop || (*from == '#' && !whole))
            continue;
        if (whole && *from == '#')
            return ecam_fail(error, ECAM_EFORMAT, "line %u: a key that begins with # looks like a comment; make another "
                             "(eigencam keygen)", *line);
        memcpy(text, from, whole ? n : 0);
        text[whole ? n : 0] = '\0';
        if (!whole || !zmq_z85_decode(raw ? raw : bytes, text))
            return ecam_fail(error, ECAM_EFORMAT, "line %u is no key; expected the %d characters of a key, or # and a comment",
                             *line, TEXT_LENGTH);
        return ECAM_OK;
    }
    return ECAM_ECLOSED;
}

/* The one key of a file's text. */
static ecam_status only_key(const char *text, size_t size, char out[ECAM_CURVE_TEXT_BYTES], ecam_error *error)
{
    const char *at = text;
    char more[ECAM_CURVE_TEXT_BYTES];
    unsigned line = 0;
    ecam_status st = ecam_curve_next(&at, text + size, &line, out, NULL, error);

    if (st == ECAM_ECLOSED)
        return ecam_fail(error, ECAM_EFORMAT, "there is no key in it; expected one, as eigencam keygen writes it");
    if (st == ECAM_OK && ecam_curve_next(&at, text + size, &line, more, NULL, NULL) != ECAM_ECLOSED)
        st = ecam_fail(error, ECAM_EFORMAT, "line %u: there is more than one key in it; expected one", line);
    return st;
}

static ecam_status read_key(const char *path, bool is_secret, char out[ECAM_CURVE_TEXT_BYTES], ecam_error *error)
{
    char *text;
    size_t size;
    ecam_status st = ecam_curve_read_file(path, is_secret, MAX_FILE_BYTES, &text, &size, error);

    if (st != ECAM_OK)
        return st;
    st = only_key(text, size, out, error);
    if (st != ECAM_OK)
        ecam_error_prefix(error, "%.300s: ", path);
    explicit_bzero(text, size);
    free(text);
    return st;
}

ecam_status ecam_curve_read_secret(const char *path, ecam_curve_keys *out, ecam_error *error)
{
    ecam_status st = ecam_curve_available(error);

    if (st == ECAM_OK)
        st = read_key(path, true, out->secret_key, error);
    if (st == ECAM_OK && zmq_curve_public(out->public_key, out->secret_key) != 0)
        st = ecam_fail(error, ECAM_EFORMAT, "%.300s: no public key follows from it: %s", path, zmq_strerror(zmq_errno()));
    return st;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), length = strlen(end);
    return n > length && strcmp(text + n - length, end) == 0;
}

ecam_status ecam_curve_read_public(const char *text, char out[ECAM_CURVE_TEXT_BYTES], ecam_error *error)
{
    uint8_t raw[ECAM_CURVE_KEY_BYTES];
    ecam_curve_keys keys;
    size_t length = strlen(text);

    if (length == TEXT_LENGTH && key_span(text, text + length) == length && zmq_z85_decode(raw, text)) {
        memcpy(out, text, length + 1);
        return ECAM_OK;
    }
    if (!ends_with(text, ".key"))
        return read_key(text, false, out, error);
    ecam_status st = ecam_curve_read_secret(text, &keys, error);
    if (st == ECAM_OK)
        memcpy(out, keys.public_key, sizeof keys.public_key);
    explicit_bzero(&keys, sizeof keys);
    return st;
}

/* ---- sockets ---- */

static ecam_status set(void *socket, int option, const void *value, size_t size, ecam_error *error)
{
    if (zmq_setsockopt(socket, option, value, size) == 0)
        return ECAM_OK;
    return ecam_fail(error, ECAM_EIO, "ZeroMQ does not take a key: %s", zmq_strerror(zmq_errno()));
}

ecam_status ecam_curve_serve(void *socket, const ecam_curve_keys *keys, ecam_error *error)
{
    const int yes = 1;
    ecam_status st = set(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes, error);

    if (st == ECAM_OK)
        st = set(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, ECAM_CURVE_TEXT_BYTES, error);
    if (st == ECAM_OK)
        st = set(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN), error);
    return st;
}

static ecam_status set_keys(void *socket, const ecam_curve_keys *own, const char *server, ecam_error *error)
{
    ecam_status st = set(socket, ZMQ_CURVE_SERVERKEY, server, ECAM_CURVE_TEXT_BYTES, error);

    if (st == ECAM_OK)
        st = set(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, ECAM_CURVE_TEXT_BYTES, error);
    if (st == ECAM_OK)
        st = set(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, ECAM_CURVE_TEXT_BYTES, error);
    return st;
}

ecam_status ecam_curve_join(void *socket, const char *key, const char *server_key, ecam_error *error)
{
    char server[ECAM_CURVE_TEXT_BYTES];
    ecam_curve_keys own;

    if (!server_key && !key)
        return ECAM_OK;
    if (!server_key)
        return ecam_fail(error, ECAM_EINVAL, "a key of one's own needs the other side's public key too (server key)");
    ecam_status st = ecam_curve_available(error);
    if (st == ECAM_OK) {
        st = ecam_curve_read_public(server_key, server, error);
        if (st != ECAM_OK)
            ecam_error_prefix(error, "server key: ");
    }
    if (st == ECAM_OK) {
        st = key ? ecam_curve_read_secret(key, &own, error) : ecam_curve_generate(&own, error);
        if (st != ECAM_OK)
            ecam_error_prefix(error, "key: ");
    }
    if (st == ECAM_OK)
        st = set_keys(socket, &own, server, error);
    explicit_bzero(&own, sizeof own);
    return st;
}

/* Status codes and error details: the rules that hold for every function of
 * the two libraries.
 *
 * Results   leave through pointers; the return value is an ecam_status, zero
 *           for success. After a failure an output handle is NULL and every
 *           other output is unspecified unless a function says more.
 * Errors    a function that takes an ecam_error fills it on failure and leaves
 *           it alone on success; NULL is accepted by all of them.
 * Ownership a pointer to const is borrowed for the duration of the call. A
 *           *_destroy or *_close function takes the address of the handle,
 *           accepts a NULL handle, and sets it to NULL.
 * Threads   functions are safe to call from several threads on distinct
 *           objects; none keeps hidden global state. */
#ifndef EIGENCAM_STATUS_H
#define EIGENCAM_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ECAM_API __attribute__((visibility("default")))
#define ECAM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define ECAM_API
#define ECAM_PRINTF(fmt, args)
#endif

typedef enum ecam_status {
    ECAM_OK = 0,
    ECAM_ENOMEM,    /* memory is short */
    ECAM_EINVAL,    /* an argument or option is impossible */
    ECAM_ESHAPE,    /* sizes of arrays do not fit each other */
    ECAM_ETYPE,     /* an element or value type that is not accepted here */
    ECAM_EFORMAT,   /* bytes that are not what they claim to be */
    ECAM_EVERSION,  /* a format or protocol version that is not known */
    ECAM_EMISSING,  /* a key, file or name that is not there */
    ECAM_ELIMIT,    /* a documented bound is exceeded */
    ECAM_EMATH,     /* an iteration did not converge */
    ECAM_EIO,       /* the system refused a file, socket or process call */
    ECAM_EAGAIN,    /* nothing to do now; try again */
    ECAM_ECLOSED    /* the other side is gone, or shutdown has begun */
} ecam_status;

/* The detail of a failure: one sentence that says what was wrong, where, and
 * what was expected. UTF-8, no line break at the end. */
typedef struct ecam_error {
    ecam_status status;
    char text[480];
} ecam_error;

/* A short stable lower-case word for a status ("shape" for ECAM_ESHAPE);
 * static storage. */
ECAM_API const char *ecam_status_word(ecam_status status);

/* Fill `error` (NULL accepted) and return `status`, so that a failure is one
 * statement. Text that is too long is cut at a character boundary. */
ECAM_API ecam_status ecam_fail(ecam_error *error, ecam_status status,
                               const char *format, ...) ECAM_PRINTF(3, 4);

/* Put context in front of a failure on its way up: "file x.npy: " + text. */
ECAM_API void ecam_error_prefix(ecam_error *error, const char *format, ...)
    ECAM_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif

#endif

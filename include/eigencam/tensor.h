/* A borrowed view of an n-dimensional array of numbers: what trainers send
 * and what the computing functions take. */
#ifndef EIGENCAM_TENSOR_H
#define EIGENCAM_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "eigencam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element types, little-endian. */
typedef enum ecam_dtype {
    ECAM_BOOL,
    ECAM_U8,
    ECAM_I8,
    ECAM_U16,
    ECAM_I16,
    ECAM_U32,
    ECAM_I32,
    ECAM_U64,
    ECAM_I64,
    ECAM_F16,
    ECAM_BF16, /* the upper half of a float32 */
    ECAM_F32,
    ECAM_F64
} ecam_dtype;
#define ECAM_DTYPE_COUNT 13

/* What the axes mean. AUTO: not said by the sender. NLC: the tokens of a
 * transformer, (samples, tokens, channels). */
typedef enum ecam_layout {
    ECAM_LAYOUT_AUTO,
    ECAM_LAYOUT_NCHW,
    ECAM_LAYOUT_NHWC,
    ECAM_LAYOUT_NLC
} ecam_layout;

#define ECAM_MAX_DIMS 8

/* data: C-contiguous, size_bytes long, any alignment; never owned by the view.
 * shape: ndim entries, none 0; ndim 0 is a single number.
 * grid:  for NLC only: height and width of the token grid, or 0, 0 where the
 *        sender left it open. */
typedef struct ecam_tensor {
    const void *data;
    size_t size_bytes;
    ecam_dtype dtype;
    ecam_layout layout;
    unsigned ndim;
    uint64_t shape[ECAM_MAX_DIMS];
    uint32_t grid[2];
} ecam_tensor;

/* Bytes of one element. */
ECAM_API size_t ecam_dtype_size(ecam_dtype dtype);

/* NumPy's name of the type ("<f4"; "bfloat16" for BF16); static storage. */
ECAM_API const char *ecam_dtype_name(ecam_dtype dtype);

/* The type of a NumPy dtype string. Also accepts "|V2" (what ml_dtypes writes
 * for bfloat16) and one-byte types with any byte-order mark.
 * Errors: ECAM_ETYPE for all else, big-endian included. */
ECAM_API ecam_status ecam_dtype_parse(const char *name, size_t length, ecam_dtype *out);

/* Whether shape times element size is exactly size_bytes, without overflow,
 * and no axis is 0. Errors: ECAM_ESHAPE with both numbers in the text. */
ECAM_API ecam_status ecam_tensor_check(const ecam_tensor *tensor, ecam_error *error);

/* Element i (C order, within bounds) as a double; integers beyond 2^53 are
 * rounded. */
ECAM_API double ecam_tensor_at(const ecam_tensor *tensor, size_t i);

#ifdef __cplusplus
}
#endif

#endif

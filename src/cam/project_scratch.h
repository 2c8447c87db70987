/* The projection's scratch memory: one growing block for each role, so that a
 * steady stream of samples allocates nothing. */
#ifndef ECAM_CAM_PROJECT_SCRATCH_H
#define ECAM_CAM_PROJECT_SCRATCH_H

#include <stddef.h>

#include "cam/workspace.h"

typedef enum ecam_room {
    ECAM_ROOM_MATRIX,  /* the centred activations, float64 */
    ECAM_ROOM_FLOATS,  /* the same, float32 */
    ECAM_ROOM_ROWS,    /* activations in float32, before centring */
    ECAM_ROOM_WEIGHTS, /* a sign for each channel */
    ECAM_ROOM_STRIP,   /* a strip on its way from another layout or type */
    ECAM_ROOM_GRAM,    /* products of channels or of positions */
    ECAM_ROOM_BASIS,   /* Krylov vectors */
    ECAM_ROOM_SMALL,   /* small dense problems */
    ECAM_ROOM_LAPACK,  /* what LAPACK asks for */
    ECAM_ROOM_VECTORS, /* eigenvectors */
    ECAM_ROOM_MAPS,    /* results */
    ECAM_ROOM_VALUES,  /* results: singular values, then shares */
    ECAM_ROOM_COUNT
} ecam_room;

struct ecam_project_scratch {
    struct {
        void *data;
        size_t bytes;
    } rooms[ECAM_ROOM_COUNT];
};

/* `a` times `b` elements of `size` bytes, aligned to a cache line, contents
 * unspecified; holds until the same room is asked for again. NULL where memory
 * is short or the product overflows. */
void *ecam_room_get(struct ecam_project_scratch *scratch, ecam_room room, size_t a, size_t b,
                    size_t size);

#endif

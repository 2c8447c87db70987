/* Bilinear resizing by the rules of OpenCV's INTER_LINEAR, float32, bit for
 * bit: pixel centres aligned, first along x, then along y, clamped edges.
 * Equal sizes come out unchanged by these rules; a reduction by exactly two in
 * both directions is the mean of 2 x 2 blocks instead. */
#ifndef ECAM_CAM_RESIZE_H
#define ECAM_CAM_RESIZE_H

#include <stddef.h>
#include <stdint.h>

/* Where target index d lies between its two source indices, both within
 * 0..n-1: value = source[near] * (1 - weight) + source[far] * weight. */
typedef struct ecam_tap {
    uint32_t near, far;
    float weight;
} ecam_tap;

/* Of target index d, on an axis of n source and m target pixels. */
ecam_tap ecam_resize_tap(size_t d, size_t n, size_t m);

/* The same along x, where a tap beyond an edge is a plain copy of the edge. */
ecam_tap ecam_resize_tap_x(size_t d, size_t n, size_t m);

/* Whether h x w to H x W is the reduction by exactly two. */
static inline int ecam_resize_halves(size_t h, size_t w, size_t target_h, size_t target_w)
{
    return h % 2 == 0 && w % 2 == 0 && h / 2 == target_h && w / 2 == target_w;
}

#endif

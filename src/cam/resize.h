/* Bilinear resizing by the rules of OpenCV's INTER_LINEAR, float32, bit for
 * bit: pixel centres aligned, first along x, then along y, clamped edges.
 * Equal sizes come out unchanged by these rules; a reduction by exactly two in
 * both directions is the mean of 2 x 2 blocks instead. */
#ifndef ECAM_CAM_RESIZE_H
#define ECAM_CAM_RESIZE_H

#include "cam/draw_rows.h"

/* Where the m target pixels of an axis lie between its n source pixels.
 * copy_edges: as along x, a tap beyond an edge has weight 0; else, as along y,
 * it keeps its weight and blends the edge with itself. */
void ecam_resize_taps(size_t n, size_t m, bool copy_edges, ecam_taps *taps);

/* Whether h x w to target_h x target_w is the reduction by exactly two. */
bool ecam_resize_halves(size_t h, size_t w, size_t target_h, size_t target_w);

#endif

/* Activations that are hard to project in float32, and a few that are not. */
#ifndef HARD_DATA_H
#define HARD_DATA_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HARD_DATA_NOISE,
    HARD_DATA_FEATURES,
    HARD_DATA_HUGE_MEAN,
    HARD_DATA_LARGE,
    HARD_DATA_TINY,
    HARD_DATA_SMALL_THIRD,
    HARD_DATA_STEEP,
    HARD_DATA_RANK_TWO,
    HARD_DATA_NEAR_PAIR,
    HARD_DATA_NEAR_SECOND_PAIR,
    HARD_DATA_TRIPLE,
    HARD_DATA_SPOTS,
    HARD_DATA_DEAD_CHANNELS,
    HARD_DATA_NOT_FINITE,
    HARD_DATA_COUNT
};

/* What the next data are drawn from. */
void hard_data_seed(unsigned long long seed);

/* x: float32 [c][n]. */
void hard_data_make(size_t kind, float *x, size_t c, size_t n);

const char *hard_data_name(size_t kind);

/* Whether float32 is good for these. */
bool hard_data_is_ordinary(size_t kind);

#endif

/* How many a second it was of late. */
#ifndef ECAM_CLI_RATE_H
#define ECAM_CLI_RATE_H

#include <stdint.h>
#include <string.h>

#define ECAM_RATE_POINTS 9

/* The count at a few moments, the oldest first. Zeroed at the beginning. */
typedef struct ecam_rate {
    struct {
        uint64_t time_ns, count;
    } points[ECAM_RATE_POINTS];
    unsigned n;
} ecam_rate;

/* Note the count, which never falls; gives its rate over the moments noted. */
static inline double ecam_rate_note(ecam_rate *rate, uint64_t now_ns, uint64_t count)
{
    if (rate->n == ECAM_RATE_POINTS) {
        memmove(rate->points, rate->points + 1, (ECAM_RATE_POINTS - 1) * sizeof *rate->points);
        rate->n--;
    }
    rate->points[rate->n].time_ns = now_ns;
    rate->points[rate->n++].count = count;
    uint64_t elapsed_ns = now_ns - rate->points[0].time_ns;
    return elapsed_ns == 0 ? 0 : 1e9 * (double)(count - rate->points[0].count) / (double)elapsed_ns;
}

#endif

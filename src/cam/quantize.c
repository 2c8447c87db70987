#include <math.h>

#include "eigencam/cam.h"

/* In double: hi - lo may overflow a float, and 65535 steps need more digits
 * than a float's rounding would leave. */
void ecam_map_quantize(const float *projection, size_t n, uint16_t *out, float *lo, float *hi)
{
    float least = INFINITY, most = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        least = projection[i] < least ? projection[i] : least;
        most = projection[i] > most ? projection[i] : most;
    }
    if (!(least <= most)) /* nothing but NaN, or nothing at all */
        least = most = 0;
    double range = (double)most - (double)least;
    for (size_t i = 0; i < n; i++) {
        double share = range > 0 ? ((double)projection[i] - (double)least) / range : 0;
        out[i] = share > 0 ? (uint16_t)(share * 65535.0 + 0.5) : 0;
    }
    *lo = least;
    *hi = most;
}

#include "cam/resize.h"

static int32_t clamp(int32_t i, int32_t last)
{
    return i < 0 ? 0 : i > last ? last : i;
}

void ecam_resize_taps(size_t n, size_t m, bool copy_edges, ecam_taps *taps)
{
    double step = (double)n / (double)m;
    int32_t last = (int32_t)(n - 1);

    for (size_t d = 0; d < m; d++) {
        float position = (float)(((double)d + 0.5) * step - 0.5);
        int32_t whole = position < 0 ? -1 : (int32_t)position; /* never below -0.5 */
        taps->near[d] = clamp(whole, last);
        taps->far[d] = clamp(whole + 1, last);
        taps->weight[d] = position - (float)whole;
        if (copy_edges && taps->near[d] == taps->far[d])
            taps->weight[d] = 0;
    }
}

bool ecam_resize_halves(size_t h, size_t w, size_t target_h, size_t target_w)
{
    return h == 2 * target_h && w == 2 * target_w;
}

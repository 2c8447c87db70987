#include "cam/resize.h"

#include <math.h>

static uint32_t clamp(double i, size_t n)
{
    if (i < 0)
        return 0;
    return i > (double)(n - 1) ? (uint32_t)(n - 1) : (uint32_t)i;
}

ecam_tap ecam_resize_tap(size_t d, size_t n, size_t m)
{
    float position = (float)(((double)d + 0.5) * ((double)n / (double)m) - 0.5);
    float whole = floorf(position);

    return (ecam_tap){
        .near = clamp(whole, n), .far = clamp((double)whole + 1, n), .weight = position - whole};
}

ecam_tap ecam_resize_tap_x(size_t d, size_t n, size_t m)
{
    ecam_tap tap = ecam_resize_tap(d, n, m);

    if (tap.near == tap.far)
        tap.weight = 0;
    return tap;
}

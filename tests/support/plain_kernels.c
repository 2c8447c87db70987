/* The linker's names for --wrap: our own code gets plain C for every inner
 * loop, as on a processor without vectors that we know. */
#include "cam/draw_rows.h"
#include "cam/kernels.h"

const ecam_kernels *__wrap_ecam_kernels_best(void);
const ecam_rows *__wrap_ecam_rows_usable(size_t i);

const ecam_kernels *__wrap_ecam_kernels_best(void)
{
    return &ecam_kernels_plain;
}

const ecam_rows *__wrap_ecam_rows_usable(size_t i)
{
    return i == 0 ? &ecam_rows_plain : NULL;
}

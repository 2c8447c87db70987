#include "cam/blas.h"

#include <cblas.h>

void ecam_blas_single_thread(void)
{
    openblas_set_num_threads(1);
}

/* For programs that run with several OPENBLAS_CORETYPEs: a test that it counts. */
#ifndef BLAS_CORE_H
#define BLAS_CORE_H

#include <stdlib.h>
#include <strings.h>

#include "cam/blas.h"
#include "support/check.h"

static void blas_core_is_the_one_asked_for(void **state)
{
    const char *asked = getenv("OPENBLAS_CORETYPE");

    (void)state;
#if !defined(__x86_64__)
    asked = NULL; /* other processors have other names */
#endif
    if (asked && strcasecmp(asked, ecam_blas_core()) != 0)
        fail_msg("OpenBLAS is one for %s, %s was asked for", ecam_blas_core(), asked);
}

#endif

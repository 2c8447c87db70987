#include "cli/coretype.h"

#include <stdlib.h>
#include <unistd.h>

#include "cam/blas.h"

#define CORE "OPENBLAS_CORETYPE"

void ecam_coretype_settle(char **argv)
{
    const char *better = getenv(CORE) ? NULL : ecam_blas_better_core();

    if (!better || setenv(CORE, better, 1) != 0)
        return;
    /* The variable is set now, so that the second run ends above. */
    execv("/proc/self/exe", argv);
    unsetenv(CORE);
}

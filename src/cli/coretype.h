/* The right BLAS kernels without the user's knowing about them. */
#ifndef ECAM_CLI_CORETYPE_H
#define ECAM_CLI_CORETYPE_H

/* Where OpenBLAS has taken the processor for an older one, run this program
 * again, once, with OPENBLAS_CORETYPE set: changing the variable after the
 * library has loaded does nothing. A value that the user has set is left
 * alone. Returns where there is nothing to do or exec is refused. Call first
 * in main. */
void ecam_coretype_settle(char **argv);

#endif

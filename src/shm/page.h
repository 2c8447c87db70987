/* A page of the stage's that says how far it has consumed a ring: for writers
 * that rather wait than write over what is not read yet. */
#ifndef ECAM_SHM_PAGE_H
#define ECAM_SHM_PAGE_H

#include <stdint.h>

#include "shm/memfd.h"

/* The stage's side. Errors: as ecam_memfd_create. */
ecam_status ecam_page_create(ecam_memfd *out, ecam_error *error);
void ecam_page_set(ecam_memfd *page, uint64_t consumed);

/* The trainer's side; takes the descriptor over. Errors: as ecam_memfd_open. */
ecam_status ecam_page_open(int fd, ecam_memfd *out, ecam_error *error);
uint64_t ecam_page_get(const ecam_memfd *page);

#endif

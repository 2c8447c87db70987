#include "shm/page.h"

#include <stdatomic.h>

#define PAGE_BYTES 4096

ecam_status ecam_page_create(ecam_memfd *out, ecam_error *error)
{
    return ecam_memfd_create("eigencam-consumed", PAGE_BYTES, out, error);
}

void ecam_page_set(ecam_memfd *page, uint64_t consumed)
{
    atomic_store_explicit((_Atomic uint64_t *)page->map, consumed, memory_order_release);
}

ecam_status ecam_page_open(int fd, ecam_memfd *out, ecam_error *error)
{
    return ecam_memfd_open(fd, PAGE_BYTES, PAGE_BYTES, out, error);
}

uint64_t ecam_page_get(const ecam_memfd *page)
{
    return atomic_load_explicit((_Atomic uint64_t *)page->map, memory_order_acquire);
}

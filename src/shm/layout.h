/* The ring's bytes; see proto/shm.md. */
#ifndef ECAM_SHM_LAYOUT_H
#define ECAM_SHM_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define ECAM_RING_MAGIC UINT64_C(0x31474e524d414345) /* "ECAMRNG1" */
#define ECAM_RING_VERSION 1
#define ECAM_RING_HEADER_BYTES 4096

/* intent and commit have cache lines of their own. */
typedef struct ecam_ring_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_bytes;
    uint64_t capacity;
    char pad[40];
    _Alignas(64) _Atomic uint64_t intent;
    _Alignas(64) _Atomic uint64_t commit;
} ecam_ring_header;

enum { ECAM_RECORD_DATA = 1, ECAM_RECORD_PADDING = 2 };

/* In front of each record. */
typedef struct ecam_ring_record {
    uint64_t position;
    uint64_t bytes; /* with this header, a multiple of 64 */
    uint32_t kind;
    char pad[44];
} ecam_ring_record;

_Static_assert(offsetof(ecam_ring_header, intent) == 64, "the layout is specified");
_Static_assert(offsetof(ecam_ring_header, commit) == 128, "the layout is specified");
_Static_assert(sizeof(ecam_ring_record) == 64, "the layout is specified");

#if defined(__SANITIZE_THREAD__)
#define ECAM_SHM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ECAM_SHM_TSAN 1
#endif
#endif

/* The thread sanitizer knows no fences: there, an atomic operation on something
 * of nobody's stands in for one. */
static inline void ecam_shm_fence(memory_order order)
{
#ifdef ECAM_SHM_TSAN
    static _Atomic int nobodys;
    (void)order;
    atomic_fetch_add_explicit(&nobodys, 1, memory_order_seq_cst);
#else
    atomic_thread_fence(order);
#endif
}

#endif

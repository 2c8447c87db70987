#include <string.h>

#include "shm/layout.h"
#include "shm/ring.h"

/* That another process writes here meanwhile is part of the design: what comes
 * of it is thrown away. To the language it is a race all the same; the thread
 * sanitizer gets a copy without one, byte by byte. */
void ecam_ring_copy(void *to, const void *from, size_t bytes)
{
#ifdef ECAM_SHM_TSAN
    _Atomic unsigned char *out = to;
    const _Atomic unsigned char *in = from;
    for (size_t i = 0; i < bytes; i++)
        atomic_store_explicit(&out[i], atomic_load_explicit(&in[i], memory_order_relaxed),
                              memory_order_relaxed);
#else
    if (bytes != 0)
        memcpy(to, from, bytes);
#endif
}

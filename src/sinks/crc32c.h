/* CRC-32C (Castagnoli, RFC 3720): what frames the records of event files. */
#ifndef ECAM_SINKS_CRC32C_H
#define ECAM_SINKS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of what `crc` is of, with these bytes behind; 0: of nothing. By the
 * processor's own instruction where it has one. */
uint32_t ecam_crc32c(uint32_t crc, const void *bytes, size_t size);

/* The same by a table, on every processor. */
uint32_t ecam_crc32c_plain(uint32_t crc, const void *bytes, size_t size);

#endif

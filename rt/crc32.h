// crc32.h -- the checksum of the image's blobs: CRC-32 as in zlib (polynomial 0xedb88320, reflected).
#pragma once
#include <stddef.h>
#include <stdint.h>

// crc 0 starts; the result of one piece continues with the next. Boot core only, before the other cores run
// (builds its tables at the first call); system stack.
uint32_t crc32(uint32_t crc, const void *data, size_t n);

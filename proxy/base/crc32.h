/* The CRC-32 of zip, Ethernet and java.util.zip.CRC32 (polynomial edb88320, reflected).
 *
 *   uint32_t crc = crc32(0, first);  crc = crc32(crc, second);      as if both were one run
 *
 * Pure. Thread: any. */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stdint.h>

#include "base/slice.h"

/* The CRC of bytes that stand behind those of which `crc` is the CRC; 0 for none. */
uint32_t crc32(uint32_t crc, struct slice bytes);

#endif

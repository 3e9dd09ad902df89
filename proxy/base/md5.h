/* MD5 (RFC 1321): the check sum by which Nacos tells versions of a text apart. Against forgery it
 * is worth nothing.
 *
 * Pure. Thread: any. */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include "base/slice.h"

enum { MD5_HEX_SIZE = 33 }; /* with the NUL */

/* As 32 hexadecimal digits, lower case. */
void md5_hex(struct slice bytes, char hex[static MD5_HEX_SIZE]);

#endif

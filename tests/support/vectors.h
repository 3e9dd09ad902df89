/* Golden bytes: files of hex below tests/vectors. */
#ifndef SUPPORT_VECTORS_H
#define SUPPORT_VECTORS_H

#include "base/arena.h"
#include "base/slice.h"

/* The bytes of tests/vectors/FILE, in the arena. Aborts when there is no such file. */
struct slice vector_read(const char *file, struct arena *arena);

/* Calls fn with each file of tests/vectors/FOLDER whose name ends with `suffix`, and its bytes,
 * which live as long as the call. Returns how many there were. */
unsigned vectors_each(const char *folder, const char *suffix,
		      void (*fn)(const char *file, struct slice bytes, void *arg), void *arg);

#endif

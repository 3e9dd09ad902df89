/* Memory that nobody may touch now: AddressSanitizer sees who does. Else nothing. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#include "base/attributes.h"

#if UNDER_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

#endif

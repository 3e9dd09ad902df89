/* Finds the name that was probably meant. Pure. */
#ifndef XDS_DID_YOU_MEAN_H
#define XDS_DID_YOU_MEAN_H

#include <stddef.h>

#include "base/slice.h"

/* The one of names[count] nearest to text, counting letters put in, left out, changed or swapped;
 * NULL when none is near enough to be a slip. */
const char *did_you_mean(struct slice text, const char *const *names, size_t count);

#endif

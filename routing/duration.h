/* Durations of the configuration in milliseconds. Pure. */
#ifndef ROUTING_DURATION_H
#define ROUTING_DURATION_H

#include <stdint.h>

#include "base/diag.h"

struct Google__Protobuf__Duration;

enum { DURATION_UNSET = UINT32_MAX }; /* not configured; 0 means "no limit" */

/* *ms is `unset` for NULL. Parts of a millisecond are dropped, 49 days are the most. STATUS_INVALID
 * and a diag with the path `field` for a negative one. */
enum status MUST_CHECK duration_load(uint32_t *ms, uint32_t unset,
				     const struct Google__Protobuf__Duration *message,
				     const char *field, struct diag *diag);

#endif

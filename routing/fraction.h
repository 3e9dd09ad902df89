/* A share of requests: numerator of 100, 10,000 or 1,000,000, taken by a random number that the
 * caller gives.
 *
 * By value. Runtime overrides are resolved when it is loaded: an integer is a percentage. */
#ifndef ROUTING_FRACTION_H
#define ROUTING_FRACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct Envoy__Config__Bootstrap__V3__LayeredRuntime;
struct Envoy__Config__Core__V3__RuntimeFractionalPercent;
struct Envoy__Type__V3__FractionalPercent;

struct fraction {
	uint32_t numerator, denominator; /* denominator > 0 */
};

static inline bool fraction_takes(struct fraction f, uint64_t random)
{
	return random % f.denominator < f.numerator;
}

struct fraction fraction_load(const struct Envoy__Type__V3__FractionalPercent *message);

/* What a layer has under the key, in percent, else the message's (NULL: 0). runtime may be NULL. */
struct fraction fraction_of_key(struct slice key,
				const struct Envoy__Type__V3__FractionalPercent *message,
				const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime);

/* What a layer has under the message's key, else its default. runtime may be NULL. */
struct fraction
fraction_load_runtime(const struct Envoy__Config__Core__V3__RuntimeFractionalPercent *message,
		      const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime);

#endif

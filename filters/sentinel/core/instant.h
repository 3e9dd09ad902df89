/* One moment, as the caller read it: nothing in the core looks at a clock. */
#ifndef SENTINEL_CORE_INSTANT_H
#define SENTINEL_CORE_INSTANT_H

#include <stdint.h>

struct instant {
	int64_t ms; /* wall clock, since 1970; >= 0 */
	int64_t ns; /* the same moment by any steady clock: what rates finer than 1 ms are kept by
		     */
};

#endif

#include "base/backoff.h"

#include "base/attributes.h"

void backoff_init(struct backoff *backoff, uint64_t base_ms, uint64_t max_ms)
{
	invariant(base_ms > 0);
	backoff->base_ms = base_ms;
	backoff->max_ms = max_ms > base_ms ? max_ms : base_ms;
	backoff_reset(backoff);
}

uint64_t backoff_next_ms(struct backoff *backoff, struct random *random)
{
	uint64_t bound = backoff->next_ms;
	bool can_double = bound < backoff->max_ms / 2;

	backoff->next_ms = can_double ? bound * 2 : backoff->max_ms;
	return random_next(random) % bound;
}

uint64_t backoff_at_least_ms(uint64_t ms, struct random *random)
{
	return ms < 2 ? ms : ms + random_next(random) % (ms / 2);
}

#include "base/drain.h"

enum {
	TELL_PART = 4, /* Those that can be told are told early, so that they have left when the
			  time is over. */
	SPREAD_BITS = 20,
};

/* What has passed counts: nobody is less asked than before. */
static void end_earlier(struct drain *drain, uint64_t end_ms, bool is_gradual)
{
	if (end_ms - drain->start_ms >= drain->time_ms)
		return;
	drain->time_ms = end_ms - drain->start_ms;
	drain->is_gradual &= is_gradual;
}

void drain_begin(struct drain *drain, uint64_t now_ms, uint64_t time_ms, bool is_gradual)
{
	if (drain->is_on)
		end_earlier(drain, now_ms + time_ms, is_gradual);
	else
		*drain = (struct drain){now_ms, time_ms, true, is_gradual};
}

bool drain_is_over(const struct drain *drain, uint64_t now_ms)
{
	return drain->is_on && now_ms - drain->start_ms >= drain->time_ms;
}

bool drain_is_last(const struct drain *drain, uint64_t now_ms, uint64_t chance)
{
	if (!drain->is_on)
		return false;
	return !drain->is_gradual || drain_is_over(drain, now_ms) ||
	       chance % drain->time_ms < now_ms - drain->start_ms;
}

/* The finalizer of splitmix64. */
static uint64_t spread(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t drain_tell_ms(const struct drain *drain, uint64_t id)
{
	uint64_t part = drain->time_ms / TELL_PART;

	if (!drain->is_on)
		return UINT64_MAX;
	if (!drain->is_gradual || !part)
		return drain->start_ms;
	/* a fraction of the part: if that gets shorter, nobody is told later */
	return drain->start_ms +
	       ((spread(id ^ drain->start_ms << 20) >> (64 - SPREAD_BITS)) * part >> SPREAD_BITS);
}

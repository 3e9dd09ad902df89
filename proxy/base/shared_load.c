#include "base/shared_load.h"

#include "base/shared.h"

static void init(void *state, const void *config)
{
	struct shared_load *load = state;

	(void)config;
	atomic_init(&load->cpu, 0);
	atomic_init(&load->is_wanted, false);
}

static const struct shared_type load_type = {.name = "load", .init = init};

struct shared_load *shared_load_take(void)
{
	return shared_take(&load_type, SLICE("machine"), 0, sizeof(struct shared_load), NULL);
}

struct shared_load *shared_load_want(struct arena *arena)
{
	struct shared_load *load = shared_take_for(arena, &load_type, SLICE("machine"), 0,
						   sizeof(struct shared_load), NULL);

	atomic_store_explicit(&load->is_wanted, true, memory_order_relaxed);
	return load;
}

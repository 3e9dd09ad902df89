#include "telemetry/stats_settings.h"

#include <stdlib.h>

/* Envoy's: milliseconds from 0.5 to an hour. */
static const double default_bounds[] = {0.5,  1,    5,   10,  25,  50,  100, 250,   500,  1000,
					2500, 5000, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6};

bool stats_settings_has(const struct stats_settings *settings, struct slice name)
{
	if (!settings)
		return true;
	if (settings->rejects_all)
		return false;
	for (unsigned i = 0; i < settings->pattern_count; i++)
		if (string_matcher_test(&settings->patterns[i], name))
			return settings->is_inclusion;
	return !settings->is_inclusion;
}

struct stats_bounds stats_settings_bounds(const struct stats_settings *settings, struct slice name)
{
	for (unsigned i = 0; settings && i < settings->bounds_count; i++)
		if (string_matcher_test(&settings->bounds[i].match, name))
			return settings->bounds[i].bounds;
	return (struct stats_bounds){default_bounds, COUNT_OF(default_bounds)};
}

void stats_settings_free(struct stats_settings *settings)
{
	if (!settings)
		return;
	arena_free(&settings->arena);
	free(settings);
}

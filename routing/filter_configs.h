/* What filters were told for a route, virtual host, table or weighted cluster, by filter name.
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_FILTER_CONFIGS_H
#define ROUTING_FILTER_CONFIGS_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/route_hooks.h"

struct Envoy__Config__Route__V3__CorsPolicy;

struct filter_config {
	struct slice name;  /* of the filter, in its chain */
	const void *config; /* of the filter's own kind; NULL: none, only switched on or off */
	const void *type;   /* whose configuration that is; NULL: nobody has said */
	bool is_disabled;   /* the filter is left out here */
	bool is_enabled;    /* ... or put in, where its chain has it disabled */
};

struct filter_configs {
	const struct filter_config *items;
	uint32_t count;
};

/* One entry of a typed_per_filter_config map: all four messages have such. */
struct filter_config_message {
	const char *name;
	const struct Google__Protobuf__Any *value;
};

/* All entries of a message's map, whose types differ by message. out: room for them. */
#define FILTER_CONFIG_MESSAGES_READ(out, message)                                                  \
	for (size_t i_ = 0; i_ < (message)->n_typed_per_filter_config; i_++) {                     \
		(out)[i_].name = (message)->typed_per_filter_config[i_]->key;                      \
		(out)[i_].value = (message)->typed_per_filter_config[i_]->value;                   \
	}

/* cors: the older field of its own, NULL if there is none. Diag's path begins with
 * "typed_per_filter_config". */
enum status MUST_CHECK filter_configs_load(struct filter_configs *configs,
					   const struct filter_config_message *messages,
					   size_t count,
					   const struct Envoy__Config__Route__V3__CorsPolicy *cors,
					   const struct route_hooks *hooks, struct arena *arena,
					   struct diag *diag);

/* NULL if there is none for that filter. */
static inline const struct filter_config *filter_configs_find(const struct filter_configs *configs,
							      struct slice name)
{
	for (uint32_t i = 0; i < configs->count; i++)
		if (slice_equal(configs->items[i].name, name))
			return &configs->items[i];
	return NULL;
}

#endif

#include "filters/header_mutation/header_mutation.h"

#include "routing/filter_configs.h"
#include "routing/route.h"

static void remove_matching(const struct string_matcher *matcher, struct headers *headers)
{
	for (struct header *h = NULL; (h = headers_next(headers, h));) {
		struct slice name = header_name(h);
		if (name.data[0] != ':' && string_matcher_test(matcher, name))
			headers_remove(headers, name);
	}
}

static void apply(const struct mutation_steps *steps, struct headers *headers,
		  const struct stream_info *info)
{
	for (uint32_t i = 0; i < steps->count; i++) {
		const struct mutation_step *step = &steps->items[i];
		if (step->remove)
			remove_matching(step->remove, headers);
		else
			header_mutations_apply(&step->plain, headers, info);
	}
}

/* The chain's own steps, then those of the route and what is around it. */
static enum filter_status apply_all(struct filter *f, struct headers *headers,
				    enum mutation_place place)
{
	const struct header_mutation_config *own = filter_chain_config(f);
	const struct filter_config *configs[ROUTE_FILTER_CONFIGS_MAX];
	const struct stream_info *info = filter_info(f);
	unsigned count = filter_route_configs(f, configs);

	apply(&own->steps[place], headers, info);
	for (unsigned i = 0; i < count; i++) {
		const struct header_mutation_config *config =
			configs[own->most_specific_wins ? i : count - 1 - i]->config;
		if (config)
			apply(&config->steps[place], headers, info);
	}
	return FILTER_CONTINUE;
}

enum filter_status header_mutation_request_headers(struct filter *f, struct headers *headers,
						   bool end)
{
	(void)end;
	return apply_all(f, headers, MUTATION_REQUEST);
}

enum filter_status header_mutation_request_trailers(struct filter *f, struct headers *trailers)
{
	return apply_all(f, trailers, MUTATION_REQUEST_TRAILERS);
}

enum filter_status header_mutation_response_headers(struct filter *f, struct headers *headers,
						    bool end)
{
	(void)end;
	return apply_all(f, headers, MUTATION_RESPONSE);
}

enum filter_status header_mutation_response_trailers(struct filter *f, struct headers *trailers)
{
	return apply_all(f, trailers, MUTATION_RESPONSE_TRAILERS);
}

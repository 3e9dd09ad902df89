#include "filters/cors/cors.h"

#include "telemetry/stats_filters.h"

static void find_policies(struct filter *f)
{
	const struct filter_config *configs[ROUTE_FILTER_CONFIGS_MAX];
	struct cors *own = f->state;
	unsigned count = filter_route_configs(f, configs);

	while (count--)
		if (configs[count]->config)
			own->policies[own->policy_count++] = configs[count]->config;
}

static bool is_on(struct filter *f, bool shadow)
{
	const struct cors *own = f->state;

	for (unsigned i = 0; i < own->policy_count; i++)
		if (fraction_takes(shadow ? own->policies[i]->shadow : own->policies[i]->enabled,
				   filter_random(f)))
			return true;
	return false;
}

/* The first policy that names origins decides. */
static bool is_allowed(const struct cors *own, struct slice origin)
{
	for (unsigned i = 0; i < own->policy_count; i++) {
		const struct cors_policy *policy = own->policies[i];
		for (uint32_t k = 0; k < policy->origin_count; k++)
			if (string_matcher_test(&policy->origins[k], SLICE("*")) ||
			    string_matcher_test(&policy->origins[k], origin))
				return true;
		if (policy->origin_count)
			return false;
	}
	return false;
}

static struct slice text_of(const struct cors *own, size_t offset)
{
	for (unsigned i = 0; i < own->policy_count; i++) {
		const struct slice *text = (const void *)((const char *)own->policies[i] + offset);
		if (text->len)
			return *text;
	}
	return (struct slice){0};
}

static bool answer_of(const struct cors *own, size_t offset, bool otherwise)
{
	for (unsigned i = 0; i < own->policy_count; i++) {
		uint8_t answer = *((const uint8_t *)own->policies[i] + offset);
		if (answer != CORS_UNSAID)
			return answer == CORS_YES;
	}
	return otherwise;
}

#define TEXT(own, member) text_of(own, offsetof(struct cors_policy, member))
#define ANSWER(own, member, otherwise)                                                             \
	answer_of(own, offsetof(struct cors_policy, member), otherwise)

static bool is_preflight(const struct headers *headers)
{
	const struct header *wanted = headers_find(headers, SLICE("access-control-request-method"));
	return slice_equal(headers_get(headers, HEADER_METHOD), SLICE("OPTIONS")) && wanted &&
	       wanted->value_len;
}

static enum filter_status answer(struct filter *f)
{
	filter_reply_with(f, REPLY_NONE, 200, -1, (struct slice){0}, SLICE("cors_response"));
	return FILTER_REPLIED;
}

static void count(struct filter *f, enum cors_stat id)
{
	const struct cors_config *config = filter_chain_config(f);
	stat_inc(filter_stats(f), config->stats, id);
}

enum filter_status cors_request_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct header *origin = headers_find(headers, SLICE("origin"));
	const struct header *network =
		headers_find(headers, SLICE("access-control-request-private-network"));
	struct cors *own = f->state;

	(void)end;
	if (!origin || !origin->value_len)
		return FILTER_CONTINUE;
	find_policies(f);
	bool is_enforced = is_on(f, false);
	if (!is_enforced && !is_on(f, true))
		return FILTER_CONTINUE;
	if (!is_allowed(own, header_value(origin))) {
		count(f, CORS_STAT_ORIGIN_INVALID);
		bool is_answered =
			is_enforced && is_preflight(headers) && !ANSWER(own, forwards_others, true);
		return is_answered ? answer(f) : FILTER_CONTINUE;
	}
	count(f, CORS_STAT_ORIGIN_VALID);
	if (!is_enforced)
		return FILTER_CONTINUE;
	own->origin = header_value(origin);
	own->is_preflight = is_preflight(headers);
	own->wants_private_network = network && slice_equal(header_value(network), SLICE("true"));
	return own->is_preflight ? answer(f) : FILTER_CONTINUE;
}

static void set(struct headers *headers, struct slice name, struct slice value)
{
	if (value.len)
		headers_set(headers, name, value);
}

enum filter_status cors_response_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct cors *own = f->state;

	(void)end;
	if (!own->origin.len)
		return FILTER_CONTINUE;
	set(headers, SLICE("access-control-allow-origin"), own->origin);
	if (ANSWER(own, credentials, false))
		set(headers, SLICE("access-control-allow-credentials"), SLICE("true"));
	if (own->is_preflight) {
		if (own->wants_private_network && ANSWER(own, private_network, false))
			set(headers, SLICE("access-control-allow-private-network"), SLICE("true"));
		set(headers, SLICE("access-control-allow-methods"), TEXT(own, methods));
		set(headers, SLICE("access-control-allow-headers"), TEXT(own, headers));
		set(headers, SLICE("access-control-max-age"), TEXT(own, max_age));
	}
	set(headers, SLICE("access-control-expose-headers"), TEXT(own, exposed));
	return FILTER_CONTINUE;
}

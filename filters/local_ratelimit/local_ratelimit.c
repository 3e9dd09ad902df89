#include "filters/local_ratelimit/local_ratelimit.h"

#include "base/hash.h"
#include "base/token_bucket_table.h"
#include "routing/route.h"
#include "routing/virtual_host.h"
#include "telemetry/stats_filters.h"

enum { DESCRIPTORS_MAX = 16 };

struct description {
	struct rate_limit_entry entries[RATE_LIMIT_ACTIONS_MAX];
	unsigned count;
	uint64_t hits;
};

static void count(struct filter *f, enum local_ratelimit_stat id)
{
	const struct local_ratelimit_config *config = f->config;
	stat_inc(filter_stats(f), config->stats, id);
}

/* --- what the route says of a request --- */

static unsigned describe(const struct rate_limits *limits, uint32_t stage,
			 const struct rate_limit_input *input, struct description *descriptions,
			 unsigned used)
{
	for (uint32_t i = 0; i < limits->count && used < DESCRIPTORS_MAX; i++) {
		struct description *d = &descriptions[used];
		if (limits->items[i].stage != stage ||
		    !rate_limit_describe(&limits->items[i], input, d->entries, &d->count))
			continue;
		d->hits = limits->items[i].hits;
		used++;
	}
	return used;
}

static bool wants_host_limits(const struct local_ratelimit_config *config,
			      const struct route_action *action)
{
	switch ((enum host_rate_limits)config->host_rate_limits) {
	case HOST_RATE_LIMITS_OVERRIDE:
		return action->includes_host_rate_limits;
	case HOST_RATE_LIMITS_INCLUDE:
		return true;
	case HOST_RATE_LIMITS_IGNORE:
		return action->rate_limits.count && action->includes_host_rate_limits;
	}
	return false;
}

static unsigned describe_request(struct filter *f, const struct headers *headers,
				 struct description *descriptions)
{
	const struct local_ratelimit_config *config = f->config;
	const struct route *route = filter_route(f);
	struct slice path = headers_get(headers, HEADER_PATH);
	size_t mark = slice_find_char(path, '?', 0);
	struct rate_limit_input input = {
		.headers = headers,
		.query = mark < path.len ? slice_sub(path, mark + 1, path.len) : (struct slice){0},
		.client = filter_info(f)->downstream_remote,
		.source_cluster = config->source_cluster,
		.destination_cluster = filter_cluster_name(f),
		.arena = filter_arena(f),
	};

	if (config->rate_limits.count)
		return describe(&config->rate_limits, config->stage, &input, descriptions, 0);
	if (!route || route->kind != ROUTE_FORWARD)
		return 0;
	const struct route_action *action = route->forward;
	unsigned used = describe(&action->rate_limits, config->stage, &input, descriptions, 0);
	if (wants_host_limits(config, action))
		used = describe(&route->virtual_host->rate_limits, config->stage, &input,
				descriptions, used);
	return used;
}

/* --- whose bucket is asked --- */

static bool is_of(const struct local_ratelimit_descriptor *descriptor, const struct description *d)
{
	if (descriptor->entry_count != d->count)
		return false;
	for (unsigned i = 0; i < d->count; i++) {
		const struct rate_limit_entry *entry = &descriptor->entries[i];
		if (!slice_equal(entry->key, d->entries[i].key) ||
		    (entry->value.len && !slice_equal(entry->value, d->entries[i].value)))
			return false;
	}
	return true;
}

/* The descriptor of a description: one that names all values goes before one that doesn't. */
static const struct local_ratelimit_descriptor *
find_descriptor(const struct local_ratelimit_config *config, const struct description *d)
{
	const struct local_ratelimit_descriptor *found = NULL;

	for (uint32_t i = 0; i < config->descriptor_count; i++) {
		const struct local_ratelimit_descriptor *descriptor = &config->descriptors[i];
		if (!is_of(descriptor, d))
			continue;
		if (!descriptor->has_any_value)
			return descriptor;
		if (!found)
			found = descriptor;
	}
	return found;
}

static struct token_bucket *bucket_of(struct filter *f,
				      const struct local_ratelimit_descriptor *descriptor,
				      const struct description *d)
{
	uint64_t key = 0;

	if (!descriptor->has_any_value)
		return descriptor->bucket;
	for (unsigned i = 0; i < d->count; i++)
		key = hash_combine(key, hash_bytes(d->entries[i].value));
	return token_bucket_table_get(descriptor->by_key, key, filter_now_ns(f));
}

struct match {
	const struct local_ratelimit_descriptor *descriptor;
	const struct description *description;
};

/* Descriptors are configured in the order in which they are to be asked. */
static void sort(struct match *matches, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && matches[k].descriptor < matches[k - 1].descriptor; k--) {
			struct match swapped = matches[k];
			matches[k] = matches[k - 1];
			matches[k - 1] = swapped;
		}
}

static bool take(struct filter *f, struct token_bucket *bucket, const struct bucket_limits *limits,
		 uint64_t hits)
{
	struct local_ratelimit *own = f->state;

	own->bucket = bucket;
	own->max_tokens = limits->max_tokens;
	return token_bucket_take(bucket, filter_now_ns(f), hits);
}

static bool take_default(struct filter *f, uint64_t hits)
{
	const struct local_ratelimit_config *config = f->config;
	return !config->bucket || take(f, config->bucket, &config->limits, hits);
}

static bool is_allowed(struct filter *f, const struct headers *headers)
{
	const struct local_ratelimit_config *config = f->config;
	struct local_ratelimit *own = f->state;
	struct description descriptions[DESCRIPTORS_MAX];
	struct match matches[DESCRIPTORS_MAX];
	unsigned n = 0;

	if (!config->descriptor_count)
		return take_default(f, 1);
	unsigned description_count = describe_request(f, headers, descriptions);
	for (unsigned i = 0; i < description_count; i++) {
		matches[n].descriptor = find_descriptor(config, &descriptions[i]);
		matches[n].description = &descriptions[i];
		n += matches[n].descriptor != NULL;
	}
	sort(matches, n);

	struct local_ratelimit first = {0};
	for (unsigned i = 0; i < n; i++) {
		const struct local_ratelimit_descriptor *descriptor = matches[i].descriptor;
		struct token_bucket *bucket = bucket_of(f, descriptor, matches[i].description);
		if (!take(f, bucket, &descriptor->limits, matches[i].description->hits)) {
			if (!descriptor->is_shadow)
				return false;
			count(f, LOCAL_RATELIMIT_STAT_SHADOW_MODE);
		}
		if (!i)
			first = *own;
	}
	if (n && !config->always_takes_default)
		return true;
	bool is_ok = take_default(f, 1);
	if (is_ok && n)
		*own = first;
	return is_ok;
}

/* --- the filter --- */

enum filter_status local_ratelimit_request_headers(struct filter *f, struct headers *headers,
						   bool end)
{
	const struct local_ratelimit_config *config = f->config;
	struct local_ratelimit *own = f->state;

	(void)end;
	if (!fraction_takes(config->enabled, filter_random(f)))
		return FILTER_CONTINUE;
	count(f, LOCAL_RATELIMIT_STAT_ENABLED);
	if (is_allowed(f, headers)) {
		count(f, LOCAL_RATELIMIT_STAT_OK);
		return FILTER_CONTINUE;
	}
	count(f, LOCAL_RATELIMIT_STAT_RATE_LIMITED);
	if (!fraction_takes(config->enforced, filter_random(f))) {
		header_mutations_apply(&config->over_headers, headers, filter_info(f));
		return FILTER_CONTINUE;
	}
	count(f, LOCAL_RATELIMIT_STAT_ENFORCED);
	own->is_refused = true;
	filter_reply_with(f, REPLY_RATE_LIMITED, config->status, config->grpc_status,
			  SLICE("local_rate_limited"), SLICE("local_rate_limited"));
	return FILTER_REPLIED;
}

static struct slice number(struct filter *f, uint64_t n)
{
	return slice_of(arena_printf(filter_arena(f), "%llu", (unsigned long long)n));
}

enum filter_status local_ratelimit_response_headers(struct filter *f, struct headers *headers,
						    bool end)
{
	const struct local_ratelimit_config *config = f->config;
	const struct local_ratelimit *own = f->state;

	(void)end;
	if (own->is_refused)
		header_mutations_apply(&config->reply_headers, headers, filter_info(f));
	if (!config->tells_limits || !own->bucket)
		return FILTER_CONTINUE;
	uint64_t now_ns = filter_now_ns(f);
	uint64_t wait_ns = token_bucket_wait_ns(own->bucket, now_ns, 1);
	headers_add(headers, SLICE("x-ratelimit-limit"), number(f, own->max_tokens));
	headers_add(headers, SLICE("x-ratelimit-remaining"),
		    number(f, token_bucket_tokens(own->bucket, now_ns)));
	headers_add(headers, SLICE("x-ratelimit-reset"),
		    number(f, (wait_ns + 999999999) / 1000000000));
	return FILTER_CONTINUE;
}

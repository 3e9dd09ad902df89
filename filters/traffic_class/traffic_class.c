#include "filters/traffic_class/traffic_class.h"

#include "filters/traffic_class/deferral.h"
#include "message/rpc_head.h"
#include "stream/worker_context.h"
#include "telemetry/stats.h"

static const struct traffic_class_config *config_of(const struct filter *f)
{
	return filter_chain_config(f);
}

static const struct traffic_class *class_of(const struct filter *f)
{
	const struct traffic_class_state *own = f->state;
	return &config_of(f)->classes[own->class];
}

/* --- the class --- */

/* False: no class has this name. */
static bool find_named(const struct traffic_class_config *config, struct slice name,
		       uint32_t *class)
{
	for (*class = 0; *class < config->class_count; ++*class)
		if (slice_equal(config->classes[*class].name, name))
			return true;
	return false;
}

static uint32_t find_class(const struct filter *f, const struct headers *headers)
{
	const struct traffic_class_config *config = config_of(f);
	const struct traffic_class_route *route = f->config;
	uint32_t class;

	if (route->class.len && find_named(config, route->class, &class))
		return class;
	if (route->class.len)
		stat_inc(filter_stats(f), config->stats, TRAFFIC_CLASS_STAT_UNKNOWN_CLASS);
	for (uint32_t i = 0; i < config->rule_count; i++)
		if (header_matches_test(&config->rules[i].headers, headers))
			return config->rules[i].class;
	return config->default_class;
}

/* --- the beginning --- */

void traffic_class_shed(struct filter *f)
{
	stat_inc(filter_stats(f), class_of(f)->stats, CLASS_STAT_SHED);
	filter_reply_with(f, REPLY_SHED, class_of(f)->shed_status, -1,
			  reply_reasons[REPLY_SHED].text, (struct slice){0});
}

/* Whoever comes first shows it. */
static void show_news(const struct filter *f)
{
	const struct traffic_class_config *config = config_of(f);
	uint32_t shed, let_in;

	if (LIKELY(!guard_take_news(config->guard, &shed, &let_in)))
		return;
	stat_gauge_add(filter_stats(f), config->stats, TRAFFIC_CLASS_STAT_SHED_CLASSES, shed);
	stat_gauge_sub(filter_stats(f), config->stats, TRAFFIC_CLASS_STAT_SHED_CLASSES, let_in);
}

static bool enter(struct filter *f)
{
	const struct traffic_class_config *config = config_of(f);
	struct traffic_class_state *own = f->state;
	bool is_let_in = guard_enter(config->guard, &config->limits, own->class, filter_now_ms(f));

	show_news(f);
	if (!is_let_in)
		return false;
	own->is_under_way = true;
	own->entered_ns = filter_now_ns(f);
	stat_gauge_inc(filter_stats(f), config->stats, TRAFFIC_CLASS_STAT_IN_FLIGHT);
	stat_inc(filter_stats(f), class_of(f)->stats, CLASS_STAT_ADMITTED);
	return true;
}

void traffic_class_open(struct filter *f)
{
	struct traffic_class_state *own = f->state;
	buf_init(&own->body, &filter_worker(f)->loop->pool);
}

enum filter_status traffic_class_request_headers(struct filter *f, struct headers *headers,
						 bool end)
{
	const struct traffic_class_config *config = config_of(f);
	const struct traffic_class_route *route = f->config;
	const struct rpc_head *rpc = headers->rpc;
	struct traffic_class_state *own = f->state;

	if (!config->class_count || route->is_disabled)
		return FILTER_CONTINUE;
	if (rpc && (rpc->is_event || rpc->kind == RPC_CALL_ECHO)) /* not the service's */
		return FILTER_CONTINUE;
	own->class = find_class(f, headers);
	if (LIKELY(enter(f)))
		return FILTER_CONTINUE;
	if (deferral_may_begin(f, headers))
		return deferral_begin(f, end);
	traffic_class_shed(f);
	return FILTER_REPLIED;
}

enum filter_status traffic_class_request_data(struct filter *f, struct buf *data, bool end)
{
	const struct traffic_class_state *own = f->state;
	return own->is_deferring ? deferral_data(f, data, end) : FILTER_CONTINUE;
}

enum filter_status traffic_class_request_trailers(struct filter *f, struct headers *trailers)
{
	const struct traffic_class_state *own = f->state;

	(void)trailers; /* what is kept goes without */
	return own->is_deferring ? deferral_trailers(f) : FILTER_CONTINUE;
}

/* --- the answer, and the end --- */

/* What fails, fails quickly, and what some filter answers says nothing of the upstream. */
static bool tells_time(const struct filter *f, const struct headers *headers)
{
	unsigned status = headers_status(headers);

	return filter_info(f)->upstream_remote && status >= 200 && status < 400;
}

enum filter_status traffic_class_response_headers(struct filter *f, struct headers *headers,
						  bool end)
{
	const struct traffic_class_state *own = f->state;

	(void)end;
	if (own->is_under_way && tells_time(f, headers))
		guard_answered(config_of(f)->guard, (filter_now_ns(f) - own->entered_ns) / 1000);
	if (!own->is_deferred || headers->rpc)
		return FILTER_CONTINUE;
	headers_set(headers, config_of(f)->spool->key_header, own->key);
	if (class_of(f)->deferral->content_type.len)
		headers_set_id(headers, HEADER_CONTENT_TYPE, class_of(f)->deferral->content_type);
	return FILTER_CONTINUE;
}

void traffic_class_close(struct filter *f)
{
	struct traffic_class_state *own = f->state;

	if (own->is_deferring)
		deferral_end(f);
	if (!own->is_under_way)
		return;
	guard_leave(config_of(f)->guard);
	stat_gauge_dec(filter_stats(f), config_of(f)->stats, TRAFFIC_CLASS_STAT_IN_FLIGHT);
}

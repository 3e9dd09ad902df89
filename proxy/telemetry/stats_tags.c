#include "telemetry/stats_tags.h"

#include <stdio.h>

#include "base/regex.h"

/* In the order in which they are shown. */
#define TAG_TABLE(X)                                                                               \
	X(CODE, "envoy_response_code")                                                             \
	X(CODE_CLASS, "envoy_response_code_class")                                                 \
	X(CIPHER, "envoy_ssl_cipher")                                                              \
	X(TLS_VERSION, "envoy_ssl_version")                                                        \
	X(CERTIFICATE, "envoy_tls_certificate")                                                    \
	X(WORKER, "envoy_worker_id")                                                               \
	X(VIRTUAL_CLUSTER, "envoy_virtual_cluster")                                                \
	X(HTTP, "envoy_http_conn_manager_prefix")                                                  \
	X(VIRTUAL_HOST, "envoy_virtual_host")                                                      \
	X(ROUTE, "envoy_route")                                                                    \
	X(LISTENER, "envoy_listener_address")                                                      \
	X(RDS, "envoy_rds_route_config")                                                           \
	X(CLUSTER, "envoy_cluster_name")                                                           \
	X(ENDPOINT, "envoy_endpoint_address")                                                      \
	X(TCP, "envoy_tcp_prefix")                                                                 \
	X(CONNECTION_LIMIT, "envoy_connection_limit_prefix")                                       \
	X(NETWORK_RATELIMIT, "envoy_local_network_ratelimit_prefix")                               \
	X(HTTP_RATELIMIT, "envoy_local_http_ratelimit_prefix")                                     \
	X(RBAC, "envoy_rbac_prefix")                                                               \
	X(SDS, "envoy_xds_resource_name")                                                          \
	X(SENTINEL_APPLICATION, "outrigger_sentinel_application")                                  \
	X(SENTINEL_RESOURCE, "outrigger_sentinel_resource")                                        \
	X(SENTINEL_RULE, "outrigger_sentinel_rule")                                                \
	X(SENTINEL_FLOW, "outrigger_sentinel_flow_id")

enum tag {
#define TAG_ENUM(id, text) TAG_##id,
	TAG_TABLE(TAG_ENUM)
#undef TAG_ENUM
};

static const struct slice tag_names[] = {
#define TAG_NAME(id, text) [TAG_##id] = {text, sizeof text - 1},
	TAG_TABLE(TAG_NAME)
#undef TAG_NAME
};

/* A prefix, with '$' for the value of the next tag and '*' for anything. The longest value is taken
 * that lets the rest match, so put what has more text first. */
struct rule {
	const char *pattern;
	enum tag tags[3];
};

static const struct rule rules[] = {
	{"cluster.$.endpoint.$.", {TAG_CLUSTER, TAG_ENDPOINT}},
	{"cluster.$.zone.*.", {TAG_CLUSTER}},
	{"cluster.$.external.", {TAG_CLUSTER}},
	{"cluster.$.internal.", {TAG_CLUSTER}},
	{"cluster.$.canary.", {TAG_CLUSTER}},
	{"cluster.$.retry.", {TAG_CLUSTER}},
	{"cluster.$.outlier_detection.", {TAG_CLUSTER}},
	{"cluster.$.health_check.", {TAG_CLUSTER}},
	{"cluster.$.circuit_breakers.default.", {TAG_CLUSTER}},
	{"cluster.$.circuit_breakers.high.", {TAG_CLUSTER}},
	{"cluster.$.ext_authz.", {TAG_CLUSTER}},
	{"cluster.$.client_ssl_socket_factory.", {TAG_CLUSTER}},
	{"cluster.$.ssl.", {TAG_CLUSTER}},
	{"cluster.$.http1.", {TAG_CLUSTER}},
	{"cluster.$.http2.", {TAG_CLUSTER}},
	{"cluster.$.", {TAG_CLUSTER}},
	{"http.$.rds.$.", {TAG_HTTP, TAG_RDS}},
	{"http.$.tracing.", {TAG_HTTP}},
	{"http.$.fault.", {TAG_HTTP}},
	{"http.$.cors.", {TAG_HTTP}},
	{"http.$.rbac.", {TAG_HTTP}},
	{"http.$.ext_authz.", {TAG_HTTP}},
	{"http.$.health_check.", {TAG_HTTP}},
	{"http.$.lua.", {TAG_HTTP}},
	{"http.$.", {TAG_HTTP}},
	{"listener.admin.http.$.", {TAG_HTTP}},
	{"listener.admin.", {TAG_LISTENER}},
	{"listener.admin.*", {TAG_LISTENER}},
	{"listener.$.http.$.", {TAG_LISTENER, TAG_HTTP}},
	{"listener.$.worker_$.", {TAG_LISTENER, TAG_WORKER}},
	{"listener.$.ssl.certificate.$.", {TAG_LISTENER, TAG_CERTIFICATE}},
	{"listener.$.ssl.", {TAG_LISTENER}},
	{"listener.$.server_ssl_socket_factory.", {TAG_LISTENER}},
	{"listener.$.", {TAG_LISTENER}},
	{"server.worker_$.", {TAG_WORKER}},
	{"thread_local_cluster_manager.worker_$.", {TAG_WORKER}},
	{"vhost.$.vcluster.$.", {TAG_VIRTUAL_HOST, TAG_VIRTUAL_CLUSTER}},
	{"vhost.$.route.$.", {TAG_VIRTUAL_HOST, TAG_ROUTE}},
	{"sentinel.$.resource.$.", {TAG_SENTINEL_APPLICATION, TAG_SENTINEL_RESOURCE}},
	{"sentinel.$.rule.$.$.",
	 {TAG_SENTINEL_APPLICATION, TAG_SENTINEL_RESOURCE, TAG_SENTINEL_RULE}},
	{"sentinel.$.token_server.flow.$.", {TAG_SENTINEL_APPLICATION, TAG_SENTINEL_FLOW}},
	{"sentinel.$.token_server.param.$.", {TAG_SENTINEL_APPLICATION, TAG_SENTINEL_FLOW}},
	{"sentinel.$.token_server.", {TAG_SENTINEL_APPLICATION}},
	{"sentinel.$.", {TAG_SENTINEL_APPLICATION}},
	{"tcp.$.", {TAG_TCP}},
	{"connection_limit.$.", {TAG_CONNECTION_LIMIT}},
	{"local_rate_limit.$.", {TAG_NETWORK_RATELIMIT}},
	{"$.http_local_rate_limit.", {TAG_HTTP_RATELIMIT}},
	{"$.rbac.", {TAG_RBAC}},
	{"sds.$.", {TAG_SDS}},
};

/* Matches text against the pattern; values[] gets what stands for each '$'. */
static bool matches(const char *pattern, struct slice text, struct slice *values)
{
	for (; *pattern && *pattern != '$' && *pattern != '*'; pattern++) {
		if (!text.len || text.data[0] != *pattern)
			return false;
		text = slice_sub(text, 1, text.len);
	}
	if (!*pattern)
		return !text.len;
	bool is_value = *pattern == '$';
	for (size_t len = text.len; len; len--) {
		if (!matches(pattern + 1, slice_sub(text, len, text.len), values + is_value))
			continue;
		if (is_value)
			values[0] = slice_sub(text, 0, len);
		return true;
	}
	return false;
}

/* What is being found out about a name. */
struct finding {
	struct stat_tags *tags;
	uint32_t wanted; /* default tags, by bit */
	struct arena *arena;
	struct slice name;
	char *is_cut; /* a byte for each of the name: it is no part of the metric */
};

static void cut(struct finding *f, size_t from, size_t len)
{
	for (size_t i = from; i < from + len && i < f->name.len; i++)
		f->is_cut[i] = 1;
}

/* Of two of one name the last counts (the configuration's own): nobody takes a label twice. */
static void add_tag(struct finding *f, struct slice name, struct slice value, unsigned order)
{
	struct stat_tags *tags = f->tags;
	for (unsigned i = 0; i < tags->count; i++) {
		if (slice_equal(tags->tags[i].name, name)) {
			tags->tags[i].value = value;
			return;
		}
	}
	if (tags->count == STAT_TAGS_MAX)
		return;
	unsigned at = tags->count++;
	for (; at && tags->tags[at - 1].order > order; at--)
		tags->tags[at] = tags->tags[at - 1];
	tags->tags[at] = (struct stat_tag){name, value, order};
}

/* A default tag, and what it takes out of the name: nothing if it isn't wanted. */
static void add_known(struct finding *f, enum tag tag, struct slice value, size_t from, size_t len)
{
	if (!(f->wanted >> tag & 1))
		return;
	cut(f, from, len);
	add_tag(f, tag_names[tag], value, tag);
}

/* "127.0.0.1_80" stands for "127.0.0.1:80". */
static struct slice endpoint_address(struct slice value, struct arena *arena)
{
	char *copy = arena_string(arena, value);
	char *last = strrchr(copy, '_');
	if (last)
		*last = ':';
	return slice_make(copy, value.len);
}

/* The values in the prefix, each cut with the dot behind it. */
static void find_in_prefix(struct finding *f, size_t prefix_len)
{
	struct slice prefix = slice_sub(f->name, 0, prefix_len);
	for (unsigned i = 0; i < COUNT_OF(rules); i++) {
		struct slice values[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
		if (!matches(rules[i].pattern, prefix, values))
			continue;
		for (unsigned v = 0; v < 3 && values[v].data; v++) {
			enum tag tag = rules[i].tags[v];
			add_known(f, tag,
				  tag == TAG_ENDPOINT ? endpoint_address(values[v], f->arena)
						      : values[v],
				  (size_t)(values[v].data - prefix.data), values[v].len + 1);
		}
		return;
	}
}

static bool is_class(struct slice text)
{
	return text.len >= 7 && slice_ends_with(text, SLICE("xx")) &&
	       text.data[text.len - 3] >= '1' && text.data[text.len - 3] <= '5' &&
	       slice_ends_with(slice_sub(text, 0, text.len - 3), SLICE("_rq_"));
}

/* "rq_503" becomes rq and 503, "rq_2xx" rq_xx and 2, "ciphers.X" ciphers and X. */
static void find_in_name(struct finding *f, size_t prefix_len, unsigned code)
{
	struct slice text = slice_sub(f->name, prefix_len, f->name.len);
	struct slice ciphers = SLICE("ciphers."), versions = SLICE("versions.TLS");
	if (code) {
		add_known(f, TAG_CODE, slice_sub(text, text.len - 3, text.len), f->name.len - 4, 4);
	} else if (is_class(text)) {
		add_known(f, TAG_CODE_CLASS, slice_sub(text, text.len - 3, text.len - 2),
			  f->name.len - 3, 1);
	} else if (slice_starts_with(text, ciphers) || slice_starts_with(text, versions)) {
		size_t dot = slice_find_char(text, '.', 0);
		add_known(f, slice_starts_with(text, ciphers) ? TAG_CIPHER : TAG_TLS_VERSION,
			  slice_sub(text, dot + 1, text.len), prefix_len + dot, text.len - dot);
	}
}

static void find_configured(struct finding *f, const struct stats_settings *settings)
{
	for (unsigned i = 0; i < settings->tag_count; i++) {
		const struct stats_tag_rule *rule = &settings->tags[i];
		struct slice groups[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
		if (!rule->regex) {
			add_tag(f, rule->name, rule->fixed, 1000 + i);
			continue;
		}
		if (regex_find(rule->regex, f->name, groups, 3) || !groups[1].data)
			continue;
		cut(f, (size_t)(groups[1].data - f->name.data), groups[1].len);
		add_tag(f, rule->name, groups[2].data ? groups[2] : groups[1], 1000 + i);
	}
}

uint32_t stat_default_tag(struct slice label)
{
	_Static_assert(COUNT_OF(tag_names) <= 32, "a bit each");

	for (unsigned i = 0; i < COUNT_OF(tag_names); i++)
		if (slice_equal(label, tag_names[i]))
			return UINT32_C(1) << i;
	return 0;
}

struct slice stat_full_name(const struct stat_sample *sample, struct arena *arena)
{
	char *name = arena_alloc(arena, sample->prefix.len + sample->name.len + 4);
	size_t len = sample->prefix.len;
	if (len)
		memcpy(name, sample->prefix.data, len);
	memcpy(name + len, sample->name.data, sample->name.len);
	len += sample->name.len;
	if (sample->code)
		len += (size_t)snprintf(name + len, 4, "%u", sample->code % 1000);
	return slice_make(name, len);
}

void stat_tags_extract(const struct stat_sample *sample, struct slice name,
		       const struct stats_settings *settings, struct arena *arena,
		       struct stat_tags *tags)
{
	struct finding f = {tags, settings ? settings->default_tags : UINT32_MAX, arena, name,
			    arena_zalloc(arena, name.len + 1)};
	tags->count = 0;
	find_in_prefix(&f, sample->prefix.len);
	find_in_name(&f, sample->prefix.len, sample->code);
	if (settings)
		find_configured(&f, settings);
	char *metric = arena_alloc(arena, name.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < name.len; i++)
		if (!f.is_cut[i])
			metric[len++] = name.data[i];
	tags->metric = slice_make(metric, len);
}

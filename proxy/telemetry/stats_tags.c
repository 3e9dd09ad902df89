#include "telemetry/stats_tags.h"

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
	X(SDS, "envoy_xds_resource_name")

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
	enum tag tags[2];
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

static void add_tag(struct stat_tags *tags, enum tag tag, struct slice value)
{
	unsigned at = tags->count++;
	for (; at && tags->tags[at - 1].order > tag; at--)
		tags->tags[at] = tags->tags[at - 1];
	tags->tags[at] = (struct stat_tag){tag_names[tag], value, tag};
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

/* A metric's name while it is put together, in room for all of the stat's name. */
struct name {
	char *data;
	size_t len;
};

static void append(struct name *name, struct slice s)
{
	if (s.len)
		memcpy(name->data + name->len, s.data, s.len);
	name->len += s.len;
}

/* Appends the prefix without the values, each with the dot behind it. */
static void append_without(struct name *name, struct slice prefix, const struct slice *values,
			   unsigned count)
{
	size_t from = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t at = (size_t)(values[i].data - prefix.data);
		append(name, slice_sub(prefix, from, at));
		from = at + values[i].len + 1;
	}
	append(name, slice_sub(prefix, from, prefix.len));
}

static void extract_prefix(const struct stat_sample *sample, struct arena *arena,
			   struct stat_tags *tags, struct name *name)
{
	for (unsigned i = 0; i < COUNT_OF(rules); i++) {
		struct slice values[2] = {{NULL, 0}, {NULL, 0}};
		if (!matches(rules[i].pattern, sample->prefix, values))
			continue;
		unsigned count = 0;
		for (; count < 2 && values[count].data; count++) {
			enum tag tag = rules[i].tags[count];
			add_tag(tags, tag,
				tag == TAG_ENDPOINT ? endpoint_address(values[count], arena)
						    : values[count]);
		}
		append_without(name, sample->prefix, values, count);
		return;
	}
	append(name, sample->prefix);
}

/* "rq_2xx" becomes rq_xx and the class 2; "ciphers.X" ciphers and X. */
static void extract_name(struct slice text, struct stat_tags *tags, struct name *name)
{
	struct slice ciphers = SLICE("ciphers."), versions = SLICE("versions.TLS");
	size_t dot = slice_find_char(text, '.', 0);
	if (text.len >= 7 && slice_ends_with(text, SLICE("xx")) && text.data[text.len - 3] >= '1' &&
	    text.data[text.len - 3] <= '5' &&
	    slice_ends_with(slice_sub(text, 0, text.len - 3), SLICE("_rq_"))) {
		add_tag(tags, TAG_CODE_CLASS, slice_sub(text, text.len - 3, text.len - 2));
		append(name, slice_sub(text, 0, text.len - 3));
		append(name, SLICE("xx"));
	} else if (slice_starts_with(text, ciphers) || slice_starts_with(text, versions)) {
		add_tag(tags, slice_starts_with(text, ciphers) ? TAG_CIPHER : TAG_TLS_VERSION,
			slice_sub(text, dot + 1, text.len));
		append(name, slice_sub(text, 0, dot));
	} else {
		append(name, text);
	}
}

void stat_tags_extract(const struct stat_sample *sample, struct arena *arena,
		       struct stat_tags *tags)
{
	struct name name = {.data = arena_alloc(arena, sample->prefix.len + sample->name.len + 1)};
	*tags = (struct stat_tags){.count = 0};
	extract_prefix(sample, arena, tags, &name);
	if (sample->code) { /* "upstream_rq_" and the code */
		char *code = arena_printf(arena, "%u", sample->code);
		add_tag(tags, TAG_CODE, slice_of(code));
		append(&name, slice_sub(sample->name, 0, sample->name.len - 1));
	} else {
		extract_name(sample->name, tags, &name);
	}
	tags->metric = slice_make(name.data, name.len);
}

#include "manager/http_manager.h"
#include "manager/route_find.h"
#include "message/authority.h"
#include "message/path.h"
#include "message/uuid.h"
#include "routing/table.h"
#include "stream/reply.h"
#include "telemetry/stats_http.h"

static void count(struct stream *s, unsigned id)
{
	stat_inc(s->worker->stats, http_manager_of(s->session)->stats, id);
}

static bool refuse(struct stream *s, enum reply_reason reason)
{
	reply_send_reason(s, reason, (struct slice){0});
	return false;
}

/* --- where the request comes from --- */

static bool is_internal(const struct http_manager *manager, const struct addr *addr)
{
	for (unsigned i = 0; i < manager->internal_range_count; i++)
		if (addr_in_range(addr, &manager->internal_ranges[i]))
			return true;
	return false;
}

/* The address `skip` entries from the end of x-forwarded-for. False if there is none, or no
 * address. */
static bool forwarded_address(struct slice xff, unsigned skip, struct addr *addr, bool *is_only)
{
	size_t end = xff.len;

	*is_only = !memchr(xff.data, ',', xff.len);
	for (;;) {
		size_t start = end;
		while (start && xff.data[start - 1] != ',')
			start--;
		if (!skip--) {
			struct slice ip = slice_trim(slice_sub(xff, start, end));
			return !addr_parse_ip(ip, 0, addr);
		}
		if (!start)
			return false;
		end = start - 1;
	}
}

/* A peer on this host is known to others by the host's own address. */
static const struct addr *visible_remote(const struct stream *s)
{
	const struct addr *host = &http_manager_of(s->session)->host_address;
	const struct addr *remote = s->info.downstream_direct_remote;

	return addr_is_loopback(remote) && host->family == remote->family ? host : remote;
}

static void append_xff(struct stream *s, struct headers *headers)
{
	struct slice old = headers_get(headers, HEADER_X_FORWARDED_FOR);
	char *text = arena_alloc(&s->arena, old.len + 2 + ADDR_TEXT_MAX);
	size_t len = 0;

	if (old.len) {
		memcpy(text, old.data, old.len);
		text[old.len] = ',';
		len = old.len + 1;
	}
	len += addr_format_ip(visible_remote(s), text + len);
	headers_set_id(headers, HEADER_X_FORWARDED_FOR, slice_make(text, len));
}

static void set_remote(struct stream *s, const struct addr *addr)
{
	struct addr *copy = arena_alloc(&s->arena, sizeof *copy);
	*copy = *addr;
	s->info.downstream_remote = copy;
}

/* Finds the client's address and says whether the request is internal. */
static bool detect_origin(struct stream *s, struct headers *headers)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct slice xff = headers_get(headers, HEADER_X_FORWARDED_FOR);
	struct addr addr;
	bool is_only = !xff.data;

	if (manager->uses_remote_address) {
		if (manager->trusted_hops && xff.data &&
		    forwarded_address(xff, manager->trusted_hops - 1, &addr, &is_only))
			set_remote(s, &addr);
		if (!manager->skips_xff_append &&
		    s->info.downstream_direct_remote->family != ADDR_UNIX)
			append_xff(s, headers);
		if (!headers_has(headers, HEADER_X_FORWARDED_PROTO) || !manager->trusted_hops)
			headers_set_id(headers, HEADER_X_FORWARDED_PROTO, SLICE("http"));
	} else {
		if (xff.data && forwarded_address(xff, manager->trusted_hops, &addr, &is_only))
			set_remote(s, &addr);
		if (!headers_has(headers, HEADER_X_FORWARDED_PROTO))
			headers_add_id(headers, HEADER_X_FORWARDED_PROTO, SLICE("http"));
	}
	return is_only && manager->internal_range_count &&
	       is_internal(manager, s->info.downstream_remote);
}

#define NAME_BITS(word, a, b, c, d, e)                                                             \
	(HEADER_ID_BIT(a, word) | HEADER_ID_BIT(b, word) | HEADER_ID_BIT(c, word) |                \
	 HEADER_ID_BIT(d, word) | HEADER_ID_BIT(e, word))
#define EDGE_NAMES(word)                                                                           \
	NAME_BITS(word, HEADER_X_ENVOY_DECORATOR_OPERATION,                                        \
		  HEADER_X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER,                                       \
		  HEADER_X_ENVOY_DOWNSTREAM_SERVICE_NODE, HEADER_X_ENVOY_DOWNSTREAM_SERVICE_NODE,  \
		  HEADER_X_ENVOY_DOWNSTREAM_SERVICE_NODE)
#define INTERNAL_NAMES(word)                                                                       \
	NAME_BITS(word, HEADER_X_ENVOY_INTERNAL, HEADER_X_ENVOY_RETRIABLE_STATUS_CODES,            \
		  HEADER_X_ENVOY_RETRIABLE_HEADER_NAMES, HEADER_X_ENVOY_RETRY_ON,                  \
		  HEADER_X_ENVOY_RETRY_GRPC_ON) |                                                  \
		NAME_BITS(word, HEADER_X_ENVOY_MAX_RETRIES, HEADER_X_ENVOY_UPSTREAM_ALT_STAT_NAME, \
			  HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS,                                   \
			  HEADER_X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS,                           \
			  HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE) |                       \
		NAME_BITS(word, HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, HEADER_X_ENVOY_FORCE_TRACE, \
			  HEADER_X_ENVOY_IP_TAGS, HEADER_X_ENVOY_ORIGINAL_PATH,                    \
			  HEADER_X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT)

static const struct header_ids edge_names = {{EDGE_NAMES(0), EDGE_NAMES(1)}};
static const struct header_ids internal_names = {{INTERNAL_NAMES(0), INTERNAL_NAMES(1)}};

static void remove_names(struct headers *headers, const struct header_ids *names)
{
	for (unsigned word = 0; word < 2; word++)
		for (uint64_t found; (found = headers->present[word] & names->words[word]);)
			headers_remove_id(
				headers,
				(enum header_id)(word * 64 + (unsigned)__builtin_ctzll(found)));
}

/* What only the mesh itself may say. */
static void remove_internal(struct headers *headers, bool is_edge)
{
	if (is_edge && UNLIKELY(headers_has_any(headers, &edge_names)))
		remove_names(headers, &edge_names);
	if (UNLIKELY(headers_has_any(headers, &internal_names)))
		remove_names(headers, &internal_names);
}

/* What the table says that only the mesh may say. */
static void remove_internal_only(const struct route_table *routes, struct headers *headers)
{
	for (uint32_t i = 0; i < routes->internal_only_header_count; i++)
		headers_remove(headers, routes->internal_only_headers[i]);
}

static void set_external_address(struct stream *s, struct headers *headers)
{
	char *text = arena_alloc(&s->arena, ADDR_TEXT_MAX);
	size_t len = addr_format_ip(s->info.downstream_remote, text);
	headers_set_id(headers, HEADER_X_ENVOY_EXTERNAL_ADDRESS, slice_make(text, len));
}

static void set_forwarded_port(struct stream *s, struct headers *headers)
{
	headers_set_id(headers, HEADER_X_FORWARDED_PORT,
		       arena_number(&s->arena, s->info.downstream_local->port));
}

static void add_user_agent(const struct http_manager *manager, struct headers *headers)
{
	headers_set_id(headers, HEADER_X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER,
		       manager->service_cluster);
	if (!headers_has(headers, HEADER_USER_AGENT))
		headers_add_id(headers, HEADER_USER_AGENT, manager->service_cluster);
	if (manager->service_node.len)
		headers_set_id(headers, HEADER_X_ENVOY_DOWNSTREAM_SERVICE_NODE,
			       manager->service_node);
}

static void set_request_id(struct stream *s, struct headers *headers, bool is_edge)
{
	const struct http_manager *manager = http_manager_of(s->session);

	if (!manager->generates_request_id)
		return;
	if (headers_has(headers, HEADER_X_REQUEST_ID) &&
	    !(is_edge && !manager->keeps_external_request_id))
		return;
	char *text = arena_alloc(&s->arena, UUID_LEN);
	uuid_make(&s->worker->random, text);
	headers_set_id(headers, HEADER_X_REQUEST_ID, slice_make(text, UUID_LEN));
}

/* What only some managers add: manager->adds_own_headers. */
static void add_own(struct stream *s, struct headers *headers)
{
	const struct http_manager *manager = http_manager_of(s->session);

	if (manager->appends_forwarded_port)
		set_forwarded_port(s, headers);
	if (manager->adds_user_agent)
		add_user_agent(manager, headers);
	if (manager->via.len)
		http_add_via(s, headers);
}

/* x-forwarded-*, x-envoy-*, x-request-id: as Envoy's connection manager does. */
static void set_origin_headers(struct stream *s, struct headers *headers)
{
	const struct http_manager *manager = http_manager_of(s->session);
	bool is_request_internal = detect_origin(s, headers);
	bool is_edge = manager->uses_remote_address && !is_request_internal;

	if (is_request_internal) {
		headers_set_id(headers, HEADER_X_ENVOY_INTERNAL, SLICE("true"));
	} else {
		remove_internal(headers, is_edge);
		if (s->routes && UNLIKELY(s->routes->internal_only_header_count))
			remove_internal_only(s->routes, headers);
		if (is_edge)
			set_external_address(s, headers);
	}
	if (!manager->forwards_client_cert) /* no certificate was seen here */
		headers_remove_id(headers, HEADER_X_FORWARDED_CLIENT_CERT);
	set_request_id(s, headers, is_edge);
	if (UNLIKELY(manager->adds_own_headers))
		add_own(s, headers);
}

/* --- path and host --- */

static bool redirect_to(struct stream *s, struct slice path)
{
	count(s, HTTP_STAT_DOWNSTREAM_RQ_REDIRECTED_WITH_NORMALIZED_PATH);
	s->redirect_location = path;
	reply_send_details(s,
			   &(struct local_reply){.reason = REPLY_DIRECT_RESPONSE,
						 .http_status = 307,
						 .grpc_status = -1},
			   SLICE("path_normalization_failed"));
	return false;
}

static bool normalize_path(struct stream *s, struct headers *headers)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct slice path = headers_get(headers, HEADER_PATH);
	struct slice result = path;

	if (memchr(path.data, '#', path.len)) {
		s->session->codec->must_close = true;
		return refuse(s, REPLY_PATH_NORMALIZATION);
	}
	if (!manager->normalizes_path)
		return true;
	switch (path_normalize(path, &manager->path, &s->arena, &result)) {
	case PATH_OK:
		break;
	case PATH_REJECTED:
		count(s, HTTP_STAT_DOWNSTREAM_RQ_FAILED_PATH_NORMALIZATION);
		return refuse(s, REPLY_PATH_NORMALIZATION);
	case PATH_REDIRECT:
		return redirect_to(s, result);
	}
	if (result.data != path.data || result.len != path.len)
		headers_set_id(headers, HEADER_PATH, result);
	return true;
}

static void strip_host(struct stream *s, struct headers *headers)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct slice host = headers_get(headers, HEADER_AUTHORITY);
	struct slice stripped = host;

	if (manager->strips_any_port)
		stripped = authority_host(stripped);
	if (manager->strips_matching_port)
		stripped = authority_strip_port(stripped, s->info.downstream_local->port);
	if (manager->strips_trailing_dot)
		stripped = authority_strip_dot(stripped, &s->arena);
	if (stripped.data != host.data || stripped.len != host.len)
		headers_set_id(headers, HEADER_AUTHORITY, stripped);
}

/* --- upgrades --- */

static const struct http_upgrade *find_upgrade(const struct http_manager *manager,
					       struct slice type)
{
	for (unsigned i = 0; i < manager->upgrade_count; i++)
		if (slice_equal_nocase(manager->upgrades[i].type, type))
			return &manager->upgrades[i];
	return NULL;
}

/* Whether the route says otherwise than the listener. */
static bool is_upgrade_allowed(struct stream *s, struct slice type)
{
	const struct http_upgrade *upgrade = find_upgrade(http_manager_of(s->session), type);
	bool is_allowed = upgrade && upgrade->is_enabled;
	const struct route *route = s->route;

	if (!route || route->kind != ROUTE_FORWARD)
		return is_allowed;
	for (uint32_t i = 0; i < route->forward->upgrade_count; i++)
		if (slice_equal_nocase(route->forward->upgrades[i].type, type))
			is_allowed = route->forward->upgrades[i].is_enabled;
	return is_allowed;
}

static bool check_upgrade(struct stream *s, struct headers *headers, bool is_connect)
{
	struct slice type = is_connect ? SLICE("CONNECT") : headers_get(headers, HEADER_UPGRADE);

	if (!type.len)
		return true;
	if (!is_upgrade_allowed(s, type)) {
		count(s, HTTP_STAT_DOWNSTREAM_RQ_WS_ON_NON_WS_ROUTE);
		return refuse(s, REPLY_UPGRADE_FAILED);
	}
	s->info.is_upgrade = true;
	stat_gauge_inc(s->worker->stats, http_manager_of(s->session)->stats,
		       HTTP_STAT_DOWNSTREAM_CX_UPGRADES_ACTIVE);
	count(s, HTTP_STAT_DOWNSTREAM_CX_UPGRADES_TOTAL);
	stream_limit_stop(s, STREAM_LIMIT_REQUEST);
	return true;
}

/* --- all of it --- */

static void start_limits(struct stream *s, bool end)
{
	const struct http_manager *manager = http_manager_of(s->session);

	if (manager->request_timeout_ms && !end)
		stream_limit_start(s, STREAM_LIMIT_REQUEST, manager->request_timeout_ms);
	if (manager->max_stream_duration_ms)
		stream_limit_start(s, STREAM_LIMIT_DURATION, manager->max_stream_duration_ms);
}

static void answer_expect(struct stream *s, struct headers *headers)
{
	if (!slice_equal_nocase(headers_get(headers, HEADER_EXPECT), SLICE("100-continue")) ||
	    http_manager_of(s->session)->proxies_100_continue)
		return;
	struct headers *informational = ARENA_NEW(&s->arena, struct headers);
	headers_init(informational, &s->arena, 2);
	headers_add_id(informational, HEADER_STATUS, SLICE("100"));
	stream_response_informational(s, informational);
	headers_remove_id(headers, HEADER_EXPECT);
}

static bool check_target(struct stream *s, struct headers *headers, bool is_connect)
{
	struct slice path = headers_get(headers, HEADER_PATH);

	if (!headers_has(headers, HEADER_AUTHORITY))
		return refuse(s, REPLY_MISSING_HOST);
	if (is_connect)
		return true;
	if (!path.len || path.data[0] != '/') {
		count(s, HTTP_STAT_DOWNSTREAM_RQ_NON_RELATIVE_PATH);
		return refuse(s, REPLY_ABSOLUTE_PATH);
	}
	return normalize_path(s, headers);
}

bool http_prepare_request(struct stream *s, bool end)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct stats_shard *shard = s->worker->stats;
	struct headers *headers = s->request;
	bool is_connect = slice_equal(headers_get(headers, HEADER_METHOD), SLICE("CONNECT"));

	stat_inc(shard, manager->stats, HTTP_STAT_DOWNSTREAM_RQ_TOTAL);
	stat_inc(shard, manager->stats, HTTP_STAT_DOWNSTREAM_RQ_HTTP1_TOTAL);
	stat_gauge_inc(shard, manager->stats, HTTP_STAT_DOWNSTREAM_RQ_ACTIVE);
	start_limits(s, end);
	if (UNLIKELY(headers_has(headers, HEADER_EXPECT)))
		answer_expect(s, headers);
	if (!check_target(s, headers, is_connect))
		return false;
	if (manager->strips_host)
		strip_host(s, headers);
	route_find_table(s, manager->routes, manager->routes_slot);
	set_origin_headers(s, headers);
	http_find_route(s);
	return LIKELY(!is_connect && !headers_has(headers, HEADER_UPGRADE)) ||
	       check_upgrade(s, headers, is_connect);
}

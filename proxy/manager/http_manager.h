/* envoy.filters.network.http_connection_manager: what is configured, and the session that serves by
 * it.
 *
 *   accept ─> http_session.c: session + HTTP/1 codec
 *   request head ─> http_request.c: checks, x-forwarded-*, request id
 *   answer head ──> http_response.c: server, date, via, connection
 *
 * Owner: the configuration is the listener's; sessions their worker's. Thread: the worker's.
 * Times are milliseconds, 0 means none. Source: Envoy's HttpConnectionManager message and
 * documentation. */
#ifndef MANAGER_HTTP_MANAGER_H
#define MANAGER_HTTP_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "codec/http1.h"
#include "message/path.h"
#include "net/conn_filter.h"
#include "stream/session.h"

struct access_log;
struct local_replies;
struct route_table;
struct stat_scope;

enum server_header {
	SERVER_HEADER_OVERWRITE,
	SERVER_HEADER_APPEND_IF_ABSENT,
	SERVER_HEADER_PASS_THROUGH,
};

struct http_upgrade {
	struct slice type; /* lower case: "websocket", "connect" */
	bool is_enabled;
};

struct http_manager {
	struct session_config session;
	struct http1_options http1;
	struct path_options path;
	struct slice stat_prefix, server_name, via;
	const struct route_table *routes; /* in line; NULL: by RDS */
	uint32_t routes_slot;             /* by RDS */
	struct slice routes_name;
	const struct access_log *access_log;       /* NULL: none */
	const struct local_replies *local_replies; /* NULL: as they are */
	const struct http_upgrade *upgrades;
	unsigned upgrade_count;
	const struct addr_range *internal_ranges; /* whose requests are internal */
	unsigned internal_range_count;
	uint64_t request_timeout_ms, max_stream_duration_ms;
	struct addr
		host_address; /* of this host, for peers on it; ADDR_NONE: it has only loopback */
	uint32_t trusted_hops;
	uint8_t server_header; /* enum server_header */
	bool uses_remote_address, skips_xff_append, generates_request_id, keeps_external_request_id;
	bool returns_request_id, strips_any_port, strips_matching_port;
	bool strips_trailing_dot, proxies_100_continue, adds_user_agent, appends_forwarded_port;
	bool appends_local_overload, forwards_client_cert;
	/* Any of those above that belong here: asked once a request. */
	bool normalizes_path, strips_host, adds_own_headers;
	struct slice service_cluster, service_node; /* node.cluster, node.id: for add_user_agent */
	struct stat_scope *stats, *listener_stats, *router_stats, *http1_stats, *tracing_stats;
};

extern const struct conn_filter_type http_connection_manager_filter;

static inline const struct http_manager *http_manager_of(const struct session *session)
{
	return container_of(session->config, struct http_manager, session);
}

/* http_config.c */
enum status http_config_load(const void **config, const struct ProtobufCMessage *message,
			     const struct config_context *context, struct diag *diag);

/* http_session.c: the session type's find_route. */
void http_find_route(struct stream *s);

/* http_session.c: the type's serve and adopt, and the session's type. */
extern const struct session_type http_session_type;
void http_serve(const void *config, const struct accepted *accepted);
bool http_adopt(const void *config, const struct accepted *accepted, struct handover *handover);

/* http_request.c: the session type's prepare_request. */
bool http_prepare_request(struct stream *s, bool end);

/* http_response.c: the session type's prepare_response and amend_reply. */
void http_prepare_response(struct stream *s, struct headers *headers, bool end);
/* http_response.c: appends the configured name, which isn't empty, to "via". */
void http_add_via(struct stream *s, struct headers *headers);

#endif

/* envoy.filters.network.dubbo_proxy: what is configured, and the session that serves by it.
 *
 *   accept ─> rpc_session (session + Dubbo codec) ─ call ─> route by interface, method, attachments
 *       answer <─ counted <─ filters <─ router <─ shared connection of the pool
 *
 * A consumer's connection is never closed for a fault of one call or of an upstream: every call is
 * answered by its own id, and only lost framing, or more answers than the consumer reads
 * (RPC_OUTPUT_CAP), end the connection.
 *
 * Owner: the configuration is the listener's; sessions their worker's. Thread: the worker's.
 * Source: Envoy's DubboProxy message, stats and documentation. */
#ifndef MANAGER_RPC_MANAGER_H
#define MANAGER_RPC_MANAGER_H

#include "net/conn_filter.h"
#include "stream/session.h"

struct route_table;
struct rpc_dialect;
struct stat_scope;

enum {
	RPC_OUTPUT_CAP = 16 << 20, /* bytes above the high mark that a consumer may leave unread */
};

struct rpc_manager {
	struct session_config session;
	const struct rpc_dialect *dialect;
	const struct route_table *routes;
	struct stat_scope *stats; /* "dubbo.<stat_prefix>" */
	bool is_plain;            /* no filters */
};

extern const struct conn_filter_type dubbo_proxy_filter;

static inline const struct rpc_manager *rpc_manager_of(const struct session *session)
{
	return container_of(session->config, struct rpc_manager, session);
}

/* rpc_config.c */
enum status rpc_config_load(const void **config, const struct ProtobufCMessage *message,
			    const struct config_context *context, struct diag *diag);

/* rpc_session.c: the type's serve, and the session's type. */
extern const struct session_type rpc_session_type;
void rpc_serve(const void *config, const struct accepted *accepted);

/* rpc_call.c: frees the worker's spare memory for calls, at its end. */
void rpc_call_free_spares(struct worker_context *worker);

#endif

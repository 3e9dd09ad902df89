/* What serves the connections of RPC protocols: one configuration and one session for
 * envoy.filters.network.dubbo_proxy and outrigger.filters.network.bolt_proxy and rpc_proxy.
 *
 *   accept ─> which protocol? ─> rpc_session (session + its codec) ─ call ─> route
 *       answer <─ counted <─ filters <─ router <─ shared connection of the pool
 *
 * A caller's connection is never closed for a fault of one call or of an upstream: every call is
 * answered by its own id, and only lost framing, or more answers than the caller reads
 * (output_cap), end the connection.
 *
 * Owner: the configuration is the listener's; sessions their worker's. Thread: the worker's.
 * Source: Envoy's DubboProxy message, stats and documentation; docs/rpc.md. */
#ifndef MANAGER_RPC_MANAGER_H
#define MANAGER_RPC_MANAGER_H

#include "net/conn_filter.h"
#include "stream/session.h"

struct access_log;
struct local_replies;
struct route_table;
struct rpc_dialect;
struct stat_scope;
struct string_matcher;

enum {
	RPC_OUTPUT_CAP = 16 << 20, /* the default of output_cap */
};

struct rpc_manager {
	struct session_config session;
	const struct rpc_dialect *dialect; /* NULL: one of `protocols`, by the first bytes */
	unsigned protocols;                /* bits of enum sniffed */
	uint64_t sniff_timeout_ms;
	const struct route_table *routes;          /* in line; NULL: by RDS */
	uint32_t routes_slot;                      /* by RDS */
	struct stat_scope *stats;                  /* "dubbo.<stat_prefix>", "rpc.<stat_prefix>" */
	struct stat_scope *time_stats;             /* NULL: times aren't measured */
	const struct access_log *access_log;       /* NULL: none */
	const struct local_replies *local_replies; /* NULL: as they are */
	const struct string_matcher *idempotent;   /* of "interface/method" */
	uint32_t idempotent_count;
	uint32_t request_timeout_ms; /* 0: none */
	uint32_t max_in_flight;      /* calls of a connection; UINT32_MAX: no limit */
	uint32_t output_cap;         /* bytes above the high mark that a caller may leave unread */
	uint32_t parts_over;         /* dubbo_options.parts_over of its requests */
	bool uses_caller_timeout;
	bool publishes; /* a call's attachments may become headers, whatever its route is … */
	bool publishes_each[2]; /* … and do, by direction, unless only a route's filters ask */
	bool reads_attachments; /* a route may have them read */
	bool is_strict;         /* their contradictions are refused */
	bool passes_unread;     /* for all that: calls whose attachments can't be read */
	/* What follows from the rest: */
	bool is_bare;  /* nothing is asked of a call before it is routed */
	bool is_plain; /* a stream isn't needed for it: no filters, no log, no time, no attachments
			*/
};

extern const struct conn_filter_type dubbo_proxy_filter, bolt_proxy_filter, rpc_proxy_filter;

static inline const struct rpc_manager *rpc_manager_of(const struct session *session)
{
	return container_of(session->config, struct rpc_manager, session);
}

/* rpc_config.c: DubboProxy. BoltProxy is read there, too. */
enum status rpc_config_load(const void **config, const struct ProtobufCMessage *message,
			    const struct config_context *context, struct diag *diag);

/* rpc_config.c: what holds where nothing is configured; the type, the limits. */
void rpc_manager_init(struct rpc_manager *manager, const struct config_context *context);
/* rpc_config.c: for whom attachments become headers: the filters that ask for them, or all. */
void rpc_manager_publish_for(struct rpc_manager *manager, bool all);
/* rpc_config.c: fills in what follows from the rest, last. */
void rpc_manager_seal(struct rpc_manager *manager);

/* rpc_proxy_config.c: RpcProxy. */
enum status rpc_proxy_config_load(const void **config, const struct ProtobufCMessage *message,
				  const struct config_context *context, struct diag *diag);

/* rpc_session.c: the types' serve and adopt, and the session's type. */
extern const struct session_type rpc_session_type;
void rpc_serve(const void *config, const struct accepted *accepted);
bool rpc_adopt(const void *config, const struct accepted *accepted, struct handover *handover);

/* rpc_call.c: the worker's spare memory for calls; freed at its end. */
void rpc_call_init_spares(struct worker_context *worker);
void rpc_call_free_spares(struct worker_context *worker);

#endif

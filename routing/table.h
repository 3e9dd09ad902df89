/* A routing table: from a request (or RPC call) to a route.
 *
 *   host ─ domains ─> virtual host ─ route set ─> route      HTTP
 *   interface, method ─ rules ──────────────────> route      RPC
 *
 * One arena holds all of it; building checks everything, so that a table that exists is right.
 * Owner: a published object (PUBLISHED_ROUTES); immutable. Thread: built by the builder, read by
 * all. */
#ifndef ROUTING_TABLE_H
#define ROUTING_TABLE_H

#include "routing/domains.h"
#include "routing/rpc_rules.h"
#include "routing/virtual_host.h"

struct Outrigger__Config__Route__V1__RpcRouteConfiguration;
struct Envoy__Config__Route__V3__RouteConfiguration;
struct Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration;

enum { DIRECT_RESPONSE_BODY_MAX_DEFAULT = 4096 };

struct route_table {
	struct slice name;
	bool is_rpc;
	/* RPC: some route asks for group, application, attachments or arguments; for arguments. */
	bool needs_attachments, needs_arguments;
	bool ignores_port;
	bool ignores_path_parameters; /* a ';' ends a segment's part that counts */
	struct slice
		vhost_header; /* names the field that stands for the host: :authority unless said */
	uint8_t vhost_header_id; /* enum header_id */
	uint32_t virtual_host_count;
	const struct virtual_host *virtual_hosts;
	struct domains domains;
	struct rpc_rules
		rules; /* RPC; its routes' virtual hosts are for what they have in common */
	const struct header_mutations *request, *response;
	struct filter_configs filter_configs;
	struct mirrors mirrors;
	const struct slice *internal_only_headers; /* dropped from external requests */
	uint32_t internal_only_header_count;
	const void *metadata;
	bool has_vhds; /* further virtual hosts come on demand */
};

struct route_table_options {
	const struct route_hooks *hooks; /* may be NULL: nothing outside routing is known */
	/* What holds when the message doesn't say: true for tables of static listeners. */
	bool validates_clusters;
};

/* Builds into the arena. On failure the arena holds rubbish to be freed; the diag's path begins
 * with "virtual_hosts[i]…". */
enum status MUST_CHECK
route_table_load(const struct route_table **table,
		 const struct Envoy__Config__Route__V3__RouteConfiguration *message,
		 const struct route_table_options *options, struct arena *arena, struct diag *diag);

/* A table of RPC routes from a list of configurations, one an interface; the first match in the
 * order of the list wins. Diag's path begins with "[i]". */
enum status MUST_CHECK
route_table_load_rpc(const struct route_table **table, const char *name,
		     struct Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration
			     *const *messages,
		     size_t count, const struct route_table_options *options, struct arena *arena,
		     struct diag *diag);

/* A table of RPC routes by our own message. Diag's path begins inside it. */
enum status MUST_CHECK route_table_load_calls(
	const struct route_table **table,
	const struct Outrigger__Config__Route__V1__RpcRouteConfiguration *message,
	const struct route_table_options *options, struct arena *arena, struct diag *diag);

/* The virtual host for the request's host, or NULL. A table whose only domain is "*" doesn't ask
 * for the host. */
const struct virtual_host *route_table_find_host(const struct route_table *table,
						 const struct headers *headers);

/* The route for a request, or NULL: no virtual host or no route matches. For RPC tables, interface
 * and method of the input are filled in here. looked_at, if not NULL, is set to what
 * the decision depended on. */
const struct route *route_table_match(const struct route_table *table,
				      struct route_match_input *input, unsigned *looked_at);

/* Fills in what a request's headers say; no certificate, nobody to ask for arguments. */
void route_match_input_init(struct route_match_input *input, const struct headers *headers,
			    uint64_t random);

#endif

/* What builds a table of RPC routes, whichever message they come from: rules in their order, and
 * the routes they lead to. Routes that do the same are one: tables of many rules lead to few
 * places.
 *
 * Owner: the call that builds. Thread: the builder's. */
#ifndef ROUTING_RPC_TABLE_BUILD_H
#define ROUTING_RPC_TABLE_BUILD_H

#include "routing/rpc_match_load.h"
#include "routing/table.h"

struct Envoy__Config__Core__V3__Metadata;

struct rpc_table_build {
	struct route_build build;
	struct route_table *table;
	struct rpc_rule_entry *entries;
	size_t count;
	struct arena scratch;
	struct rpc_pool pool;
	struct text_pool rows;
	struct name_map keys; /* of what routes do */
	const struct route **routes;
	uint32_t route_count;
};

/* Starts a table with room for so many rules and virtual hosts. */
void rpc_table_begin(struct rpc_table_build *b, const char *name, size_t rules, size_t hosts,
		     const struct route_table_options *options, struct arena *arena);

/* Whether it succeeded or not, the build's own memory is freed. */
enum status MUST_CHECK rpc_table_finish(struct rpc_table_build *b, enum status status,
					struct diag *diag);

/* What a route to one cluster does, as bytes in the scratch arena. */
struct slice rpc_table_key(struct rpc_table_build *b, const struct virtual_host *host,
			   const char *name, const char *cluster, const char *time,
			   const struct Envoy__Config__Core__V3__Metadata *metadata_match);

/* The route that does this already; else NULL, and the place to note the one that will. */
const struct route **rpc_table_route(struct rpc_table_build *b, struct slice key);

/* What RPC routes have in the place of a path's matcher. */
extern const struct route_matcher rpc_any_path;

#endif

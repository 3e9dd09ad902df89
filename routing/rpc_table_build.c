#include "routing/rpc_table_build.h"

#include "envoy/config/core/v3/base.pb-c.h"

const struct route_matcher rpc_any_path = {
	.path = {"", 0}, .kind = PATH_RPC, .looks_at = ROUTE_LOOKED_AT_PATH};

void rpc_table_begin(struct rpc_table_build *b, const char *name, size_t rules, size_t hosts,
		     const struct route_table_options *options, struct arena *arena)
{
	struct route_table *table = ARENA_NEW(arena, struct route_table);
	struct virtual_host *host_items = ARENA_NEW_ARRAY(arena, struct virtual_host, hosts + 1);

	*b = (struct rpc_table_build){
		.build = {.hooks = options->hooks,
			  .arena = arena,
			  .validates_clusters = options->validates_clusters,
			  .body_max = DIRECT_RESPONSE_BODY_MAX_DEFAULT},
		.table = table,
	};
	arena_init(&b->scratch, 65536);
	rpc_pool_init(&b->pool, rules, arena, &b->scratch);
	text_pool_init(&b->rows, ROUTE_BUILD_ROWS, arena, &b->scratch);
	b->build.rows = &b->rows;
	b->entries = ARENA_NEW_ARRAY(&b->scratch, struct rpc_rule_entry, rules);
	b->routes = ARENA_NEW_ARRAY(&b->scratch, const struct route *, rules);
	name_map_init(&b->keys, rules, &b->scratch);
	table->name = host_items[0].name = arena_slice(arena, slice_of(name));
	table->is_rpc = true;
	table->domains.any = DOMAINS_NONE;
	table->virtual_hosts = host_items;
	table->virtual_host_count = 1;
	host_items[0].table = table;
	host_items[0].body_buffer_limit = UINT64_MAX;
}

enum status rpc_table_finish(struct rpc_table_build *b, enum status status, struct diag *diag)
{
	struct rpc_rules *rules = &b->table->rules;

	if (!status)
		status = rpc_rules_build(rules, b->entries, b->count, &b->pool, diag);
	b->table->needs_attachments = rules->needs_attachments;
	b->table->needs_arguments = rules->needs_arguments;
	arena_free(&b->scratch);
	return status;
}

struct slice rpc_table_key(struct rpc_table_build *b, const struct virtual_host *host,
			   const char *name, const char *cluster, const char *time,
			   const Envoy__Config__Core__V3__Metadata *metadata_match)
{
	const ProtobufCMessage *metadata =
		metadata_match ? &metadata_match->base : NULL; /* NULL: no bytes */
	size_t lens[] = {sizeof host, strlen(name) + 1, strlen(cluster) + 1, strlen(time) + 1};
	const void *parts[] = {&host, name, cluster, time};
	size_t len = metadata ? protobuf_c_message_get_packed_size(metadata) : 0;

	for (size_t i = 0; i < COUNT_OF(lens); i++)
		len += lens[i];
	char *key = arena_alloc(&b->scratch, len), *p = key;
	for (size_t i = 0; i < COUNT_OF(lens); p += lens[i], i++)
		memcpy(p, parts[i], lens[i]);
	if (metadata)
		protobuf_c_message_pack(metadata, (uint8_t *)p);
	return slice_make(key, len);
}

const struct route **rpc_table_route(struct rpc_table_build *b, struct slice key)
{
	uint32_t at = name_map_add(&b->keys, key, b->route_count);

	b->route_count += at == b->route_count;
	return &b->routes[at];
}

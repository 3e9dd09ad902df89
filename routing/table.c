#include "routing/table.h"

#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing/rpc_match.h"

typedef Envoy__Config__Route__V3__RouteConfiguration table_message;

static enum status load_filters(struct route_table *table, const table_message *message,
				const struct route_build *build, struct diag *diag)
{
	size_t count = message->n_typed_per_filter_config;
	struct filter_config_message *filters =
		ARENA_NEW_ARRAY(build->arena, struct filter_config_message, count);

	FILTER_CONFIG_MESSAGES_READ(filters, message)
	return filter_configs_load(&table->filter_configs, filters, count, NULL, build->hooks,
				   build->arena, diag);
}

static enum status load_common(struct route_table *table, const table_message *message,
			       const struct route_build *build, struct diag *diag)
{
	struct arena *arena = build->arena;
	enum status status = HEADER_MUTATIONS_LOAD(&table->request, request, message, arena, diag);

	if (!status)
		status = HEADER_MUTATIONS_LOAD(&table->response, response, message, arena, diag);
	if (!status)
		status = load_filters(table, message, build, diag);
	if (!status)
		status = mirrors_load(&table->mirrors, message->request_mirror_policies,
				      message->n_request_mirror_policies, build->validates_clusters,
				      build->hooks, arena, diag);
	if (status)
		return status;
	if (message->n_cluster_specifier_plugins) {
		diag_at(diag, "cluster_specifier_plugins", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	struct slice *names =
		ARENA_NEW_ARRAY(arena, struct slice, message->n_internal_only_headers);
	for (size_t i = 0; i < message->n_internal_only_headers; i++)
		names[i] = header_name_of_config(message->internal_only_headers[i], arena);
	table->internal_only_headers = names;
	table->internal_only_header_count = (uint32_t)message->n_internal_only_headers;
	status = route_metadata_load(&table->metadata, message->metadata, build, diag);
	if (status)
		diag_prefix(diag, "metadata");
	return status;
}

static enum status load_hosts(struct route_table *table, const table_message *message,
			      struct route_build *build, struct diag *diag)
{
	struct text_pool rows;
	struct virtual_host *hosts =
		ARENA_NEW_ARRAY(build->arena, struct virtual_host, message->n_virtual_hosts);
	enum status status = STATUS_OK;
	struct arena scratch;
	size_t domain_count = 0;

	arena_init(&scratch, 65536);
	text_pool_init(&rows, ROUTE_BUILD_ROWS, build->arena, &scratch);
	build->rows = &rows;
	for (size_t i = 0; i < message->n_virtual_hosts; i++)
		domain_count += message->virtual_hosts[i]->n_domains;
	struct domains_builder *domains = domains_builder_new(domain_count, &scratch);
	for (size_t i = 0; i < message->n_virtual_hosts && !status; i++) {
		const Envoy__Config__Route__V3__VirtualHost *m = message->virtual_hosts[i];
		hosts[i].table = table;
		if (!m->n_domains)
			status = diag_at(diag, "domains", "at least one is required");
		for (size_t k = 0; k < m->n_domains && !status; k++) {
			status = domains_add(domains, slice_of(m->domains[k]), (uint32_t)i,
					     build->arena, diag);
			if (status)
				diag_prefix(diag, "domains[%zu]", k);
		}
		if (!status)
			status = virtual_host_load(&hosts[i], m, build, diag);
		if (status)
			diag_prefix(diag, "virtual_hosts[%zu]", i);
	}
	if (!status)
		domains_build(&table->domains, domains, build->arena);
	table->virtual_hosts = hosts;
	table->virtual_host_count = (uint32_t)message->n_virtual_hosts;
	arena_free(&scratch);
	return status;
}

enum status route_table_load(const struct route_table **out, const table_message *message,
			     const struct route_table_options *options, struct arena *arena,
			     struct diag *diag)
{
	struct route_table *table = ARENA_NEW(arena, struct route_table);
	struct route_build build = {
		.hooks = options->hooks,
		.arena = arena,
		.validates_clusters = message->validate_clusters ? message->validate_clusters->value
								 : options->validates_clusters,
		.most_specific_wins = message->most_specific_header_mutations_wins,
		.body_max = message->max_direct_response_body_size_bytes
				    ? message->max_direct_response_body_size_bytes->value
				    : DIRECT_RESPONSE_BODY_MAX_DEFAULT,
	};

	*out = table;
	table->name = arena_slice(arena, slice_of(message->name));
	table->ignores_port = message->ignore_port_in_host_matching;
	table->ignores_path_parameters = message->ignore_path_parameters_in_path_matching;
	table->has_vhds = message->vhds;
	table->vhost_header = SLICE(":authority");
	if (message->vhost_header[0])
		table->vhost_header = header_name_of_config(message->vhost_header, arena);
	table->vhost_header_id = (uint8_t)known_name_find(table->vhost_header);
	enum status status = load_common(table, message, &build, diag);
	if (!status)
		status = load_hosts(table, message, &build, diag);
	return status;
}

void route_match_input_init(struct route_match_input *input, const struct headers *headers,
			    uint64_t random)
{
	struct slice path = headers_get(headers, HEADER_PATH);
	size_t end = slice_find_char(path, '?', 0);

	input->headers = headers;
	input->path = (struct slice){path.data, end};
	input->query = end < path.len ? slice_sub(path, end + 1, path.len) : SLICE("");
	input->random = random;
	input->metadata = NULL;
	input->has_peer_certificate = input->has_valid_peer_certificate = false;
	input->read_call = NULL;
	input->facts = NULL;
}

/* By what the client used, as the proxies before us tell it. */
static bool came_by_tls(const struct headers *headers)
{
	struct slice proto = headers_get(headers, HEADER_X_FORWARDED_PROTO);

	if (!proto.data)
		proto = headers_get(headers, HEADER_SCHEME);
	return slice_equal(proto, SLICE("https"));
}

const struct virtual_host *route_table_find_host(const struct route_table *table,
						 const struct headers *headers)
{
	struct slice host = {NULL, 0};
	uint32_t at = table->domains.any;

	if (!table->domains.is_any_only) {
		if (LIKELY(table->vhost_header_id != HEADER_OTHER)) {
			host = headers_get(headers, (enum header_id)table->vhost_header_id);
		} else {
			const struct header *h = headers_find(headers, table->vhost_header);
			if (h)
				host = header_value(h);
		}
		if (!host.data)
			return NULL;
		if (table->ignores_port)
			host = host_without_port(host);
		at = domains_find(&table->domains, host, headers->arena);
	}
	return at == DOMAINS_NONE ? NULL : &table->virtual_hosts[at];
}

/* "/a;x=1/b;y" is "/a/b". */
static struct slice without_parameters(struct slice path, struct arena *arena)
{
	size_t at = slice_find_char(path, ';', 0), len = at;

	if (at == path.len)
		return path;
	char *copy = arena_string(arena, path);
	while (at < path.len) {
		at = slice_find_char(path, '/', at);
		size_t end = slice_find_char(path, ';', at);
		memcpy(copy + len, path.data + at, end - at);
		len += end - at;
		at = end;
	}
	return slice_make(copy, len);
}

const struct route *route_table_match(const struct route_table *table,
				      struct route_match_input *input, unsigned *looked_at)
{
	struct call_facts facts = {.read_for = NULL};
	const struct virtual_host *host;
	unsigned unused;

	if (!looked_at)
		looked_at = &unused;
	*looked_at = ROUTE_LOOKED_AT_PATH;
	input->facts = &facts;
	if (table->is_rpc) {
		rpc_match_prepare(input);
		return rpc_rules_match(&table->rules, input, looked_at);
	}
	host = route_table_find_host(table, input->headers);
	if (!host)
		return NULL;
	if (UNLIKELY(host->require_tls && !came_by_tls(input->headers))) {
		struct slice internal = headers_get(input->headers, HEADER_X_ENVOY_INTERNAL);
		*looked_at |= ROUTE_LOOKED_AT_CONNECTION;
		if (host->require_tls == TLS_REQUIRED || !slice_equal(internal, SLICE("true")))
			return host->https_redirect;
	}
	if (UNLIKELY(table->ignores_path_parameters))
		input->path = without_parameters(input->path, input->headers->arena);
	input->path_word = path_word_of(input->path);
	if (UNLIKELY(host->tree))
		return match_tree_match(host->tree, input, looked_at);
	return route_set_match(&host->routes, input, looked_at);
}

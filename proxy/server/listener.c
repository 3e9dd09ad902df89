#include "server/listener.h"

#include <stdlib.h>

#include <envoy/config/listener/v3/listener.pb-c.h>
#include <envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb-c.h>
#include <envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb-c.h>

#include "base/log.h"
#include "base/shared.h"
#include "base/shared_count.h"
#include "routing/runtime.h"
#include "telemetry/stats_network.h"
#include "upstream/config_values.h"
#include "xds/message_hash.h"
#include "xds/proto/any_message.h"

typedef Envoy__Config__Listener__V3__Listener Listener;
typedef Envoy__Config__Listener__V3__FilterChain FilterChain;
typedef Envoy__Config__Listener__V3__FilterChainMatch FilterChainMatch;
typedef Envoy__Config__Core__V3__Address Address;
typedef Envoy__Config__Core__V3__CidrRange CidrRange;

static enum status load_address(const Address *message, struct arena *arena, struct addr *addr,
				struct listen_options *options, struct diag *diag)
{
	if (!message || message->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS__NOT_SET)
		return diag_at(diag, "address", "is required");
	if (message->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE)
		options->unix_mode = message->pipe->mode;
	else if (message->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS)
		options->ipv4_compat = message->socket_address->ipv4_compat;
	enum status status = config_address(message, arena, addr, NULL, diag);
	if (status)
		diag_prefix(diag, "address");
	return status;
}

static enum status load_addresses(struct listener *listener, const Listener *message,
				  struct diag *diag)
{
	struct arena *arena = &listener->published.arena;
	struct addr *addrs =
		ARENA_NEW_ARRAY(arena, struct addr, message->n_additional_addresses + 1);
	enum status status =
		load_address(message->address, arena, &addrs[0], &listener->options, diag);

	for (size_t i = 0; !status && i < message->n_additional_addresses; i++) {
		status = load_address(message->additional_addresses[i]->address, arena,
				      &addrs[i + 1], &listener->options, diag);
		if (status)
			diag_prefix(diag, "additional_addresses[%zu]", i);
	}
	if (status)
		return status;
	listener->addrs = addrs;
	listener->addr_count = (unsigned)message->n_additional_addresses + 1;
	char text[ADDR_TEXT_MAX];
	listener->address_text = arena_slice(arena, slice_make(text, addr_format(&addrs[0], text)));
	return STATUS_OK;
}

static enum status load_ranges(CidrRange **messages, size_t count, struct arena *arena,
			       const struct addr_range **ranges, unsigned *range_count,
			       const char *path, struct diag *diag)
{
	struct addr_range *made = ARENA_NEW_ARRAY(arena, struct addr_range, count);

	for (size_t i = 0; i < count; i++) {
		unsigned prefix_len = config_u32(messages[i]->prefix_len, 0);
		if (addr_range_parse(slice_of(messages[i]->address_prefix), prefix_len, &made[i])) {
			diag_set(diag, "'%s' is no address", messages[i]->address_prefix);
			diag_prefix(diag, "%s[%zu].address_prefix", path, i);
			return STATUS_INVALID;
		}
	}
	*ranges = made;
	*range_count = (unsigned)count;
	return STATUS_OK;
}

static enum status load_match(struct chain_match *match, const FilterChainMatch *message,
			      struct arena *arena, struct diag *diag)
{
	if (message->address_suffix[0] || message->suffix_len)
		return diag_at(diag, "address_suffix", "is not supported");
	match->destination_port = (uint16_t)config_u32(message->destination_port, 0);
	match->source_type = (uint8_t)message->source_type;
	match->wants_server_name = message->n_server_names || message->n_application_protocols;
	match->wants_tls = !strcmp(message->transport_protocol, "tls");

	uint16_t *ports = ARENA_NEW_ARRAY(arena, uint16_t, message->n_source_ports);
	for (size_t i = 0; i < message->n_source_ports; i++)
		ports[i] = (uint16_t)message->source_ports[i];
	match->source_ports = ports;
	match->source_port_count = (unsigned)message->n_source_ports;

	enum status status =
		load_ranges(message->prefix_ranges, message->n_prefix_ranges, arena,
			    &match->destinations, &match->destination_count, "prefix_ranges", diag);
	if (!status)
		status = load_ranges(message->source_prefix_ranges, message->n_source_prefix_ranges,
				     arena, &match->sources, &match->source_count,
				     "source_prefix_ranges", diag);
	if (!status)
		status = load_ranges(message->direct_source_prefix_ranges,
				     message->n_direct_source_prefix_ranges, arena,
				     &match->direct_sources, &match->direct_source_count,
				     "direct_source_prefix_ranges", diag);
	return status;
}

static enum status load_filter(struct conn_filter *filter,
			       const Envoy__Config__Listener__V3__Filter *message, bool is_last,
			       const struct config_context *context, struct diag *diag)
{
	if (message->config_type_case !=
	    ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG)
		return diag_at(diag, "typed_config", "is required");
	const ProtobufCMessage *config = any_message(message->typed_config);
	const struct conn_filter_type *type =
		config ? context->conn_filter_type(config->descriptor) : NULL;
	if (!type)
		return diag_at(diag, "typed_config",
			       "no network filter has the type '%s': outrigger --help lists those "
			       "there are%s",
			       message->typed_config->type_url,
			       config && context->filter_type(config->descriptor)
				       ? "; this one is a filter of messages, for http_filters"
				       : "");
	if (is_last && !type->serve)
		return diag_set(diag,
				"the last filter of a chain must be one that serves the "
				"connection; '%s' doesn't",
				message->name);
	if (!is_last && type->serve)
		return diag_set(diag,
				"'%s' serves the connection: it must be the last of its chain",
				message->name);
	filter->type = type;
	enum status status = type->config_load(&filter->config, config, context, diag);
	if (status)
		diag_prefix(diag, "typed_config");
	return status;
}

static enum status load_chain(struct filter_chain *chain, const FilterChain *message,
			      const struct config_context *context, struct diag *diag)
{
	struct conn_filter *filters =
		ARENA_NEW_ARRAY(context->arena, struct conn_filter, message->n_filters);
	enum status status = STATUS_OK;

	chain->served.name = arena_slice(context->arena, slice_of(message->name));
	chain->hash = message_hash(&message->base);
	if (message->transport_socket &&
	    strcmp(message->transport_socket->name, "envoy.transport_sockets.raw_buffer"))
		return diag_at(diag, "transport_socket", "'%s' is not supported yet",
			       message->transport_socket->name);
	if (message->filter_chain_match)
		status = load_match(&chain->match, message->filter_chain_match, context->arena,
				    diag);
	if (status) {
		diag_prefix(diag, "filter_chain_match");
		return status;
	}
	for (size_t i = 0; i < message->n_filters; i++) {
		status = load_filter(&filters[i], message->filters[i], i + 1 == message->n_filters,
				     context, diag);
		if (status) {
			diag_prefix(diag, "filters[%zu]", i);
			return status;
		}
	}
	chain->filters = filters;
	chain->filter_count = (unsigned)message->n_filters;
	return STATUS_OK;
}

static enum status load_chains(struct listener *listener, const Listener *message,
			       const struct config_context *context, struct diag *diag)
{
	struct filter_chain *chains =
		ARENA_NEW_ARRAY(context->arena, struct filter_chain, message->n_filter_chains);

	if (!message->n_filter_chains && !message->default_filter_chain)
		return diag_at(diag, "filter_chains", "at least one is required");
	for (size_t i = 0; i < message->n_filter_chains; i++) {
		enum status status =
			load_chain(&chains[i], message->filter_chains[i], context, diag);
		if (status) {
			diag_prefix(diag, "filter_chains[%zu]", i);
			return status;
		}
	}
	listener->chains = chains;
	listener->chain_count = (unsigned)message->n_filter_chains;
	if (!message->default_filter_chain)
		return STATUS_OK;

	struct filter_chain *chain = ARENA_NEW(context->arena, struct filter_chain);
	enum status status = load_chain(chain, message->default_filter_chain, context, diag);
	if (status)
		diag_prefix(diag, "default_filter_chain");
	listener->default_chain = chain;
	return status;
}

/* Inspectors change nothing but what a chain may be matched by; others change what a connection is.
 */
static enum status check_listener_filters(const Listener *message, struct diag *diag)
{
	for (size_t i = 0; i < message->n_listener_filters; i++) {
		const Envoy__Config__Listener__V3__ListenerFilter *filter =
			message->listener_filters[i];
		const ProtobufCMessage *config =
			filter->config_type_case ==
					ENVOY__CONFIG__LISTENER__V3__LISTENER_FILTER__CONFIG_TYPE_TYPED_CONFIG
				? any_message(filter->typed_config)
				: NULL;
		if (config &&
		    (config->descriptor ==
			     &envoy__extensions__filters__listener__http_inspector__v3__http_inspector__descriptor ||
		     config->descriptor ==
			     &envoy__extensions__filters__listener__tls_inspector__v3__tls_inspector__descriptor)) {
			log_warn(CONFIG,
				 "listener %s: listener_filters[%zu]: has no effect: no chain is "
				 "chosen by what a client sends first",
				 message->name, i);
			continue;
		}
		diag_set(diag, "'%s' is not supported yet", filter->name);
		diag_prefix(diag, "listener_filters[%zu]", i);
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

static const struct shared_type count_type = {.name = "listener", .init = shared_count_init};

static void load_cap(struct connection_cap *cap, struct slice key, struct slice name,
		     const struct config_context *context)
{
	uint64_t max = runtime_number(context->runtime, key, UINT64_MAX);

	if (max == UINT64_MAX)
		return;
	cap->max = max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
	cap->count = shared_take_for(context->arena, &count_type, name, 0,
				     sizeof(struct shared_count), NULL);
}

static void load_caps(struct listener *listener, const Listener *message,
		      const struct config_context *context)
{
	struct slice name = listener->published.name;
	char *own =
		arena_printf(context->arena, "envoy.resource_limits.listener.%.*s.connection_limit",
			     SLICE_FMT(name));

	load_cap(&listener->cap, slice_of(own),
		 slice_of(arena_printf(context->arena, "of %.*s", SLICE_FMT(name))), context);
	if (!message->ignore_global_conn_limit)
		load_cap(&listener->global_cap, SLICE("overload.global_downstream_max_connections"),
			 SLICE("global"), context);
}

/* A version that differs in its filter chains only takes over the sockets, what waits there, and
 * the connections of those chains that it has, too. */
static uint64_t frame_hash(const Listener *message)
{
	Listener frame = *message;

	frame.n_filter_chains = 0;
	frame.default_filter_chain = NULL;
	return message_hash(&frame.base);
}

static enum status load(struct listener *listener, const Listener *message,
			const struct config_context *outer, struct diag *diag)
{
	struct arena *arena = &listener->published.arena;
	enum status status = load_addresses(listener, message, diag);
	if (!status)
		status = check_listener_filters(message, diag);
	if (status)
		return status;

	const char *name = message->name[0] ? message->name : listener->address_text.data;
	listener->published.name = arena_slice(arena, slice_of(name));
	listener->published.slot = outer->slot(outer, PUBLISHED_LISTENER, listener->published.name);
	listener->options.reuse_port = config_bool(message->enable_reuse_port, true);
	listener->options.transparent = config_bool(message->transparent, false);
	listener->options.freebind = config_bool(message->freebind, false);
	listener->options.backlog = (int)config_u32(message->tcp_backlog_size, 0);
	listener->buffer_limit = config_u32(message->per_connection_buffer_limit_bytes, 0);
	listener->traffic_direction = (uint8_t)message->traffic_direction;
	listener->is_bound = config_bool(message->bind_to_port, true);

	struct slice stat_name =
		message->stat_prefix[0] ? slice_of(message->stat_prefix) : listener->address_text;
	struct config_context context = *outer;
	struct config_ordinals ordinals = {.object = listener->published.name};
	context.arena = arena;
	context.object = &listener->published;
	context.ordinals = &ordinals;
	context.is_outbound =
		listener->traffic_direction == ENVOY__CONFIG__CORE__V3__TRAFFIC_DIRECTION__OUTBOUND;
	context.is_inbound = listener->traffic_direction == LISTENER_INBOUND;
	context.is_modify_only = message->drain_type ==
				 ENVOY__CONFIG__LISTENER__V3__LISTENER__DRAIN_TYPE__MODIFY_ONLY;
	listener->frame_hash = frame_hash(message);
	context.listener_address = stat_name;
	listener->stats =
		config_scope(&context, &listener_stats,
			     slice_of(arena_printf(arena, "listener.%.*s", SLICE_FMT(stat_name))));
	load_caps(listener, message, &context);
	return load_chains(listener, message, &context, diag);
}

enum status listener_build(const Listener *message, const struct config_context *context,
			   struct listener **built, struct diag *diag)
{
	struct listener *listener = calloc(1, sizeof *listener);

	invariant(listener);
	arena_init(&listener->published.arena, 4096);
	listener->published.kind = PUBLISHED_LISTENER;
	listener->published.references = 1;
	listener->published.free = listener_free;
	enum status status = load(listener, message, context, diag);
	if (status) {
		listener_free(&listener->published);
		return status;
	}
	*built = listener;
	return STATUS_OK;
}

void listener_free(struct published *published)
{
	struct listener *listener = container_of(published, struct listener, published);

	arena_free(&published->arena);
	free(listener);
}

/* --- matching --- */

/* Bits of the longest range that holds addr, + 1; 0: none does; 1: nothing was asked. */
static unsigned range_score(const struct addr_range *ranges, unsigned count,
			    const struct addr *addr)
{
	unsigned best = 0;

	if (!count)
		return 1;
	for (unsigned i = 0; i < count; i++)
		if (addr_in_range(addr, &ranges[i]) && ranges[i].prefix_len + 2 > best)
			best = ranges[i].prefix_len + 2;
	return best;
}

static bool is_same_host(const struct addr *remote, const struct addr *local)
{
	struct addr here = *local;
	here.port = remote->port;
	return addr_is_loopback(remote) || addr_equal(remote, &here);
}

bool listener_keeps(const struct listener *now, const struct listener *then,
		    const struct filter_chain *chain)
{
	if (now->frame_hash != then->frame_hash)
		return false;
	for (unsigned i = 0; i < now->chain_count; i++)
		if (now->chains[i].hash == chain->hash)
			return true;
	return now->default_chain && now->default_chain->hash == chain->hash;
}

unsigned listener_lost_chains(const struct listener *now, const struct listener *then)
{
	if (now->frame_hash != then->frame_hash)
		return 0;
	unsigned lost = then->default_chain && !listener_keeps(now, then, then->default_chain);
	for (unsigned i = 0; i < then->chain_count; i++)
		lost += !listener_keeps(now, then, &then->chains[i]);
	return lost;
}

static unsigned port_score(const struct chain_match *match, uint16_t port)
{
	if (!match->source_port_count)
		return 1;
	for (unsigned i = 0; i < match->source_port_count; i++)
		if (match->source_ports[i] == port)
			return 2;
	return 0;
}

/* Criteria in Envoy's order, each a digit: destination port, destination, source type, source,
 * source port. 0: no match. */
static uint64_t match_score(const struct chain_match *match, const struct addr *remote,
			    const struct addr *local)
{
	if (match->wants_server_name || match->wants_tls)
		return 0;
	unsigned destination_port = !match->destination_port                 ? 1
				    : match->destination_port == local->port ? 2
									     : 0;
	unsigned destination = range_score(match->destinations, match->destination_count, local);
	unsigned direct = range_score(match->direct_sources, match->direct_source_count, remote);
	unsigned source = range_score(match->sources, match->source_count, remote);
	unsigned type = !match->source_type                                        ? 1
			: (match->source_type == 1) == is_same_host(remote, local) ? 2
										   : 0;
	unsigned port = port_score(match, remote->port);

	if (!destination_port || !destination || !direct || !source || !type || !port)
		return 0;
	return (uint64_t)destination_port << 40 | (uint64_t)destination << 32 |
	       (uint64_t)direct << 24 | (uint64_t)type << 16 | (uint64_t)source << 8 | port;
}

const struct filter_chain *listener_match(const struct listener *listener,
					  const struct addr *remote, const struct addr *local)
{
	const struct filter_chain *best = listener->default_chain;
	uint64_t best_score = 0;

	for (unsigned i = 0; i < listener->chain_count; i++) {
		uint64_t score = match_score(&listener->chains[i].match, remote, local);
		if (score > best_score) {
			best_score = score;
			best = &listener->chains[i];
		}
	}
	return best;
}

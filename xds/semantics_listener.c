/* Rules of listeners and of the filters in them. */
#include "filters/registry.h"
#include "message_hash.h"
#include "semantics_private.h"
#include "xds/proto/any_message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envoy/config/listener/v3/listener.pb-c.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb-c.h"
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.pb-c.h"

enum {
	FILL_INTERVAL_MIN_NANOS = 50 * 1000 * 1000, /* Envoy's, of a local rate limit's bucket */
};

/* A type that no filter has is none. */
static bool is_terminal(const Google__Protobuf__Any *config)
{
	const ProtobufCMessage *message = any_message(config);

	return message && filter_ends_chain(message->descriptor);
}

/* One filter of a chain against its place. config NULL: it comes by discovery, so nothing is known.
 */
static bool place_holds(const Google__Protobuf__Any *config, size_t index, size_t count,
			const char *list, const struct field_path *path, struct diag *diag)
{
	bool is_last = index + 1 == count;
	char below[40];

	if (!config || is_terminal(config) == is_last)
		return true;
	snprintf(below, sizeof below, "%s[%zu]", list, index);
	if (!is_last)
		return semantics_fault(diag, path, below,
				       "this filter ends a chain, and must be the last");
	return semantics_fault(diag, path, below,
			       "the last filter must be one that ends a chain, as %s",
			       strcmp(list, "http_filters") == 0
				       ? "envoy.filters.http.router"
				       : "http_connection_manager, rpc_proxy or tcp_proxy");
}

bool semantics_filter_chain(const ProtobufCMessage *message, const struct field_path *path,
			    struct diag *diag)
{
	const Envoy__Config__Listener__V3__FilterChain *chain = (const void *)message;

	for (size_t i = 0; i < chain->n_filters; i++) {
		const Envoy__Config__Listener__V3__Filter *filter = chain->filters[i];
		bool is_typed = filter->config_type_case ==
				ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG;
		if (!place_holds(is_typed ? filter->typed_config : NULL, i, chain->n_filters,
				 "filters", path, diag))
			return false;
	}
	return true;
}

bool semantics_http_manager(const ProtobufCMessage *message, const struct field_path *path,
			    struct diag *diag)
{
	const Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager
		*manager = (const void *)message;

	for (size_t i = 0; i < manager->n_http_filters; i++) {
		const Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter
			*filter = manager->http_filters[i];
		bool is_typed =
			filter->config_type_case ==
			ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
		if (!place_holds(is_typed ? filter->typed_config : NULL, i, manager->n_http_filters,
				 "http_filters", path, diag))
			return false;
	}
	return true;
}

static bool address_holds(const Envoy__Config__Core__V3__Address *address,
			  const struct field_path *path, const char *below, struct diag *diag)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (!address ||
	    address->address_case != ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS)
		return true;
	const char *text = address->socket_address->address;
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1 ||
	       semantics_fault(diag, path, below, "\"%s\" is no IP address", text);
}

static bool matches_hold(const Envoy__Config__Listener__V3__Listener *listener,
			 const struct field_path *path, struct diag *diag)
{
	static const Envoy__Config__Listener__V3__FilterChainMatch any =
		ENVOY__CONFIG__LISTENER__V3__FILTER_CHAIN_MATCH__INIT;
	uint64_t *hashes = malloc((listener->n_filter_chains + 1) * sizeof *hashes);
	size_t earlier, later;

	invariant(hashes);
	for (size_t i = 0; i < listener->n_filter_chains; i++) {
		const Envoy__Config__Listener__V3__FilterChainMatch *match =
			listener->filter_chains[i]->filter_chain_match;
		hashes[i] = message_hash(match ? &match->base : &any.base);
	}
	bool found = semantics_find_equal(hashes, listener->n_filter_chains, &earlier, &later);
	free(hashes);
	if (!found)
		return true;
	char below[60];
	snprintf(below, sizeof below, "filter_chains[%zu].filter_chain_match", later);
	return semantics_fault(diag, path, below, "is the same as that of filter_chains[%zu]",
			       earlier);
}

bool semantics_listener(const ProtobufCMessage *message, const struct field_path *path,
			struct diag *diag)
{
	const Envoy__Config__Listener__V3__Listener *listener = (const void *)message;

	if (listener->api_listener || listener->internal_listener)
		return true;
	if (!listener->address)
		return semantics_fault(diag, path, "address", "must be set");
	if (!address_holds(listener->address, path, "address.socket_address.address", diag))
		return false;
	if (!listener->n_filter_chains && !listener->default_filter_chain &&
	    !listener->filter_chain_matcher)
		return semantics_fault(diag, path, "filter_chains", "must have at least 1 of them");
	return listener->filter_chain_matcher || matches_hold(listener, path, diag);
}

static bool bucket_holds(const Envoy__Type__V3__TokenBucket *bucket, const struct field_path *path,
			 struct diag *diag)
{
	const Google__Protobuf__Duration *interval = bucket ? bucket->fill_interval : NULL;

	return !interval || interval->seconds || interval->nanos >= FILL_INTERVAL_MIN_NANOS ||
	       semantics_fault(diag, path, "token_bucket.fill_interval", "must be at least 0.05s");
}

bool semantics_token_bucket_http(const ProtobufCMessage *message, const struct field_path *path,
				 struct diag *diag)
{
	const Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit *limit =
		(const void *)message;
	return bucket_holds(limit->token_bucket, path, diag);
}

bool semantics_token_bucket_network(const ProtobufCMessage *message, const struct field_path *path,
				    struct diag *diag)
{
	const Envoy__Extensions__Filters__Network__LocalRatelimit__V3__LocalRateLimit *limit =
		(const void *)message;
	return bucket_holds(limit->token_bucket, path, diag);
}

bool semantics_dubbo_match(const ProtobufCMessage *message, const struct field_path *path,
			   struct diag *diag)
{
	const Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteMatch *match =
		(const void *)message;
	return (match->method && match->method->name) ||
	       semantics_fault(diag, path, "method", "must be set, with a name");
}

/* Rules of clusters. */
#include "semantics_private.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"
#include "envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb-c.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb-c.h"

enum {
	RING_MIN_DEFAULT = 1024,
	RING_MAX_DEFAULT = 8 * 1024 * 1024,
};

static bool ring_holds(const Google__Protobuf__UInt64Value *min,
		       const Google__Protobuf__UInt64Value *max, const struct field_path *path,
		       struct diag *diag)
{
	uint64_t low = min ? min->value : RING_MIN_DEFAULT,
		 high = max ? max->value : RING_MAX_DEFAULT;

	return low <= high ||
	       semantics_fault(diag, path, min ? "minimum_ring_size" : "maximum_ring_size",
			       "minimum_ring_size (%" PRIu64
			       ") is greater than maximum_ring_size (%" PRIu64 ")",
			       low, high);
}

bool semantics_ring(const ProtobufCMessage *message, const struct field_path *path,
		    struct diag *diag)
{
	const Envoy__Config__Cluster__V3__Cluster__RingHashLbConfig *config = (const void *)message;
	return ring_holds(config->minimum_ring_size, config->maximum_ring_size, path, diag);
}

bool semantics_ring_policy(const ProtobufCMessage *message, const struct field_path *path,
			   struct diag *diag)
{
	const Envoy__Extensions__LoadBalancingPolicies__RingHash__V3__RingHash *config =
		(const void *)message;
	return ring_holds(config->minimum_ring_size, config->maximum_ring_size, path, diag);
}

static bool maglev_holds(const Google__Protobuf__UInt64Value *size, const struct field_path *path,
			 struct diag *diag)
{
	uint64_t n = size ? size->value : 65537;
	bool is_prime = n >= 2;

	for (uint64_t i = 2; is_prime && i * i <= n; i++)
		is_prime = n % i;
	return is_prime || semantics_fault(diag, path, "table_size", "must be a prime number");
}

bool semantics_maglev(const ProtobufCMessage *message, const struct field_path *path,
		      struct diag *diag)
{
	return maglev_holds(
		((const Envoy__Config__Cluster__V3__Cluster__MaglevLbConfig *)(const void *)message)
			->table_size,
		path, diag);
}

bool semantics_maglev_policy(const ProtobufCMessage *message, const struct field_path *path,
			     struct diag *diag)
{
	return maglev_holds(((const Envoy__Extensions__LoadBalancingPolicies__Maglev__V3__Maglev
				      *)(const void *)message)
				    ->table_size,
			    path, diag);
}

static bool is_ip(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* True if the endpoint has an address that needs no name server, or none at all. */
static bool address_is_literal(const Envoy__Config__Endpoint__V3__LbEndpoint *endpoint,
			       const char **name)
{
	const Envoy__Config__Core__V3__Address *address =
		endpoint->host_identifier_case ==
				ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT
			? endpoint->endpoint->address
			: NULL;

	if (!address ||
	    address->address_case != ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS)
		return true;
	*name = address->socket_address->address;
	return is_ip(*name);
}

static bool addresses_hold(const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *assignment,
			   const struct field_path *path, struct diag *diag)
{
	const char *name;

	for (size_t i = 0; assignment && i < assignment->n_endpoints; i++)
		for (size_t j = 0; j < assignment->endpoints[i]->n_lb_endpoints; j++)
			if (!address_is_literal(assignment->endpoints[i]->lb_endpoints[j], &name)) {
				char below[160];
				snprintf(below, sizeof below,
					 "load_assignment.endpoints[%zu].lb_endpoints[%zu]."
					 "endpoint.address."
					 "socket_address.address",
					 i, j);
				return semantics_fault(diag, path, below,
						       "\"%s\" is no IP address: names need the "
						       "type STRICT_DNS or "
						       "LOGICAL_DNS",
						       name);
			}
	return true;
}

bool semantics_cluster(const ProtobufCMessage *message, const struct field_path *path,
		       struct diag *diag)
{
	const Envoy__Config__Cluster__V3__Cluster *cluster = (const void *)message;
	bool is_custom = cluster->cluster_discovery_type_case ==
			 ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_CLUSTER_TYPE;
	int type = is_custom ? -1 : (int)cluster->type;
	bool is_provided = cluster->lb_policy ==
			   ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__CLUSTER_PROVIDED;

	if (is_custom)
		return true;
	if (is_provided &&
	    type != ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST)
		return semantics_fault(diag, path, "lb_policy",
				       "CLUSTER_PROVIDED is for the type ORIGINAL_DST");
	if (type == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST &&
	    !is_provided && !cluster->load_balancing_policy)
		return semantics_fault(diag, path, "lb_policy",
				       "must be CLUSTER_PROVIDED for the type ORIGINAL_DST");
	if (type == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS &&
	    (!cluster->eds_cluster_config || !cluster->eds_cluster_config->eds_config))
		return semantics_fault(diag, path, "eds_cluster_config",
				       "must be set, with eds_config, for the type EDS");
	if (type != ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS &&
	    cluster->eds_cluster_config)
		return semantics_fault(diag, path, "eds_cluster_config", "is for the type EDS");
	if (type == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STATIC)
		return addresses_hold(cluster->load_assignment, path, diag);
	return true;
}

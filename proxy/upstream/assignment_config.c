#include <stdlib.h>

#include <envoy/config/endpoint/v3/endpoint.pb-c.h>

#include "upstream/assignment.h"
#include "upstream/config_values.h"
#include "upstream/labels.h"

typedef Envoy__Config__Endpoint__V3__ClusterLoadAssignment assignment_message;
typedef Envoy__Config__Endpoint__V3__LbEndpoint endpoint_message;
typedef Envoy__Config__Endpoint__V3__LocalityLbEndpoints locality_message;

static enum status read_check(struct endpoint *endpoint,
			      const Envoy__Config__Endpoint__V3__Endpoint__HealthCheckConfig *m,
			      struct arena *arena, struct diag *diag)
{
	if (!m)
		return STATUS_OK;
	if (m->port_value > UINT16_MAX)
		return diag_at(diag, "health_check_config.port_value", "must be at most 65535");
	struct endpoint_check *check = ARENA_NEW(arena, struct endpoint_check);
	check->port = (uint16_t)m->port_value;
	check->is_disabled = m->disable_active_health_check;
	check->hostname = config_text(arena, m->hostname);
	endpoint->check = check;
	if (m->address) {
		enum status status = config_address(m->address, arena, &check->addr, NULL, diag);
		if (status)
			return diag_prefix(diag, "health_check_config"), status;
	}
	return STATUS_OK;
}

/* A named endpoint, or the one at hand. */
static const Envoy__Config__Endpoint__V3__Endpoint *find_endpoint(const assignment_message *all,
								  const endpoint_message *m)
{
	if (m->host_identifier_case ==
	    ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT)
		return m->endpoint;
	if (m->host_identifier_case ==
	    ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT_NAME)
		for (size_t i = 0; i < all->n_named_endpoints; i++)
			if (slice_equal(slice_of(all->named_endpoints[i]->key),
					slice_of(m->endpoint_name)))
				return all->named_endpoints[i]->value;
	return NULL;
}

static enum status read_endpoint(struct endpoint *endpoint, const assignment_message *all,
				 const endpoint_message *m, bool takes_names, struct arena *arena,
				 struct diag *diag)
{
	const Envoy__Config__Endpoint__V3__Endpoint *at = find_endpoint(all, m);

	if (!at)
		return diag_at(diag, "endpoint", "is required");
	if ((unsigned)m->health_status > ENDPOINT_DEGRADED)
		return diag_at(diag, "health_status", "unknown value");
	if (m->load_balancing_weight && !m->load_balancing_weight->value)
		return diag_at(diag, "load_balancing_weight", "must be at least 1");
	*endpoint = (struct endpoint){
		.weight = config_u32(m->load_balancing_weight, 1),
		.health = (uint8_t)m->health_status,
		.hostname =
			at->hostname[0] ? config_text(arena, at->hostname) : (struct slice){"", 0},
		.name = {"", 0},
	};
	enum status status = config_address(at->address, arena, &endpoint->addr,
					    takes_names ? &endpoint->name : NULL, diag);
	if (!status)
		status = read_check(endpoint, at->health_check_config, arena, diag);
	if (status)
		return diag_prefix(diag, "endpoint"), status;
	if (endpoint->name.len && !endpoint->hostname.len)
		endpoint->hostname = endpoint->name;
	if (m->metadata && m->metadata->n_filter_metadata) {
		endpoint->labels = labels_new(m->metadata);
		arena_defer(arena, labels_drop_deferred, endpoint->labels);
	}
	return STATUS_OK;
}

static enum status read_locality(struct assignment *a, uint32_t index,
				 const assignment_message *all, const locality_message *m,
				 bool takes_names, struct diag *diag)
{
	struct locality *locality = &a->localities[index];
	struct arena *arena = &a->arena;

	if (m->lb_config_case ==
	    ENVOY__CONFIG__ENDPOINT__V3__LOCALITY_LB_ENDPOINTS__LB_CONFIG_LEDS_CLUSTER_LOCALITY_CONFIG)
		return diag_at(diag, "leds_cluster_locality_config", "is not supported");
	*locality = (struct locality){
		.region = {"", 0},
		.zone = {"", 0},
		.sub_zone = {"", 0},
		.priority = m->priority,
		.weight = config_u32(m->load_balancing_weight, 0),
		.has_weight = m->load_balancing_weight,
		.first = a->endpoint_count,
	};
	if (m->locality) {
		locality->region = config_text(arena, m->locality->region);
		locality->zone = config_text(arena, m->locality->zone);
		locality->sub_zone = config_text(arena, m->locality->sub_zone);
	}
	size_t n = m->n_lb_endpoints;
	Envoy__Config__Endpoint__V3__LbEndpoint *const *list = m->lb_endpoints;
	if (m->lb_config_case ==
	    ENVOY__CONFIG__ENDPOINT__V3__LOCALITY_LB_ENDPOINTS__LB_CONFIG_LOAD_BALANCER_ENDPOINTS) {
		n = m->load_balancer_endpoints->n_lb_endpoints;
		list = m->load_balancer_endpoints->lb_endpoints;
	}
	for (size_t i = 0; i < n; i++) {
		enum status status = read_endpoint(&a->endpoints[a->endpoint_count], all, list[i],
						   takes_names, arena, diag);
		if (status)
			return diag_prefix(diag, "lb_endpoints[%zu]", i), status;
		a->endpoint_count++;
		locality->count++;
	}
	return STATUS_OK;
}

static size_t count_endpoints(const locality_message *m)
{
	return m->lb_config_case ==
			       ENVOY__CONFIG__ENDPOINT__V3__LOCALITY_LB_ENDPOINTS__LB_CONFIG_LOAD_BALANCER_ENDPOINTS
		       ? m->load_balancer_endpoints->n_lb_endpoints
		       : m->n_lb_endpoints;
}

static enum status read_policy(struct assignment *a,
			       const Envoy__Config__Endpoint__V3__ClusterLoadAssignment__Policy *m,
			       struct diag *diag)
{
	a->overprovisioning = ASSIGNMENT_OVERPROVISIONING;
	if (!m)
		return STATUS_OK;
	a->overprovisioning = config_u32(m->overprovisioning_factor, ASSIGNMENT_OVERPROVISIONING);
	if (!a->overprovisioning)
		return diag_at(diag, "policy.overprovisioning_factor", "must be greater than 0");
	a->is_health_weighted = m->weighted_priority_health;
	a->drops = ARENA_NEW_ARRAY(&a->arena, struct drop_overload, m->n_drop_overloads);
	for (size_t i = 0; i < m->n_drop_overloads; i++) {
		const Envoy__Type__V3__FractionalPercent *share =
			m->drop_overloads[i]->drop_percentage;
		static const uint32_t scale[] = {10000, 100, 1};
		unsigned unit = share ? (unsigned)share->denominator : 0;
		if (unit >= COUNT_OF(scale))
			return diag_set(diag, "unknown value"),
			       diag_prefix(diag,
					   "policy.drop_overloads[%zu].drop_percentage.denominator",
					   i),
			       STATUS_INVALID;
		uint64_t per_million = share ? (uint64_t)share->numerator * scale[unit] : 0;
		a->drops[i] = (struct drop_overload){
			.category = config_text(&a->arena, m->drop_overloads[i]->category),
			.per_million = per_million > 1000000 ? 1000000 : (uint32_t)per_million,
		};
	}
	a->drop_count = (uint32_t)m->n_drop_overloads;
	return config_ms_positive(m->endpoint_stale_after, "policy.endpoint_stale_after",
				  &a->stale_after_ms, diag);
}

/* Reads the localities in order of priority. A priority that nobody has is one without hosts. */
static enum status read_localities(struct assignment *a, const assignment_message *m,
				   bool takes_names, struct diag *diag)
{
	for (uint32_t priority = 0; a->locality_count < m->n_endpoints; priority++) {
		if (priority > ASSIGNMENT_PRIORITY_MAX)
			return diag_at(diag, "endpoints", "a priority must be at most %d",
				       ASSIGNMENT_PRIORITY_MAX);
		for (size_t i = 0; i < m->n_endpoints; i++) {
			if (m->endpoints[i]->priority != priority)
				continue;
			enum status status = read_locality(a, a->locality_count, m, m->endpoints[i],
							   takes_names, diag);
			if (status)
				return diag_prefix(diag, "endpoints[%zu]", i), status;
			a->locality_count++;
		}
	}
	return STATUS_OK;
}

enum status assignment_build(const assignment_message *m, bool takes_names, struct assignment **out,
			     struct diag *diag)
{
	struct arena arena;
	arena_init(&arena, 4096);
	struct assignment *a = ARENA_NEW(&arena, struct assignment);
	a->arena = arena;
	a->overprovisioning = ASSIGNMENT_OVERPROVISIONING;
	*out = a;
	if (!m)
		return STATUS_OK;

	size_t total = 0;
	for (size_t i = 0; i < m->n_endpoints; i++)
		total += count_endpoints(m->endpoints[i]);
	invariant(total < UINT32_MAX / 4);
	a->name = config_text(&a->arena, m->cluster_name);
	a->endpoints = ARENA_NEW_ARRAY(&a->arena, struct endpoint, total);
	a->localities = ARENA_NEW_ARRAY(&a->arena, struct locality, m->n_endpoints);
	enum status status = read_policy(a, m->policy, diag);
	if (!status)
		status = read_localities(a, m, takes_names, diag);
	if (status) {
		assignment_free(a);
		*out = NULL;
	}
	return status;
}

#include <envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided.pb-c.h>
#include <envoy/extensions/load_balancing_policies/least_request/v3/least_request.pb-c.h>
#include <envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb-c.h>
#include <envoy/extensions/load_balancing_policies/random/v3/random.pb-c.h>
#include <envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb-c.h>
#include <envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.pb-c.h>
#include <envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.pb-c.h>

#include <stdlib.h>

#include "upstream/cluster_config.h"
#include "upstream/config_values.h"
#include "upstream/labels.h"

typedef Envoy__Config__Cluster__V3__Cluster cluster_message;
typedef Envoy__Extensions__LoadBalancingPolicies__Common__V3__LocalityLbConfig locality_message;
typedef Envoy__Extensions__LoadBalancingPolicies__Common__V3__SlowStartConfig slow_start_message;

enum {
	DEFAULT_CHOICES = 2,
	DEFAULT_MIN_RING = 1024,
	LARGEST_RING = 8 << 20,
	DEFAULT_TABLE = 65537,
	LARGEST_TABLE = 5000011,
	DEFAULT_PANIC_PERCENT = 50,
};

static void set_defaults(struct lb_config *lb)
{
	*lb = (struct lb_config){
		.policy = LB_ROUND_ROBIN,
		.choice_count = DEFAULT_CHOICES,
		.min_ring_size = DEFAULT_MIN_RING,
		.max_ring_size = LARGEST_RING,
		.table_size = DEFAULT_TABLE,
		.active_request_bias = 1.0,
		.panic_threshold = DEFAULT_PANIC_PERCENT,
		.slow_start_aggression = 1.0,
		.slow_start_min_percent = 10.0,
	};
}

static bool is_prime(uint64_t n)
{
	if (n < 2)
		return false;
	for (uint64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return true;
}

static enum status check_sizes(const struct lb_config *lb, struct diag *diag)
{
	if (lb->min_ring_size > LARGEST_RING || lb->max_ring_size > LARGEST_RING)
		return diag_at(diag, "ring_hash_lb_config", "a ring holds at most %d entries",
			       LARGEST_RING);
	if (!lb->min_ring_size || lb->min_ring_size > lb->max_ring_size)
		return diag_at(diag, "ring_hash_lb_config",
			       "minimum_ring_size (%lu) must not be 0 or greater than "
			       "maximum_ring_size (%lu)",
			       (unsigned long)lb->min_ring_size, (unsigned long)lb->max_ring_size);
	if (lb->table_size > LARGEST_TABLE || !is_prime(lb->table_size))
		return diag_at(diag, "maglev_lb_config.table_size", "must be a prime of at most %d",
			       LARGEST_TABLE);
	return STATUS_OK;
}

static enum status read_slow_start(struct lb_config *lb, const Google__Protobuf__Duration *window,
				   const Envoy__Config__Core__V3__RuntimeDouble *aggression,
				   const Envoy__Type__V3__Percent *min_percent, struct diag *diag)
{
	enum status status =
		config_ms(window, "slow_start_config.slow_start_window", &lb->slow_start_ms, diag);
	if (aggression)
		lb->slow_start_aggression = aggression->default_value;
	lb->slow_start_min_percent = config_percent(min_percent, lb->slow_start_min_percent);
	if (!status && !(lb->slow_start_aggression > 0))
		return diag_at(diag, "slow_start_config.aggression", "must be greater than 0");
	return status;
}

static enum status
read_legacy_slow_start(struct lb_config *lb,
		       const Envoy__Config__Cluster__V3__Cluster__SlowStartConfig *m,
		       struct diag *diag)
{
	if (!m)
		return STATUS_OK;
	return read_slow_start(lb, m->slow_start_window, m->aggression, m->min_weight_percent,
			       diag);
}

static enum status read_typed_slow_start(struct lb_config *lb, const slow_start_message *m,
					 struct diag *diag)
{
	if (!m)
		return STATUS_OK;
	return read_slow_start(lb, m->slow_start_window, m->aggression, m->min_weight_percent,
			       diag);
}

static enum status read_legacy_policy(struct cluster *cluster, const cluster_message *message,
				      struct diag *diag)
{
	struct lb_config *lb = &cluster->lb;
	unsigned policy = (unsigned)message->lb_policy;

	switch (policy) {
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__ROUND_ROBIN:
		lb->policy = LB_ROUND_ROBIN;
		break;
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__LEAST_REQUEST:
		lb->policy = LB_LEAST_REQUEST;
		break;
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__RING_HASH:
		lb->policy = LB_RING_HASH;
		break;
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__RANDOM:
		lb->policy = LB_RANDOM;
		break;
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__MAGLEV:
		lb->policy = LB_MAGLEV;
		break;
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__CLUSTER_PROVIDED:
		lb->policy = LB_ORIGINAL_DST;
		break;
	case ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__LOAD_BALANCING_POLICY_CONFIG:
		return diag_at(diag, "load_balancing_policy",
			       "is required when lb_policy is LOAD_BALANCING_POLICY_CONFIG");
	default:
		return diag_at(diag, "lb_policy", "unknown value %u", policy);
	}
	if (message->lb_config_case ==
	    ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_RING_HASH_LB_CONFIG) {
		lb->min_ring_size = config_u64(message->ring_hash_lb_config->minimum_ring_size,
					       lb->min_ring_size);
		lb->max_ring_size = config_u64(message->ring_hash_lb_config->maximum_ring_size,
					       lb->max_ring_size);
		lb->is_murmur =
			message->ring_hash_lb_config->hash_function ==
			ENVOY__CONFIG__CLUSTER__V3__CLUSTER__RING_HASH_LB_CONFIG__HASH_FUNCTION__MURMUR_HASH_2;
	} else if (message->lb_config_case ==
		   ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_MAGLEV_LB_CONFIG) {
		lb->table_size = config_u64(message->maglev_lb_config->table_size, lb->table_size);
	} else if (message->lb_config_case ==
		   ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_LEAST_REQUEST_LB_CONFIG) {
		lb->choice_count = config_u32(message->least_request_lb_config->choice_count,
					      lb->choice_count);
		if (message->least_request_lb_config->active_request_bias)
			lb->active_request_bias = message->least_request_lb_config
							  ->active_request_bias->default_value;
		return read_legacy_slow_start(
			lb, message->least_request_lb_config->slow_start_config, diag);
	} else if (message->lb_config_case ==
		   ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_ROUND_ROBIN_LB_CONFIG) {
		return read_legacy_slow_start(lb, message->round_robin_lb_config->slow_start_config,
					      diag);
	}
	return STATUS_OK;
}

static void read_locality(struct lb_config *lb, const locality_message *m)
{
	if (!m)
		return;
	if (m->locality_config_specifier_case ==
	    ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__COMMON__V3__LOCALITY_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_LOCALITY_WEIGHTED_LB_CONFIG)
		lb->is_locality_weighted = true;
	else if (
		m->locality_config_specifier_case ==
		ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__COMMON__V3__LOCALITY_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_ZONE_AWARE_LB_CONFIG)
		lb->fails_on_panic = m->zone_aware_lb_config->fail_traffic_on_panic;
}

static void read_consistent(
	struct lb_config *lb,
	const Envoy__Extensions__LoadBalancingPolicies__Common__V3__ConsistentHashingLbConfig *m)
{
	if (!m)
		return;
	lb->is_hostname_hashed = m->use_hostname_for_hashing;
	lb->hash_balance_factor = config_u32(m->hash_balance_factor, 0);
}

static enum status read_least_request(struct lb_config *lb, const Google__Protobuf__Any *any,
				      struct diag *diag)
{
	const Envoy__Extensions__LoadBalancingPolicies__LeastRequest__V3__LeastRequest *m = config_any(
		any,
		&envoy__extensions__load_balancing_policies__least_request__v3__least_request__descriptor);
	lb->policy = LB_LEAST_REQUEST;
	lb->choice_count = config_u32(m->choice_count, lb->choice_count);
	lb->is_full_scan =
		config_bool(m->enable_full_scan, false) ||
		m->selection_method ==
			ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__LEAST_REQUEST__V3__LEAST_REQUEST__SELECTION_METHOD__FULL_SCAN;
	if (m->active_request_bias)
		lb->active_request_bias = m->active_request_bias->default_value;
	read_locality(lb, m->locality_lb_config);
	return read_typed_slow_start(lb, m->slow_start_config, diag);
}

static void read_ring_hash(struct lb_config *lb, const Google__Protobuf__Any *any)
{
	const Envoy__Extensions__LoadBalancingPolicies__RingHash__V3__RingHash *m = config_any(
		any,
		&envoy__extensions__load_balancing_policies__ring_hash__v3__ring_hash__descriptor);
	lb->policy = LB_RING_HASH;
	lb->min_ring_size = config_u64(m->minimum_ring_size, lb->min_ring_size);
	lb->max_ring_size = config_u64(m->maximum_ring_size, lb->max_ring_size);
	lb->is_murmur =
		m->hash_function ==
		ENVOY__EXTENSIONS__LOAD_BALANCING_POLICIES__RING_HASH__V3__RING_HASH__HASH_FUNCTION__MURMUR_HASH_2;
	lb->is_hostname_hashed = m->use_hostname_for_hashing;
	lb->hash_balance_factor = config_u32(m->hash_balance_factor, 0);
	lb->is_locality_weighted |= m->locality_weighted_lb_config != NULL;
	read_consistent(lb, m->consistent_hashing_lb_config);
}

static void read_maglev(struct lb_config *lb, const Google__Protobuf__Any *any)
{
	const Envoy__Extensions__LoadBalancingPolicies__Maglev__V3__Maglev *m = config_any(
		any, &envoy__extensions__load_balancing_policies__maglev__v3__maglev__descriptor);
	lb->policy = LB_MAGLEV;
	lb->table_size = config_u64(m->table_size, lb->table_size);
	lb->is_locality_weighted |= m->locality_weighted_lb_config != NULL;
	read_consistent(lb, m->consistent_hashing_lb_config);
}

static enum status read_policies(struct lb_config *lb,
				 const Envoy__Config__Cluster__V3__LoadBalancingPolicy *list,
				 unsigned depth, struct diag *diag);

/* STATUS_NOT_FOUND: not a policy that is known here. */
static enum status read_policy(struct lb_config *lb, const Google__Protobuf__Any *any,
			       unsigned depth, struct diag *diag)
{
	if (config_any(
		    any,
		    &envoy__extensions__load_balancing_policies__least_request__v3__least_request__descriptor))
		return read_least_request(lb, any, diag);
	if (config_any(
		    any,
		    &envoy__extensions__load_balancing_policies__ring_hash__v3__ring_hash__descriptor)) {
		read_ring_hash(lb, any);
		return STATUS_OK;
	}
	if (config_any(
		    any,
		    &envoy__extensions__load_balancing_policies__maglev__v3__maglev__descriptor)) {
		read_maglev(lb, any);
		return STATUS_OK;
	}
	if (config_any(
		    any,
		    &envoy__extensions__load_balancing_policies__cluster_provided__v3__cluster_provided__descriptor)) {
		lb->policy = LB_ORIGINAL_DST;
		return STATUS_OK;
	}
	const Envoy__Extensions__LoadBalancingPolicies__RoundRobin__V3__RoundRobin *round_robin = config_any(
		any,
		&envoy__extensions__load_balancing_policies__round_robin__v3__round_robin__descriptor);
	if (round_robin) {
		lb->policy = LB_ROUND_ROBIN;
		read_locality(lb, round_robin->locality_lb_config);
		return read_typed_slow_start(lb, round_robin->slow_start_config, diag);
	}
	const Envoy__Extensions__LoadBalancingPolicies__Random__V3__Random *chance = config_any(
		any, &envoy__extensions__load_balancing_policies__random__v3__random__descriptor);
	if (chance) {
		lb->policy = LB_RANDOM;
		read_locality(lb, chance->locality_lb_config);
		return STATUS_OK;
	}
	const Envoy__Extensions__LoadBalancingPolicies__WrrLocality__V3__WrrLocality *wrr = config_any(
		any,
		&envoy__extensions__load_balancing_policies__wrr_locality__v3__wrr_locality__descriptor);
	if (wrr && depth == 0) {
		lb->is_locality_weighted = true;
		return read_policies(lb, wrr->endpoint_picking_policy, depth + 1, diag);
	}
	return STATUS_NOT_FOUND;
}

static enum status read_policies(struct lb_config *lb,
				 const Envoy__Config__Cluster__V3__LoadBalancingPolicy *list,
				 unsigned depth, struct diag *diag)
{
	const char *first = "none";

	for (size_t i = 0; list && i < list->n_policies; i++) {
		const Envoy__Config__Core__V3__TypedExtensionConfig *config =
			list->policies[i]->typed_extension_config;
		if (!config)
			return diag_set(diag, "typed_extension_config is required"),
			       diag_prefix(diag, "load_balancing_policy.policies[%zu]", i),
			       STATUS_INVALID;
		enum status status = read_policy(lb, config->typed_config, depth, diag);
		if (status != STATUS_NOT_FOUND) {
			if (status)
				diag_prefix(diag, "load_balancing_policy.policies[%zu]", i);
			return status;
		}
		if (i == 0)
			first = config->name;
	}
	return diag_at(diag, "load_balancing_policy",
		       "none of the policies is known (the first is '%s')", first);
}

static void read_common_lb(struct cluster *cluster,
			   const Envoy__Config__Cluster__V3__Cluster__CommonLbConfig *m)
{
	struct lb_config *lb = &cluster->lb;

	if (!m)
		return;
	lb->panic_threshold = config_percent(m->healthy_panic_threshold, lb->panic_threshold);
	if (m->locality_config_specifier_case ==
	    ENVOY__CONFIG__CLUSTER__V3__CLUSTER__COMMON_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_LOCALITY_WEIGHTED_LB_CONFIG)
		lb->is_locality_weighted = true;
	else if (
		m->locality_config_specifier_case ==
		ENVOY__CONFIG__CLUSTER__V3__CLUSTER__COMMON_LB_CONFIG__LOCALITY_CONFIG_SPECIFIER_ZONE_AWARE_LB_CONFIG)
		lb->fails_on_panic = m->zone_aware_lb_config->fail_traffic_on_panic;
	if (m->consistent_hashing_lb_config) {
		lb->is_hostname_hashed = m->consistent_hashing_lb_config->use_hostname_for_hashing;
		lb->hash_balance_factor =
			config_u32(m->consistent_hashing_lb_config->hash_balance_factor, 0);
	}
	cluster->ignores_new_hosts_until_checked = m->ignore_new_hosts_until_first_hc;
	cluster->closes_on_host_set_change = m->close_connections_on_host_set_change;
}

enum status cluster_lb_config(struct cluster *cluster,
			      const Envoy__Config__Cluster__V3__Cluster *message, struct diag *diag)
{
	struct lb_config *lb = &cluster->lb;

	set_defaults(lb);
	read_common_lb(cluster, message->common_lb_config);
	enum status status = message->load_balancing_policy
				     ? read_policies(lb, message->load_balancing_policy, 0, diag)
				     : read_legacy_policy(cluster, message, diag);
	if (!status)
		status = check_sizes(lb, diag);
	if (!status && lb->choice_count < 2)
		status =
			diag_at(diag, "least_request_lb_config.choice_count", "must be at least 2");
	if (!status && (lb->policy == LB_ORIGINAL_DST) != (cluster->type == CLUSTER_ORIGINAL_DST))
		status = diag_at(diag, "lb_policy",
				 "CLUSTER_PROVIDED and type ORIGINAL_DST need each other");
	if (!status && lb->hash_balance_factor && lb->hash_balance_factor < 100)
		status = diag_at(
			diag, "common_lb_config.consistent_hashing_lb_config.hash_balance_factor",
			"must be at least 100");
	if (!status)
		status = cluster_subset_config(cluster, message->lb_subset_config, diag);
	return status;
}

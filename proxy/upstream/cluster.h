/* A cluster: how its hosts are found, chosen, limited, checked and spoken to. No host is in here.
 *
 *   protobuf message -> cluster_build -> struct cluster -> published to a slot
 *                                        its host sets go to the same slot
 *
 * Immutable once built; everything it points at is in its own arena. Owner: the references of
 * `published`. Thread: built by the builder (or main at start), read by all, freed on main.
 * Durations are milliseconds; 0 means "none" where the comment says so. */
#ifndef UPSTREAM_CLUSTER_H
#define UPSTREAM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/published.h"
#include "base/slice.h"
#include "base/status.h"
#include "net/conn_options.h"

struct assignment;
struct breakers;
struct labels;
struct stat_scope;
struct stats;
struct Envoy__Config__Cluster__V3__Cluster;

enum cluster_type {
	CLUSTER_STATIC,
	CLUSTER_STRICT_DNS,
	CLUSTER_LOGICAL_DNS,
	CLUSTER_EDS,
	CLUSTER_ORIGINAL_DST,
};

enum lb_policy {
	LB_ROUND_ROBIN,
	LB_LEAST_REQUEST,
	LB_RANDOM,
	LB_RING_HASH,
	LB_MAGLEV,
	LB_ORIGINAL_DST,
};

/* How a host is chosen. */
struct lb_config {
	enum lb_policy policy;
	uint32_t choice_count; /* least request: how many are compared */
	bool is_full_scan;     /* least request: all are */
	bool is_murmur;        /* ring hash: MurmurHash2 instead of XXH64 */
	bool is_hostname_hashed;
	bool is_locality_weighted;
	bool fails_on_panic;          /* no host at all below the panic threshold */
	uint32_t hash_balance_factor; /* percent; 0: off */
	uint64_t min_ring_size, max_ring_size, table_size;
	double active_request_bias;
	double panic_threshold; /* percent; 0: never */
	uint32_t slow_start_ms; /* 0: off */
	double slow_start_aggression, slow_start_min_percent;
};

enum cluster_priority {
	CLUSTER_PRIORITY_DEFAULT,
	CLUSTER_PRIORITY_HIGH,
	CLUSTER_PRIORITIES,
};

/* Circuit breakers of one priority. */
struct breaker_limits {
	uint32_t max_connections, max_pending, max_requests, max_retries, max_pools;
	bool tracks_remaining;
	bool has_budget; /* retries are limited to a share of the active requests instead */
	double budget_percent;
	uint32_t min_retry_concurrency;
};

struct outlier_config {
	uint32_t interval_ms, base_ejection_ms, max_ejection_ms, ejection_jitter_ms;
	uint32_t max_ejection_percent;
	uint32_t consecutive_5xx, consecutive_gateway, consecutive_local;
	uint32_t enforcing_5xx, enforcing_gateway, enforcing_local; /* percent */
	uint32_t enforcing_success_rate, success_rate_minimum_hosts, success_rate_request_volume,
		success_rate_stdev_factor;
	uint32_t enforcing_failure_percentage, failure_percentage_threshold,
		failure_percentage_minimum_hosts, failure_percentage_request_volume;
	bool splits_local; /* local-origin errors don't count as 5xx */
	bool unejects_on_health_check;
	bool always_ejects_one;
};

enum health_check_type {
	HEALTH_CHECK_HTTP,
	HEALTH_CHECK_TCP,
};

struct status_range {
	int64_t start, end; /* [start, end) */
};

struct header_edit {
	struct slice name, value;
	bool is_append;
};

struct health_check_config {
	enum health_check_type type;
	uint32_t timeout_ms, interval_ms, interval_jitter_ms, initial_jitter_ms, jitter_percent;
	uint32_t no_traffic_interval_ms, no_traffic_healthy_interval_ms;
	uint32_t unhealthy_interval_ms, unhealthy_edge_interval_ms, healthy_edge_interval_ms;
	uint32_t unhealthy_threshold, healthy_threshold;
	uint16_t alt_port; /* 0: the endpoint's */
	bool reuses_connection;
	struct slice send;
	struct slice *receive; /* to be found in this order */
	uint32_t receive_count;
	/* HTTP */
	struct slice host, path, method;
	struct status_range *expected, *retriable;
	uint32_t expected_count, retriable_count;
	struct header_edit *add_headers;
	struct slice *remove_headers;
	uint32_t add_count, remove_count;
	uint64_t response_buffer_size;
};

enum dns_family {
	DNS_FAMILY_AUTO, /* IPv6 if there is an answer, else IPv4 */
	DNS_FAMILY_V4_ONLY,
	DNS_FAMILY_V6_ONLY,
	DNS_FAMILY_V4_PREFERRED,
	DNS_FAMILY_ALL,
};

struct dns_config {
	enum dns_family family;
	uint32_t refresh_ms, failure_base_ms, failure_max_ms, jitter_ms;
	bool respects_ttl, uses_tcp;
	struct addr *resolvers;
	uint32_t resolver_count;
};

/* What HTTP to speak, and how long. */
struct http_options {
	bool has_proper_case;                 /* header names as Proper-Case */
	bool keeps_case;                      /* header names as they came */
	bool has_trailers;                    /* HTTP/1.1 chunked trailers are passed on */
	bool allows_chunked_length;           /* Content-Length beside chunked is tolerated */
	uint32_t idle_timeout_ms;             /* 0: none */
	uint32_t max_connection_ms;           /* 0: none */
	uint32_t max_stream_ms;               /* 0: none */
	uint32_t max_requests_per_connection; /* 0: no limit */
	/* Of multiplexed connections: silence that a heartbeat answers, and how long its answer may
	 * take (connection_keepalive). */
	uint32_t keepalive_interval_ms, keepalive_timeout_ms;
	uint32_t max_headers_count, max_response_headers_kb;
};

enum subset_fallback {
	SUBSET_FALLBACK_NOT_DEFINED,
	SUBSET_FALLBACK_NONE,
	SUBSET_FALLBACK_ANY,
	SUBSET_FALLBACK_DEFAULT,
	SUBSET_FALLBACK_KEYS,
};

struct subset_selector {
	struct slice *keys; /* sorted */
	uint32_t key_count;
	enum subset_fallback fallback;
	struct slice *fallback_keys; /* sorted */
	uint32_t fallback_key_count;
	bool is_single_host;
};

struct subset_config {
	bool is_enabled;
	enum subset_fallback fallback;
	struct subset_selector *selectors;
	uint32_t selector_count;
	const struct labels *default_subset; /* in the namespace "envoy.lb" */
	bool panic_any, list_as_any, is_locality_weight_aware, scales_locality_weight;
};

struct cluster {
	struct published published; /* name, slot, hash */
	struct slice stat_name;     /* alt_stat_name or the name */
	struct slice service_name;  /* what EDS is asked for */
	enum cluster_type type;
	uint32_t connect_timeout_ms;
	uint32_t buffer_limit;
	struct lb_config lb;
	struct subset_config subsets;
	struct breaker_limits breakers[CLUSTER_PRIORITIES];
	struct outlier_config *outlier; /* NULL: off */
	struct health_check_config *checks;
	uint32_t check_count;
	struct dns_config dns;
	struct http_options http;
	const struct labels *labels; /* metadata; never NULL */
	const struct assignment *
		assignment; /* hosts that stand in the configuration: static, or names to resolve */
	struct conn_options socket; /* of all connections to its hosts */
	bool uses_header_for_original_dst;
	struct slice original_dst_header;
	uint16_t original_dst_port; /* 0: as it was */
	uint32_t cleanup_ms;        /* hosts of ORIGINAL_DST not used so long are forgotten */
	bool ignores_new_hosts_until_checked;
	bool closes_on_health_failure, closes_on_host_set_change;
	bool ignores_health_on_removal;
	bool has_pool_per_downstream;
	bool tracks_endpoints, tracks_sizes, tracks_timeout_budgets;
	/* Of all versions of the cluster: a reference, set on main before it is published. */
	struct breakers *shared_breakers;
	/* Taken on main before it is published, dropped when it is freed. */
	struct stats *stats_owner;
	struct stat_scope *stats, *outlier_stats, *health_stats,
		*remaining_stats[CLUSTER_PRIORITIES],
		*ring_stats, /* ring hash and Maglev: of the table */
		*external_stats, *internal_stats,
		*retry_stats; /* codes by origin; of retried answers */
};

/* Compiles a Cluster message. On success *cluster is owned by one reference (main's); slot and
 * version are the caller's to fill in. STATUS_INVALID with the path and reason in diag. */
enum status MUST_CHECK cluster_build(const struct Envoy__Config__Cluster__V3__Cluster *message,
				     struct cluster **cluster, struct diag *diag);

/* Shares the circuit breakers (a reference is taken). Main, before it is published. */
void cluster_share_breakers(struct cluster *cluster, struct breakers *breakers);

/* Takes the stat scopes of the cluster. Main, before it is published. */
void cluster_take_stats(struct cluster *cluster, struct stats *stats);

/* Gives the scopes back, once; cluster_release does. */
void cluster_drop_stats(struct cluster *cluster);

/* Gives back what is counted by main: the scopes and the breakers. Any thread may free it then. */
void cluster_detach(struct cluster *cluster);

/* The published object's `free`: the scopes, the arena, the cluster itself. Main. */
void cluster_release(struct published *published);

/* The same. NULL: nothing. */
void cluster_free(struct cluster *cluster);

#endif

#include "cluster_yaml.h"

#include "telemetry/stats.h"
#include "upstream/labels.h"

#define ONE_HOST                                                                                   \
	"load_assignment: {endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: "     \
	"{address: 10.0.0.1, "                                                                     \
	"port_value: 80}}}}]}]}\n"

static void defaults_are_envoys(void **context)
{
	(void)context;
	struct cluster *c = cluster_of_yaml("name: c1\n" ONE_HOST);
	assert_int_equal(c->type, CLUSTER_STATIC);
	assert_int_equal(c->connect_timeout_ms, 5000);
	assert_int_equal(c->buffer_limit, 1048576);
	assert_int_equal(c->lb.policy, LB_ROUND_ROBIN);
	assert_true(c->lb.panic_threshold > 49 && c->lb.panic_threshold < 51);
	for (int i = 0; i < CLUSTER_PRIORITIES; i++) {
		assert_int_equal(c->breakers[i].max_connections, 1024);
		assert_int_equal(c->breakers[i].max_retries, 3);
	}
	assert_null(c->outlier);
	assert_int_equal(c->check_count, 0);
	assert_int_equal(c->http.idle_timeout_ms, 3600000);
	assert_int_equal(c->http.max_requests_per_connection, 0);
	assert_false(c->subsets.is_enabled);
	assert_int_equal(c->assignment->endpoint_count, 1);
	assert_int_equal(c->assignment->overprovisioning, 140);
	assert_int_equal(c->assignment->endpoints[0].addr.port, 80);
	assert_int_equal(c->labels->count, 0);
	cluster_free(c);
}

static void everything_is_read(void **context)
{
	(void)context;
	struct cluster *c = cluster_of_yaml(
		"name: c1\nalt_stat_name: other\nconnect_timeout: "
		"0.25s\nper_connection_buffer_limit_bytes: 32768\n"
		"type: STRICT_DNS\ndns_refresh_rate: 1s\ndns_lookup_family: "
		"V4_ONLY\nrespect_dns_ttl: true\n"
		"lb_policy: RING_HASH\nring_hash_lb_config: {minimum_ring_size: 3, "
		"maximum_ring_size: 6, hash_function: MURMUR_HASH_2}\n"
		"common_lb_config: {healthy_panic_threshold: {value: 0}, "
		"locality_weighted_lb_config: {}}\n"
		"circuit_breakers: {thresholds: [{max_requests: 5, track_remaining: true}, "
		"{priority: HIGH, max_retries: 7, "
		"retry_budget: {budget_percent: {value: 25}}}]}\n"
		"outlier_detection: {consecutive_5xx: 2, interval: 0.1s, base_ejection_time: 0.3s, "
		"max_ejection_percent: 100}\n"
		"metadata: {filter_metadata: {a: {k: v, num: 1}}}\n"
		"upstream_connection_options: {tcp_keepalive: {keepalive_time: 300}}\n"
		"typed_extension_protocol_options: "
		"{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
		"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
		"common_http_protocol_options: {max_requests_per_connection: 2, idle_timeout: 0s}, "
		"explicit_http_config: {http_protocol_options: {header_key_format: "
		"{proper_case_words: {}}}}}}\n"
		"health_checks: [{timeout: 0.5s, interval: 0.1s, unhealthy_threshold: 1, "
		"healthy_threshold: 2, "
		"http_health_check: {path: /hc, host: h, method: HEAD, expected_statuses: [{start: "
		"200, end: 201}], "
		"receive: [{text: '6F6B'}], request_headers_to_add: [{header: {key: X-Hc, value: "
		"v}}], "
		"request_headers_to_remove: [user-agent]}}]\n"
		"load_assignment: {policy: {overprovisioning_factor: 100, drop_overloads: "
		"[{category: x, drop_percentage: "
		"{numerator: 5, denominator: HUNDRED}}]}, endpoints: ["
		"{priority: 1, lb_endpoints: [{endpoint: {address: {socket_address: {address: "
		"b.test, port_value: 1}}}}]}, "
		"{locality: {zone: z}, load_balancing_weight: 3, lb_endpoints: "
		"[{load_balancing_weight: 2, health_status: "
		"DEGRADED, endpoint: {hostname: other, address: {socket_address: {address: a.test, "
		"port_value: 2}}}}]}]}\n");
	assert_true(slice_equal(c->stat_name, SLICE("other")));
	assert_int_equal(c->connect_timeout_ms, 250);
	assert_int_equal(c->dns.refresh_ms, 1000);
	assert_int_equal(c->dns.family, DNS_FAMILY_V4_ONLY);
	assert_true(c->lb.is_murmur && c->lb.is_locality_weighted && c->lb.max_ring_size == 6);
	assert_false(c->lb.panic_threshold > 0);
	assert_int_equal(c->breakers[0].max_requests, 5);
	assert_int_equal(c->breakers[0].max_pending, 1024);
	assert_true(c->breakers[0].tracks_remaining);
	assert_true(c->breakers[1].has_budget && c->breakers[1].budget_percent > 24);
	assert_int_equal(c->breakers[1].min_retry_concurrency, 3);
	assert_int_equal(c->outlier->consecutive_5xx, 2);
	assert_int_equal(c->outlier->base_ejection_ms, 300);
	assert_int_equal(c->outlier->enforcing_gateway, 0);
	assert_int_equal(labels_find(c->labels, SLICE("a"), SLICE("num"))->kind, LABEL_NUMBER);
	assert_int_equal(c->socket.keepalive_time_s, 300);
	assert_int_equal(c->http.max_requests_per_connection, 2);
	assert_int_equal(c->http.idle_timeout_ms, 0);
	assert_true(c->http.has_proper_case);
	const struct health_check_config *check = &c->checks[0];
	assert_int_equal(check->unhealthy_interval_ms, 100);
	assert_int_equal(check->no_traffic_interval_ms, 60000);
	assert_true(slice_equal(check->method, SLICE("HEAD")));
	assert_true(slice_equal(check->receive[0], SLICE("ok")));
	assert_true(slice_equal(check->add_headers[0].name, SLICE("x-hc")));
	const struct assignment *a = c->assignment;
	assert_int_equal(a->overprovisioning, 100);
	assert_int_equal(a->drops[0].per_million, 50000);
	assert_true(
		slice_equal(a->endpoints[0].name, SLICE("a.test"))); /* priority 0 comes first */
	assert_true(slice_equal(a->endpoints[0].hostname, SLICE("other")));
	assert_true(slice_equal(a->endpoints[1].hostname, SLICE("b.test")));
	assert_int_equal(a->endpoints[0].weight, 2);
	assert_int_equal(a->localities[0].weight, 3);
	assert_int_equal(a->localities[1].priority, 1);
	cluster_free(c);
}

#define POLICY(type, more)                                                                         \
	"{typed_extension_config: {name: p, typed_config: {'@type': "                              \
	"type.googleapis.com/envoy.extensions."                                                    \
	"load_balancing_policies." type more "}}}"
#define UNKNOWN                                                                                    \
	"{typed_extension_config: {name: u, typed_config: {'@type': "                              \
	"type.googleapis.com/xds.type.v3.TypedStruct, "                                            \
	"type_url: type.googleapis.com/no.such.Policy}}}"

static void policies_the_first_known_wins(void **context)
{
	(void)context;
	struct cluster *c = cluster_of_yaml(
		"name: c\nload_balancing_policy: {policies: [" UNKNOWN
		", " POLICY("least_request.v3.LeastRequest",
			    ", selection_method: FULL_SCAN") ", " POLICY("random.v3.Random",
									 "") "]}\n");
	assert_int_equal(c->lb.policy, LB_LEAST_REQUEST);
	assert_true(c->lb.is_full_scan);
	cluster_free(c);
	c = cluster_of_yaml("name: c\nload_balancing_policy: {policies: [" POLICY(
		"wrr_locality.v3.WrrLocality",
		", endpoint_picking_policy: {policies: [" POLICY("maglev.v3.Maglev",
								 ", table_size: 11") "]}") "]}\n");
	assert_int_equal(c->lb.policy, LB_MAGLEV);
	assert_int_equal(c->lb.table_size, 11);
	assert_true(c->lb.is_locality_weighted);
	cluster_free(c);
	assert_refused("name: c\nload_balancing_policy: {policies: [" UNKNOWN "]}\n",
		       "load_balancing_policy", "none of the policies is known");
}

static void faults_have_a_path(void **context)
{
	(void)context;
	assert_refused("lb_policy: RANDOM\n", "name", "empty");
	assert_refused("name: c\nconnect_timeout: 0s\n", "connect_timeout", "greater than 0");
	assert_refused("name: c\ntype: EDS\n", "eds_cluster_config", "required");
	assert_refused("name: c\nlb_policy: MAGLEV\nmaglev_lb_config: {table_size: 12}\n",
		       "maglev_lb_config.table_size", "prime");
	assert_refused("name: c\nlb_policy: RING_HASH\nring_hash_lb_config: {minimum_ring_size: 9, "
		       "maximum_ring_size: 8}\n",
		       "ring_hash_lb_config", "minimum_ring_size");
	assert_refused("name: c\nlb_policy: CLUSTER_PROVIDED\n", "lb_policy", "ORIGINAL_DST");
	assert_refused("name: c\ntype: LOGICAL_DNS\n", "load_assignment", "exactly one endpoint");
	assert_refused("name: c\nload_assignment: {endpoints: [{lb_endpoints: [{endpoint: "
		       "{address: {socket_address: "
		       "{address: a.test, port_value: 1}}}}]}]}\n",
		       "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_"
		       "address.address",
		       "a.test");
	assert_refused("name: c\nload_assignment: {endpoints: [{lb_endpoints: [{endpoint: "
		       "{address: {socket_address: "
		       "{address: 1.1.1.1, port_value: 70000}}}}]}]}\n",
		       "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_"
		       "address.port_value",
		       "65535");
	assert_refused(
		"name: c\nhealth_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
		"healthy_threshold: 1, tcp_health_check: {send: {text: xyz}}}]\n",
		"health_checks[0].tcp_health_check.send.text", "hexadecimal");
	assert_refused("name: c\ntransport_socket: {name: envoy.transport_sockets.tls}\n",
		       "transport_socket", "not supported");
	assert_refused(
		"name: c\noutlier_detection: {base_ejection_time: 10s, max_ejection_time: 5s}\n",
		"outlier_detection.max_ejection_time", "smaller");
	assert_refused("name: c\nlb_subset_config: {subset_selectors: [{keys: [a], "
		       "fallback_policy: KEYS_SUBSET}]}\n",
		       "lb_subset_config.subset_selectors[0].fallback_keys_subset", "empty");
}

static void an_assignment_of_eds(void **context)
{
	(void)context;
	struct assignment *a = assignment_of_yaml(
		"cluster_name: c\nendpoints:\n"
		"- lb_endpoints: [{endpoint_name: one, metadata: {filter_metadata: {envoy.lb: {b: "
		"[1, x], a: {z: 1, w: null}}}}},"
		" {endpoint: {address: {pipe: {path: /run/x}}, health_check_config: {port_value: "
		"9, disable_active_health_check: true}}}]\n"
		"named_endpoints: {one: {address: {socket_address: {address: '::1', port_value: "
		"5}}}}\n");
	assert_int_equal(a->endpoint_count, 2);
	assert_int_equal(a->endpoints[0].addr.family, ADDR_IPV6);
	assert_int_equal(a->endpoints[1].addr.family, ADDR_UNIX);
	assert_int_equal(a->endpoints[1].check->port, 9);
	const struct labels *labels = a->endpoints[0].labels;
	assert_int_equal(labels->count, 2);
	assert_true(slice_equal(labels->items[0].key, SLICE("a"))); /* sorted */
	const struct label *list = labels_find(labels, SLICE("envoy.lb"), SLICE("b"));
	assert_int_equal(list->count, 2);
	assert_true(slice_equal(list->items[1].text, SLICE("x")));
	assert_int_equal(labels->items[0].items[0].kind, LABEL_NULL); /* w before z */
	assignment_free(a);
}

static void stats_are_taken_and_dropped(void **context)
{
	(void)context;
	struct stats *stats = stats_new();
	struct cluster *c = cluster_of_yaml("name: c1\noutlier_detection: {}\ncircuit_breakers: "
					    "{thresholds: [{track_remaining: true}]}\n");
	cluster_take_stats(c, stats);
	assert_true(slice_equal(c->stats->prefix, SLICE("cluster.c1.")));
	assert_true(slice_equal(c->outlier_stats->prefix, SLICE("cluster.c1.outlier_detection.")));
	assert_true(slice_equal(c->remaining_stats[0]->prefix,
				SLICE("cluster.c1.circuit_breakers.default.")));
	assert_null(c->health_stats);
	c->published.free(&c->published);
	stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_envoys),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(policies_the_first_known_wins),
		cmocka_unit_test(faults_have_a_path),
		cmocka_unit_test(an_assignment_of_eds),
		cmocka_unit_test(stats_are_taken_and_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "yaml_support.h"

#include "xds/any.h"
#include "xds/message_hash.h"
#include "xds/message_json.h"
#include "xds/message_merge.h"

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/listener/v3/listener_components.pb-c.h"
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"

#define CLUSTER (&envoy__config__cluster__v3__cluster__descriptor)
#define NODE_TYPE (&envoy__config__core__v3__node__descriptor)
#define METADATA (&envoy__config__core__v3__metadata__descriptor)
#define FILTER (&envoy__config__listener__v3__filter__descriptor)
#define BOOTSTRAP (&envoy__config__bootstrap__v3__bootstrap__descriptor)

static const char *json(struct yaml_fixture *fixture, const ProtobufCMessage *message,
			unsigned indent)
{
	struct message_json_options options = {.indent = indent};
	return message_json(message, &options, &fixture->arena).data;
}

static void becomes(struct yaml_fixture *fixture, const ProtobufCMessageDescriptor *type,
		    const char *yaml, const char *expected)
{
	assert_string_equal(json(fixture, yaml_must(fixture, type, yaml), 0), expected);
}

/* The text is what Envoy's /config_dump shows for the same cluster. */
static void as_envoy_shows_it(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *cluster =
		yaml_must(fixture, CLUSTER,
			  "name: c1\ntype: STATIC\nconnect_timeout: 0.250s\nlb_policy: "
			  "RING_HASH\noutlier_detection: {}\n"
			  "circuit_breakers: {thresholds: [{max_requests: "
			  "0}]}\nring_hash_lb_config: {minimum_ring_size: 10}\n"
			  "common_lb_config: {healthy_panic_threshold: {value: 12.5}}\n"
			  "metadata: {filter_metadata: {envoy.lb: {b: \"q\\\"\\n<\xc3\xa9\", a: "
			  "[1.5, 100000]}}}\n");
	struct message_json_options options = {.indent = 1, .depth = 1, .with_type = true};
	assert_string_equal(
		message_json(cluster, &options, &fixture->arena).data,
		"{\n  \"@type\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\",\n  "
		"\"name\": \"c1\",\n"
		"  \"type\": \"STATIC\",\n  \"connect_timeout\": \"0.250s\",\n  \"lb_policy\": "
		"\"RING_HASH\",\n"
		"  \"circuit_breakers\": {\n   \"thresholds\": [\n    {\n     \"max_requests\": "
		"0\n    }\n   ]\n  },\n"
		"  \"outlier_detection\": {},\n  \"ring_hash_lb_config\": {\n   "
		"\"minimum_ring_size\": \"10\"\n  },\n"
		"  \"metadata\": {\n   \"filter_metadata\": {\n    \"envoy.lb\": {\n     \"a\": "
		"[\n      \"1.5\",\n"
		"      100000\n     ],\n     \"b\": \"q\\\"\\n\\u003c\xc3\xa9\"\n    }\n   }\n  "
		"},\n"
		"  \"common_lb_config\": {\n   \"healthy_panic_threshold\": {\n    \"value\": "
		"12.5\n   }\n  }\n }");
}

static void defaults_are_left_out(void **state)
{
	becomes(*state, CLUSTER,
		"{name: '', lb_policy: 0, type: 0, connect_timeout: 0s, health_checks: []}",
		"{\"type\":\"STATIC\",\"connect_timeout\":\"0s\"}");
}

static void durations(void **state)
{
	becomes(*state, CLUSTER, "connect_timeout: 1.000001s\n",
		"{\"connect_timeout\":\"1.000001s\"}");
	becomes(*state, CLUSTER, "connect_timeout: 1.000000001s\n",
		"{\"connect_timeout\":\"1.000000001s\"}");
	becomes(*state, CLUSTER, "connect_timeout: -0.5s\n", "{\"connect_timeout\":\"-0.500s\"}");
}

static void anys(void **state)
{
	becomes(*state, FILTER,
		"{name: a, typed_config: {'@type': x/google.protobuf.Duration, value: 2s}}",
		"{\"name\":\"a\",\"typed_config\":{\"@type\":\"x/"
		"google.protobuf.Duration\",\"value\":\"2s\"}}");
	becomes(*state, FILTER,
		"{typed_config: {'@type': "
		"x/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: c}}",
		"{\"typed_config\":{\"@type\":\"x/"
		"envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\","
		"\"cluster\":\"c\"}}");
	becomes(*state, FILTER, "{typed_config: {}}", "{\"typed_config\":{}}");
	struct yaml_fixture *fixture = *state;
	Google__Protobuf__Any inner = GOOGLE__PROTOBUF__ANY__INIT, outer = inner;
	char url[] = "x/google.protobuf.Any";
	any_set(&outer, url, &inner.base);
	assert_string_equal(json(fixture, &outer.base, 0),
			    "{\"@type\":\"x/google.protobuf.Any\",\"value\":{}}");
	ProtobufCMessage *unknown =
		yaml_try(fixture, FILTER, "t", "{typed_config: {'@type': x/no.such, a: 1}}", true);
	assert_string_equal(json(fixture, unknown, 0),
			    "{\"typed_config\":{\"@type\":\"x/no.such\"}}");
}

static void values_of_all_kinds(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *node = yaml_try(fixture, NODE_TYPE, "t.json",
					  "{\"metadata\": {\"n\": null, \"d\": 0.1, \"e\": 1e300, "
					  "\"l\": [], \"b\": true, \"m\": {}, \"s\": \"\\u0001\"}}",
					  false);
	assert_string_equal(json(fixture, node, 0),
			    "{\"metadata\":{\"b\":true,\"d\":0.1,\"e\":1e+300,\"l\":[],\"m\":{},"
			    "\"n\":null,\"s\":\"\\u0001\"}}");
	becomes(fixture, &envoy__config__core__v3__data_source__descriptor,
		"inline_bytes: aGVsbA==\n", "{\"inline_bytes\":\"aGVsbA==\"}");
	becomes(fixture, &envoy__config__core__v3__data_source__descriptor,
		"inline_bytes: aGVsbG8=\n", "{\"inline_bytes\":\"aGVsbG8=\"}");
	becomes(fixture,
		&envoy__extensions__filters__network__dubbo_proxy__v3__method_match__descriptor,
		"{params_match: {2: {exact_match: a}, 0: {range_match: {start: -5, end: 7}}}}",
		"{\"params_match\":{\"0\":{\"range_match\":{\"start\":\"-5\",\"end\":\"7\"}},\"2\":"
		"{\"exact_match\":\"a\"}}}");
}

/* A key is shown whole, however long it is. */
static void long_keys(void **state)
{
	struct yaml_fixture *fixture = *state;
	char yaml[700], expected[700];

	snprintf(yaml, sizeof yaml, "{filter_metadata: {%0300d: {}, %0300d: {}}}", 2, 1);
	snprintf(expected, sizeof expected, "{\"filter_metadata\":{\"%0300d\":{},\"%0300d\":{}}}",
		 1, 2);
	becomes(fixture, METADATA, yaml, expected);
}

/* What is written reads back as the same message. */
static void round_trip(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *one = yaml_must(
		fixture, CLUSTER,
		"name: c\nload_assignment: {cluster_name: c, endpoints: [{locality: {zone: z}, "
		"lb_endpoints: [{endpoint: "
		"{address: {socket_address: {address: 1.2.3.4, port_value: 5}}}, health_status: "
		"DRAINING, "
		"load_balancing_weight: 3}]}]}\nmetadata: {filter_metadata: {x: {y: [1, {z: "
		"w}]}}}\n"
		"typed_extension_protocol_options: {e: {'@type': "
		"t/envoy.extensions.upstreams.http.v3."
		"HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}}}\n");
	ProtobufCMessage *two = yaml_try(fixture, CLUSTER, "t.json", json(fixture, one, 2), false);
	assert_non_null(two);
	assert_string_equal(json(fixture, one, 0), json(fixture, two, 0));
	assert_true(message_hash(one) == message_hash(two));
}

static void hash_of(struct yaml_fixture *fixture, const char *one, const char *two, bool same)
{
	ProtobufCMessage *a = yaml_must(fixture, CLUSTER, one),
			 *b = yaml_must(fixture, CLUSTER, two);
	if ((message_hash(a) == message_hash(b)) != same)
		fail_msg("%s\n%s", one, two);
}

static void hashes(void **state)
{
	hash_of(*state, "{name: c}", "{name: c, lb_policy: ROUND_ROBIN}", true);
	hash_of(*state, "{name: c}", "{name: d}", false);
	hash_of(*state, "{name: c}", "{alt_stat_name: c}", false);
	hash_of(*state, "{outlier_detection: {}}", "{}", false);
	hash_of(*state, "{metadata: {filter_metadata: {a: {x: 1}, b: {}}}}",
		"{metadata: {filter_metadata: {b: {}, a: {x: 1}}}}", true);
	hash_of(*state, "{metadata: {filter_metadata: {a: {x: 1}}}}",
		"{metadata: {filter_metadata: {a: {x: 2}}}}", false);
	hash_of(*state, "{health_checks: [{timeout: 1s}, {timeout: 2s}]}",
		"{health_checks: [{timeout: 2s}, {timeout: 1s}]}", false);
	hash_of(*state,
		"{filters: [{typed_config: {'@type': "
		"a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: a}}]}",
		"{filters: [{typed_config: {'@type': "
		"b/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: a}}]}",
		true);
	hash_of(*state,
		"{filters: [{typed_config: {'@type': "
		"a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: a}}]}",
		"{filters: [{typed_config: {'@type': "
		"a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: b}}]}",
		false);
}

static void merged(struct yaml_fixture *fixture, const ProtobufCMessageDescriptor *type,
		   const char *one, const char *two, const char *expected)
{
	ProtobufCMessage *into = yaml_must(fixture, type, one);
	message_merge(into, yaml_must(fixture, type, two), &fixture->arena);
	assert_string_equal(json(fixture, into, 0), expected);
}

static void merging(void **state)
{
	merged(*state, NODE_TYPE, "{id: a, cluster: b}", "{id: c, locality: {zone: z}}",
	       "{\"id\":\"c\",\"cluster\":\"b\",\"locality\":{\"zone\":\"z\"}}");
	merged(*state, BOOTSTRAP, "{static_resources: {clusters: [{name: a}]}, node: {id: x}}",
	       "{static_resources: {clusters: [{name: b}]}, node: {cluster: w}}",
	       "{\"node\":{\"id\":\"x\",\"cluster\":\"w\"},\"static_resources\":{\"clusters\":[{"
	       "\"name\":\"a\"},{\"name\":\"b\"}]}}");
	/* an empty message still sets its field, a wrapper's 0 counts */
	merged(*state, CLUSTER, "{}", "{outlier_detection: {}}", "{\"outlier_detection\":{}}");
	merged(*state, CLUSTER, "{per_connection_buffer_limit_bytes: 5}",
	       "{per_connection_buffer_limit_bytes: 6}",
	       "{\"per_connection_buffer_limit_bytes\":6}");
	merged(*state, CLUSTER, "{ring_hash_lb_config: {minimum_ring_size: 5}}",
	       "{maglev_lb_config: {table_size: 7}}",
	       "{\"maglev_lb_config\":{\"table_size\":\"7\"}}");
	merged(*state, CLUSTER, "{ring_hash_lb_config: {minimum_ring_size: 5}}",
	       "{ring_hash_lb_config: {maximum_ring_size: 7}}",
	       "{\"ring_hash_lb_config\":{\"minimum_ring_size\":\"5\",\"maximum_ring_size\":\"7\"}"
	       "}");
	merged(*state, METADATA, "{filter_metadata: {a: {x: 1}, b: {y: 1}}}",
	       "{filter_metadata: {b: {z: 1}, c: {}}}",
	       "{\"filter_metadata\":{\"a\":{\"x\":1},\"b\":{\"z\":1},\"c\":{}}}");
	merged(*state, FILTER,
	       "{typed_config: {'@type': a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, "
	       "cluster: a}}",
	       "{typed_config: {'@type': a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, "
	       "stat_prefix: b}}",
	       "{\"typed_config\":{\"@type\":\"a/"
	       "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\",\"stat_prefix\":\"b\"}}");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, yaml_fixture_setup, yaml_fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(as_envoy_shows_it),
		T(defaults_are_left_out),
		T(durations),
		T(anys),
		T(values_of_all_kinds),
		T(long_keys),
		T(round_trip),
		T(hashes),
		T(merging),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

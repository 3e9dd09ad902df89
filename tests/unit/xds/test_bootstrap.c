#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "xds/bootstrap.h"

static char last_report[1024];
static unsigned warnings;

static void note(void *context, const struct diag *diag, bool is_fault)
{
	(void)context;
	warnings += !is_fault;
	diag_format(diag, last_report, sizeof last_report);
}

static const char *write_file(const char *suffix, const char *text)
{
	static char path[64];
	snprintf(path, sizeof path, "/tmp/bootstrap-XXXXXX%s", suffix);
	int fd = mkstemps(path, (int)strlen(suffix));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

/* The diag, formatted; the file's name is left out. */
static const char *refused(const char *text)
{
	static char said[1024];
	struct bootstrap bootstrap;
	struct bootstrap_options options = {.yaml = text, .report = note};
	struct diag diag = {0};
	if (!bootstrap_load(&bootstrap, &options, &diag)) {
		bootstrap_free(&bootstrap);
		return "";
	}
	return diag_format(&diag, said, sizeof said);
}

static void file_and_text_are_merged(void **state)
{
	const char *path = write_file(
		".yaml",
		"node: {id: a, cluster: b}\nstatic_resources:\n  clusters:\n  - {name: one}\n");
	struct bootstrap_options options = {
		.path = path,
		.yaml = "{node: {id: c}, static_resources: {clusters: [{name: two}]}}"};
	struct bootstrap bootstrap;
	struct diag diag = {0};
	(void)state;
	assert_int_equal(bootstrap_load(&bootstrap, &options, &diag), STATUS_OK);
	assert_string_equal(bootstrap.message->node->id, "c");
	assert_string_equal(bootstrap.message->node->cluster, "b");
	assert_int_equal(bootstrap.message->static_resources->n_clusters, 2);
	snprintf(diag.path, sizeof diag.path, "static_resources.clusters[0].name");
	bootstrap_place(&bootstrap, &diag);
	assert_string_equal(diag.file, path);
	assert_int_equal(diag.line, 4);
	bootstrap_free(&bootstrap);
	unlink(path);
}

static void json_by_extension(void **state)
{
	const char *path = write_file(".json", "{\"node\": {\"id\": \"\\ud83d\\ude00\"}}");
	struct bootstrap_options options = {.path = path};
	struct bootstrap bootstrap;
	struct diag diag = {0};
	(void)state;
	assert_int_equal(bootstrap_load(&bootstrap, &options, &diag), STATUS_OK);
	assert_string_equal(bootstrap.message->node->id, "\xf0\x9f\x98\x80");
	bootstrap_free(&bootstrap);
	unlink(path);
}

static void without_a_configuration(void **state)
{
	struct bootstrap_options options = {.path = "/nonexistent/file.yaml"}, none = {0};
	struct bootstrap bootstrap;
	struct diag diag = {0};
	char said[256];
	(void)state;
	assert_int_equal(bootstrap_load(&bootstrap, &options, &diag), -ENOENT);
	assert_string_equal(diag_format(&diag, said, sizeof said),
			    "/nonexistent/file.yaml: can't be read: No such file or directory");
	diag = (struct diag){0};
	assert_int_equal(bootstrap_load(&bootstrap, &none, &diag), STATUS_INVALID);
	assert_string_equal(diag.text, "no configuration: give -c FILE or --config-yaml TEXT");
}

static void faults_of_every_stage_have_a_place(void **state)
{
	(void)state;
	assert_string_equal(refused("admin: {address: [}"),
			    "--config-yaml:1:19: not YAML: did not find expected node content "
			    "while parsing a flow node");
	assert_string_equal(refused("no_such: 1"),
			    "--config-yaml:1:1: no_such: no such field in Bootstrap");
	assert_string_equal(
		refused("static_resources:\n  clusters:\n  - {name: ''}\n"),
		"--config-yaml:3:6: static_resources.clusters[0].name: must not be empty");
	assert_string_equal(refused("static_resources:\n  clusters:\n  - name: a\n  - name: a\n"),
			    "--config-yaml:4:5: static_resources.clusters[1].name: there is a "
			    "cluster a already");
}

static void unknown_fields_may_be_allowed(void **state)
{
	struct bootstrap_options options = {.yaml = "{no_such: 1, hds_config: {}}",
					    .allow_unknown = true,
					    .report = note,
					    .allow_unsupported = true};
	struct bootstrap bootstrap;
	struct diag diag = {0};
	(void)state;
	warnings = 0;
	assert_int_equal(bootstrap_load(&bootstrap, &options, &diag), STATUS_OK);
	assert_int_equal(warnings, 2);
	assert_string_equal(last_report, "--config-yaml:1:14: hds_config: has no effect");
	bootstrap_free(&bootstrap);
}

#define ROUTER                                                                                     \
	"{name: r, typed_config: {'@type': t/envoy.extensions.filters.http.router.v3.Router}}"
#define FAULT                                                                                      \
	"{name: f, typed_config: {'@type': t/envoy.extensions.filters.http.fault.v3.HTTPFault}}"
#define TCP                                                                                        \
	"{name: t, typed_config: {'@type': "                                                       \
	"t/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, "                               \
	"stat_prefix: s, cluster: c}}"
#define LIMIT                                                                                      \
	"{name: l, typed_config: {'@type': "                                                       \
	"t/envoy.extensions.filters.network.connection_limit.v3."                                  \
	"ConnectionLimit, stat_prefix: s, max_connections: 1}}"
#define ADDRESS "address: {socket_address: {address: 127.0.0.1, port_value: 80}}"

static void listeners(void **state)
{
	static const char *const rows[][2] = {
		{"{name: l, " ADDRESS ", filter_chains: [{filters: [" TCP "]}]}", ""},
		{"{name: l, " ADDRESS ", default_filter_chain: {filters: [" LIMIT ", " TCP "]}}",
		 ""},
		{"{name: l, filter_chains: [{filters: [" TCP "]}]}",
		 "listeners[0].address: must be set"},
		{"{name: l, " ADDRESS "}",
		 "listeners[0].filter_chains: must have at least 1 of them"},
		{"{name: l, address: {socket_address: {address: h, port_value: 1}}, filter_chains: "
		 "[{}]}",
		 "listeners[0].address.socket_address.address: \"h\" is no IP address"},
		{"{name: l, " ADDRESS ", filter_chains: [{filters: [" TCP ", " TCP "]}]}",
		 "listeners[0].filter_chains[0].filters[0]: this filter ends a chain, and must be "
		 "the last"},
		{"{name: l, " ADDRESS ", filter_chains: [{filters: [" LIMIT "]}]}",
		 "listeners[0].filter_chains[0].filters[0]: the last filter must be one that ends "
		 "a chain, as http_connection_manager, rpc_proxy or tcp_proxy"},
		{"{name: l, " ADDRESS ", filter_chains: [{}, {filter_chain_match: "
		 "{destination_port: 1}}, {filter_chain_match: "
		 "{destination_port: 1}}]}",
		 "listeners[0].filter_chains[2].filter_chain_match: is the same as that of "
		 "filter_chains[1]"},
		{"{name: l, " ADDRESS ", filter_chains: [{}, {filter_chain_match: {}}]}",
		 "listeners[0].filter_chains[1].filter_chain_match: is the same as that of "
		 "filter_chains[0]"},
		{"{name: a, " ADDRESS ", filter_chains: [{}]}, {name: b, " ADDRESS
		 ", filter_chains: [{}]}",
		 "listeners[1].address: listener a listens there already"},
		{"{name: a, " ADDRESS ", filter_chains: [{}]}, {name: b, " ADDRESS
		 ", filter_chains: [{}], bind_to_port: false}",
		 ""},
	};
	char text[2048], expected[512];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(text, sizeof text, "static_resources: {listeners: [%s]}", rows[i][0]);
		snprintf(expected, sizeof expected, "static_resources.%s", rows[i][1]);
		const char *said = refused(text);
		const char *from = strstr(said, "static_resources.");
		if (strcmp(from ? from : said, rows[i][1][0] ? expected : ""))
			fail_msg("%s\nsays: %s\nnot:  %s", text, said, expected);
	}
}

/* A bootstrap with one HTTP listener: fields of the manager, fields of the table, routes. */
static const char *with_manager(const char *manager, const char *table, const char *routes)
{
	static char text[4096];
	snprintf(text, sizeof text,
		 "{static_resources: {clusters: [{name: c}], listeners: [{name: l, " ADDRESS
		 ", filter_chains: [{filters: [{name: "
		 "h, typed_config: {'@type': "
		 "t/envoy.extensions.filters.network.http_connection_manager.v3."
		 "HttpConnectionManager, stat_prefix: s, %s, route_config: {%s virtual_hosts: "
		 "[%s]}}}]}]}]}}",
		 manager, table, routes);
	return text;
}

static void managers_and_routes(void **state)
{
#define HOST(routes) "{name: v, domains: ['*'], routes: [" routes "]}"
#define ACTION(fields) HOST("{match: {prefix: /}, route: {" fields "}}")
	static const char *const rows[][4] = {
		{"http_filters: [" ROUTER "]", "", ACTION("cluster: c"), ""},
		{"http_filters: []", "", ACTION("cluster: c"), ""},
		{"http_filters: [" FAULT "]", "", "",
		 "http_filters[0]: the last filter must be one that ends a chain, as "
		 "envoy.filters.http.router"},
		{"http_filters: [" ROUTER ", " FAULT "]", "", "",
		 "http_filters[0]: this filter ends a chain, and must be the last"},
		{"request_timeout: -1s", "", "", "request_timeout: must not be negative"},
		{"request_timeout: {seconds: 1, nanos: 999999999}", "", "", ""},
		{"request_timeout: {seconds: 1, nanos: 1000000000}", "", "",
		 "request_timeout: is out of range"},
		{"request_timeout: {seconds: 315576000001}", "", "",
		 "request_timeout: is out of range"},
		{"http_filters: []", "vhost_header: \"a\\nb\",", "",
		 "route_config.vhost_header: must not contain a line break"},
		{"http_filters: []", "", ACTION("cluster: nope"),
		 "route_config.virtual_hosts[0].routes[0].route.cluster: there is no cluster nope"},
		{"http_filters: []", "",
		 ACTION("cluster: c, request_mirror_policies: [{cluster: c}, {cluster: nope}]"),
		 "route_config.virtual_hosts[0].routes[0].route.request_mirror_policies[1]: there "
		 "is no cluster nope"},
		{"http_filters: []", "validate_clusters: false,", ACTION("cluster: nope"), ""},
		{"http_filters: []", "",
		 ACTION("weighted_clusters: {clusters: [{name: nope, weight: 1}]}"),
		 "route_config.virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0]: "
		 "there is no cluster nope"},
		{"http_filters: []", "",
		 ACTION("weighted_clusters: {clusters: [{name: c, weight: 0}]}"),
		 "route_config.virtual_hosts[0].routes[0].route.weighted_clusters.clusters: the "
		 "weights must not all be 0"},
		{"http_filters: []", "",
		 ACTION("weighted_clusters: {clusters: [{name: c, cluster_header: x, weight: 1}]}"),
		 "route_config.virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0]: "
		 "must have one of name and "
		 "cluster_header"},
		{"http_filters: []", "",
		 ACTION("cluster: c, prefix_rewrite: /a, regex_rewrite: {pattern: {regex: a}}"),
		 "route_config.virtual_hosts[0].routes[0].route: at most one of prefix_rewrite, "
		 "regex_rewrite, "
		 "path_rewrite_policy and path_rewrite may be set"},
		{"http_filters: []", "",
		 ACTION("cluster: c, retry_policy: {retry_back_off: {base_interval: 2s, "
			"max_interval: 1s}}"),
		 "route_config.virtual_hosts[0].routes[0].route.retry_policy.retry_back_off.max_"
		 "interval: must not be less than "
		 "base_interval"},
		{"http_filters: []", "",
		 HOST("{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: "
		      "{key: Host}}]}"),
		 "route_config.virtual_hosts[0].routes[0].request_headers_to_add[0]: \"Host\": "
		 "host and pseudo-headers can't be "
		 "added or removed"},
		{"http_filters: []", "response_headers_to_remove: [a, ':status'],", "",
		 "route_config.response_headers_to_remove[1]: \":status\": host and pseudo-headers "
		 "can't be added or removed"},
		{"http_filters: []", "",
		 "{name: v, domains: [a.com, b.com]}, {name: w, domains: [B.com]}",
		 "route_config.virtual_hosts[1].domains[0]: \"B.com\" belongs to virtual host v "
		 "already"},
		{"http_filters: []", "max_direct_response_body_size_bytes: 2,",
		 HOST("{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "
		      "abc}}}"),
		 "route_config.virtual_hosts[0].routes[0].direct_response.body: has 3 bytes, more "
		 "than the limit of 2"},
		{"http_filters: [{name: l, typed_config: {'@type': "
		 "t/envoy.extensions.filters.http.local_ratelimit.v3."
		 "LocalRateLimit, stat_prefix: s, token_bucket: {max_tokens: 1, fill_interval: "
		 "0.01s}}}, " ROUTER "]",
		 "", "",
		 "http_filters[0].typed_config.token_bucket.fill_interval: must be at least 0.05s"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char expected[512];
		const char *text = with_manager(rows[i][0], rows[i][1], rows[i][2]),
			   *said = refused(text);
		const char *from = strstr(said, "typed_config.");
		snprintf(expected, sizeof expected, "typed_config.%s", rows[i][3]);
		if (strcmp(from ? from : said, rows[i][3][0] ? expected : ""))
			fail_msg("%s\nsays: %s\nnot:  %s", text, said, expected);
	}
}

/* A rpc_proxy names clusters in three kinds of routes. */
static void clusters_of_calls(void **state)
{
	static const char *const rows[][2] = {
		{"pass_through: {cluster: c}", ""},
		{"pass_through: {cluster: nope}", "pass_through.cluster: there is no cluster nope"},
		{"route_config: {virtual_hosts: [" ACTION("cluster: c") "]}", ""},
		{"route_config: {virtual_hosts: [" ACTION("cluster: nope") "]}",
		 "route_config.virtual_hosts[0].routes[0].route.cluster: there is no cluster nope"},
		{"rpc_route_config: {services: [{interface: '*', routes: [{route: {cluster: c}}, "
		 "{direct_response: {status: 403}}]}]}",
		 ""},
		{"rpc_route_config: {services: [{interface: a}, {interface: '*', routes: [{route: "
		 "{cluster: c}}, {route: {cluster: nope}}]}]}",
		 "rpc_route_config.services[1].routes[1].route.cluster: there is no cluster nope"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[1024], expected[256];
		snprintf(text, sizeof text,
			 "{static_resources: {clusters: [{name: c}], listeners: [{name: l, " ADDRESS
			 ", filter_chains: [{filters: [{name: r, typed_config: {'@type': "
			 "t/outrigger.filters.network.rpc_proxy.v1.RpcProxy, "
			 "stat_prefix: s, %s}}]}]}]}}",
			 rows[i][0]);
		snprintf(expected, sizeof expected, "typed_config.%s", rows[i][1]);
		const char *said = refused(text), *from = strstr(said, "typed_config.");
		if (strcmp(from ? from : said, rows[i][1][0] ? expected : ""))
			fail_msg("%s\nsays: %s\nnot:  %s", text, said, expected);
	}
}

static void clusters(void **state)
{
	static const char *const rows[][2] = {
		{"{name: c}", ""},
		{"{name: c, ring_hash_lb_config: {minimum_ring_size: 10, maximum_ring_size: 5}}",
		 "ring_hash_lb_config.minimum_ring_size: minimum_ring_size (10) is greater than "
		 "maximum_ring_size (5)"},
		{"{name: c, maglev_lb_config: {table_size: 10}}",
		 "maglev_lb_config.table_size: must be a prime number"},
		{"{name: c, maglev_lb_config: {table_size: 11}}", ""},
		{"{name: c, lb_policy: CLUSTER_PROVIDED}",
		 "lb_policy: CLUSTER_PROVIDED is for the type ORIGINAL_DST"},
		{"{name: c, type: ORIGINAL_DST}",
		 "lb_policy: must be CLUSTER_PROVIDED for the type ORIGINAL_DST"},
		{"{name: c, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED}", ""},
		{"{name: c, type: EDS}",
		 "eds_cluster_config: must be set, with eds_config, for the type EDS"},
		{"{name: c, eds_cluster_config: {}}", "eds_cluster_config: is for the type EDS"},
		{"{name: c, load_assignment: {cluster_name: c, endpoints: [{}, {lb_endpoints: "
		 "[{endpoint: {address: "
		 "{socket_address: {address: localhost, port_value: 1}}}}]}]}}",
		 "load_assignment.endpoints[1].lb_endpoints[0].endpoint.address.socket_address."
		 "address: \"localhost\" is no IP "
		 "address: names need the type STRICT_DNS or LOGICAL_DNS"},
		{"{name: c, type: STRICT_DNS, load_assignment: {cluster_name: c, endpoints: "
		 "[{lb_endpoints: [{endpoint: {address: "
		 "{socket_address: {address: localhost, port_value: 1}}}}]}]}}",
		 ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[1024], expected[512];
		snprintf(text, sizeof text, "{static_resources: {clusters: [%s]}}", rows[i][0]);
		snprintf(expected, sizeof expected, "static_resources.clusters[0].%s", rows[i][1]);
		const char *said = refused(text), *from = strstr(said, "static_resources.");
		if (strcmp(from ? from : said, rows[i][1][0] ? expected : ""))
			fail_msg("%s\nsays: %s\nnot:  %s", text, said, expected);
	}
}

static void node_and_runtime(void **state)
{
	(void)state;
	assert_string_equal(
		refused("dynamic_resources: {cds_config: {path_config_source: {path: a}}}"),
		"--config-yaml:1:1: node: id and cluster must be set for dynamic resources, "
		"here or by --service-node and --service-cluster");
	assert_string_equal(
		refused("layered_runtime: {layers: [{name: a, static_layer: {}}, {name: a, "
			"static_layer: {}}]}"),
		"--config-yaml:1:57: layered_runtime.layers[1]: there is a layer a already");
	assert_string_equal(
		refused("layered_runtime: {layers: [{name: a, admin_layer: {}}, {name: b, "
			"admin_layer: {}}]}"),
		"--config-yaml:1:56: layered_runtime.layers[1]: there is an admin layer already");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_and_text_are_merged),
		cmocka_unit_test(json_by_extension),
		cmocka_unit_test(without_a_configuration),
		cmocka_unit_test(faults_of_every_stage_have_a_place),
		cmocka_unit_test(unknown_fields_may_be_allowed),
		cmocka_unit_test(listeners),
		cmocka_unit_test(managers_and_routes),
		cmocka_unit_test(clusters_of_calls),
		cmocka_unit_test(clusters),
		cmocka_unit_test(node_and_runtime),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

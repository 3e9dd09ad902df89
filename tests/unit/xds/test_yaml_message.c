#include "yaml_support.h"

#include "xds/proto/any_message.h"

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"
#include "envoy/config/listener/v3/listener_components.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/extensions/filters/http/fault/v3/fault.pb-c.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb-c.h"

#define CLUSTER (&envoy__config__cluster__v3__cluster__descriptor)
#define NODE_TYPE (&envoy__config__core__v3__node__descriptor)
#define ROUTES (&envoy__config__route__v3__route_configuration__descriptor)
#define FILTER (&envoy__config__listener__v3__filter__descriptor)
#define BOOTSTRAP (&envoy__config__bootstrap__v3__bootstrap__descriptor)

static void names_in_both_spellings(void **state)
{
	Envoy__Config__Cluster__V3__Cluster *c = yaml_must(
		*state, CLUSTER,
		"name: c1\nconnectTimeout: 0.25s\nlb_policy: RING_HASH\nringHashLbConfig: "
		"{minimumRingSize: 10}\n"
		"outlierDetection: {consecutive5xx: 3, consecutive_gateway_failure: 4}\n");
	assert_string_equal(c->name, "c1");
	assert_int_equal(c->connect_timeout->seconds, 0);
	assert_int_equal(c->connect_timeout->nanos, 250000000);
	assert_int_equal(c->lb_policy, 2);
	assert_int_equal(c->lb_config_case, 23);
	assert_int_equal(c->ring_hash_lb_config->minimum_ring_size->value, 10);
	assert_int_equal(c->outlier_detection->consecutive_5xx->value, 3);
	assert_int_equal(c->outlier_detection->consecutive_gateway_failure->value, 4);
}

static void enums(void **state)
{
	Envoy__Config__Cluster__V3__Cluster *c = yaml_must(*state, CLUSTER, "{lb_policy: 2}");
	assert_int_equal(c->lb_policy, 2);
	c = yaml_must(*state, CLUSTER, "{lb_policy: ring_hash, type: '3'}");
	assert_int_equal(c->lb_policy, 2);
	assert_int_equal(c->type, 3);
	yaml_must_fail(*state, CLUSTER, "lb_policy: RINGHASH\n",
		       "t.yaml:1:12: lb_policy: no such value: did you mean RING_HASH?");
	yaml_must_fail(*state, CLUSTER, "lb_policy: 77\n", "t.yaml:1:12: lb_policy: no such value");
}

static void unknown_field_says_where(void **state)
{
	yaml_must_fail(
		*state, BOOTSTRAP,
		"static_resources:\n  listeners:\n  - name: a\n    filter_chains:\n    - filters:\n"
		"      - name: hcm\n        typed_config:\n"
		"          '@type': "
		"type.googleapis.com/"
		"envoy.extensions.filters.network.http_connection_manager.v3."
		"HttpConnectionManager\n"
		"          route_config:\n            virtual_hosts:\n            - {name: a}\n    "
		"        - {name: b, foo: 1}\n",
		"t.yaml:12:25: "
		"static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_"
		"config."
		"virtual_hosts[1].foo: no such field in VirtualHost");
	yaml_must_fail(*state, CLUSTER, "conect_timeout: 1s\n",
		       "t.yaml:1:1: conect_timeout: no such field: did you mean connect_timeout?");
}

static void unknown_is_a_warning_when_allowed(void **state)
{
	struct yaml_fixture *fixture = *state;
	Envoy__Config__Cluster__V3__Cluster *c =
		yaml_try(fixture, CLUSTER, "t.yaml", "{name: c, foo: {a: [1]}, bar: 2}", true);
	assert_non_null(c);
	assert_string_equal(c->name, "c");
	assert_int_equal(fixture->warnings, 2);
	assert_string_equal(fixture->last_report,
			    "t.yaml:1:26: bar: no such field in Cluster: ignored");
}

static void several_faults_are_reported(void **state)
{
	struct yaml_fixture *fixture = *state;
	assert_null(
		yaml_try(fixture, CLUSTER, "t.yaml", "{foo: 1, name: [], lb_policy: x}", false));
	assert_string_equal(fixture->said, "t.yaml:1:2: foo: no such field in Cluster");
	assert_int_equal(fixture->faults, 2);
	assert_string_equal(fixture->last_report, "t.yaml:1:31: lb_policy: no such value");
}

static void faults_are_bounded(void **state)
{
	struct yaml_fixture *fixture = *state;
	char text[4096] = "[";
	for (int i = 0; i < 500; i++)
		strcat(text, "[],");
	strcat(text, "[]]");
	char whole[8192];
	snprintf(whole, sizeof whole, "alt_stat_name: %s\n", text);
	assert_null(yaml_try(fixture, CLUSTER, "t.yaml", whole, false));
	snprintf(whole, sizeof whole, "node_context_params: %s\n", text);
	fixture->faults = 0;
	assert_null(yaml_try(fixture, BOOTSTRAP, "t.yaml", whole, false));
	assert_in_range(fixture->faults, 10, 25);
}

static void oneofs(void **state)
{
	yaml_must_fail(*state, ROUTES,
		       "virtual_hosts: [{routes: [{match: {prefix: /, path: /a}}]}]\n",
		       "t.yaml:1:53: virtual_hosts[0].routes[0].match.path: can't be given "
		       "together with prefix");
	Envoy__Config__Route__V3__RouteConfiguration *r = yaml_must(
		*state, ROUTES, "virtual_hosts: [{routes: [{match: {prefix: /, path: null}}]}]\n");
	assert_int_equal(r->virtual_hosts[0]->routes[0]->match->path_specifier_case, 1);
	yaml_must_fail(*state, CLUSTER, "{connect_timeout: 1s, connectTimeout: 1s}",
		       "t.yaml:1:23: connect_timeout: given twice, in two spellings");
}

static void scalars_and_quotes(void **state)
{
	Envoy__Config__Core__V3__Node *n = yaml_must(*state, NODE_TYPE, "{id: '5', cluster: 5.5}");
	assert_string_equal(n->id, "5");
	assert_string_equal(n->cluster, "5.5");
	yaml_must_fail(*state, NODE_TYPE, "{id: n}",
		       "t.yaml:1:6: id: must be a string: quote it, as it reads as true or false");
	yaml_must_fail(*state, NODE_TYPE, "{id: 0x10}",
		       "t.yaml:1:6: id: must be a string: quote it, as it reads as a number");
	n = yaml_must(*state, NODE_TYPE, "{id: ~, cluster: ! 7}");
	assert_string_equal(n->id, "");
	assert_string_equal(n->cluster, "7");
	yaml_must_fail(*state, NODE_TYPE, "{id: \"a\\0b\"}",
		       "t.yaml:1:6: id: must not contain a NUL");
	yaml_must_fail(*state, NODE_TYPE, "{locality: []}",
		       "t.yaml:1:12: locality: must be a map (Locality), not a list");
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t value; /* -1: refused */
	} rows[] = {
		{"10", 10},         {"'10'", 10},  {"0x10", 16},
		{"010", 8},         {"'010'", 10}, {"1e3", 1000},
		{"1.0", 1},         {"1.5", -1},   {"-1", -1},
		{"5000000000", -1}, {"many", -1},  {"''", -1},
		{"true", -1},       {"[1]", -1},   {"4294967295", 4294967295},
		{"' 1'", -1},       {"1_0", -1},   {"{value: 3}", 3},
		{"099", 99},
	};
	struct yaml_fixture *fixture = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[100];
		snprintf(text, sizeof text, "per_connection_buffer_limit_bytes: %s\n",
			 rows[i].text);
		Envoy__Config__Cluster__V3__Cluster *c =
			yaml_try(fixture, CLUSTER, "t", text, false);
		if (!c != (rows[i].value < 0))
			fail_msg("%s: %s", rows[i].text, fixture->said);
		if (c)
			assert_int_equal(c->per_connection_buffer_limit_bytes->value,
					 rows[i].value);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int32_t nanos; /* 1: refused */
	} rows[] = {
		{"1s", 1, 0},
		{"0.250s", 0, 250000000},
		{"-1.5s", -1, -500000000},
		{"5", 0, 1},
		{"5ms", 0, 1},
		{"'5'", 0, 1},
		{"1.s", 0, 1},
		{".5s", 0, 1},
		{"1.1234567891s", 0, 1},
		{"1.123456789s", 1, 123456789},
		{"s", 0, 1},
		{"1e3s", 0, 1},
		{"315576000001s", 0, 1},
		{"{seconds: 4, nanos: 5}", 4, 5},
		{"[]", 0, 1},
	};
	struct yaml_fixture *fixture = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[100];
		snprintf(text, sizeof text, "connect_timeout: %s\n", rows[i].text);
		Envoy__Config__Cluster__V3__Cluster *c =
			yaml_try(fixture, CLUSTER, "t", text, false);
		if (!c != (rows[i].nanos == 1))
			fail_msg("%s: %s", rows[i].text, fixture->said);
		if (c) {
			assert_int_equal(c->connect_timeout->seconds, rows[i].seconds);
			assert_int_equal(c->connect_timeout->nanos, rows[i].nanos);
		}
	}
}

static const Google__Protobuf__Value *value_of(const Google__Protobuf__Struct *map, const char *key)
{
	for (size_t i = 0; i < map->n_fields; i++)
		if (!strcmp(map->fields[i]->key, key))
			return map->fields[i]->value;
	fail_msg("no key %s", key);
	return NULL;
}

static void structs_and_maps(void **state)
{
	Envoy__Config__Core__V3__Node *n =
		yaml_must(*state, NODE_TYPE,
			  "metadata: {i: 5, f: 1.5, big: 5000000000, t: yes, s: 'yes', z: null, l: "
			  "[1, a], m: {x: {}}, 7: k}\n");
	assert_int_equal(n->metadata->n_fields, 9);
	assert_true(value_of(n->metadata, "i")->number_value == 5);
	/* Envoy makes numbers of 32-bit integers only */
	assert_string_equal(value_of(n->metadata, "f")->string_value, "1.5");
	assert_string_equal(value_of(n->metadata, "big")->string_value, "5000000000");
	assert_true(value_of(n->metadata, "t")->bool_value);
	assert_string_equal(value_of(n->metadata, "s")->string_value, "yes");
	assert_int_equal(value_of(n->metadata, "z")->kind_case,
			 GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE);
	assert_int_equal(value_of(n->metadata, "l")->list_value->n_values, 2);
	assert_int_equal(
		value_of(n->metadata, "m")->struct_value->fields[0]->value->struct_value->n_fields,
		0);
	assert_string_equal(value_of(n->metadata, "7")->string_value, "k");

	struct yaml_fixture *fixture = *state;
	n = yaml_try(fixture, NODE_TYPE, "t.json",
		     "{\"metadata\": {\"f\": 1.5, \"big\": 5000000000}}", false);
	assert_non_null(n);
	assert_true(value_of(n->metadata, "f")->number_value == 1.5);
	assert_true(value_of(n->metadata, "big")->number_value == 5e9);

	Envoy__Config__Core__V3__Metadata *m =
		yaml_must(fixture, &envoy__config__core__v3__metadata__descriptor,
			  "filter_metadata: {envoy.lb: {stage: prod}, other: {}}\n");
	assert_int_equal(m->n_filter_metadata, 2);
	assert_string_equal(m->filter_metadata[0]->key, "envoy.lb");
	assert_string_equal(value_of(m->filter_metadata[0]->value, "stage")->string_value, "prod");
}

static void any_is_decoded(void **state)
{
	Envoy__Config__Listener__V3__Filter *f = yaml_must(
		*state, FILTER,
		"typed_config: {stat_prefix: tcp, cluster: c1, '@type': "
		"type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy}\n");
	const Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy *tcp = any_message_of(
		f->typed_config,
		&envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__descriptor);
	assert_non_null(tcp);
	assert_string_equal(tcp->stat_prefix, "tcp");
	assert_string_equal(tcp->cluster, "c1");
	assert_null(any_message_of(f->typed_config, CLUSTER));
	assert_null(any_message(NULL));

	yaml_must_fail(*state, FILTER,
		       "typed_config: {'@type': type.googleapis.com/no.such.Filter}\n",
		       "t.yaml:1:25: typed_config: type no.such.Filter is not known");
	yaml_must_fail(*state, FILTER, "typed_config: {stat_prefix: x}\n",
		       "t.yaml:1:15: typed_config: has no @type: which message it is, as "
		       "\"@type\": type.googleapis.com/PACKAGE.MESSAGE");
	yaml_must_fail(*state, FILTER,
		       "typed_config: {'@type': t/envoy.filters.network.tcp_proxy.v2.TcpProxi}\n",
		       "t.yaml:1:25: typed_config: type "
		       "envoy.filters.network.tcp_proxy.v2.TcpProxi is not known: did you mean "
		       "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy?");
	struct yaml_fixture *fixture = *state;
	f = yaml_try(fixture, FILTER, "t",
		     "typed_config: {'@type': type.googleapis.com/no.such.Filter, a: 1}", true);
	assert_non_null(f);
	assert_null(any_message(f->typed_config));
	assert_string_equal(f->typed_config->type_url, "type.googleapis.com/no.such.Filter");
}

static void typed_struct_is_what_it_stands_for(void **state)
{
	Envoy__Config__Listener__V3__Filter *f = yaml_must(
		*state, FILTER,
		"typed_config:\n  '@type': type.googleapis.com/xds.type.v3.TypedStruct\n"
		"  type_url: type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault\n"
		"  value: {abort: {http_status: 418}}\n");
	const Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault *fault =
		any_message_of(f->typed_config,
			       &envoy__extensions__filters__http__fault__v3__httpfault__descriptor);
	assert_non_null(fault);
	assert_int_equal(fault->abort->http_status, 418);
	f = yaml_must(*state, FILTER,
		      "typed_config: {'@type': type.googleapis.com/udpa.type.v1.TypedStruct, "
		      "type_url: type.googleapis.com/no.such, value: {a: 1}}\n");
	assert_string_equal(any_message(f->typed_config)->descriptor->short_name, "TypedStruct");
	yaml_must_fail(
		*state, FILTER,
		"typed_config: {'@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: "
		"type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, value: "
		"{abrt: {}}}\n",
		"t.yaml:1:158: typed_config.value.abrt: no such field: did you mean abort?");
}

static void anchors_and_ignored_keys(void **state)
{
	Envoy__Config__Bootstrap__V3__Bootstrap *b =
		yaml_must(*state, BOOTSTRAP,
			  "!ignore parts:\n- &local {region: r, zone: z}\n- &name 'the node'\n"
			  "node: {id: *name, locality: *local}\n");
	assert_string_equal(b->node->id, "the node");
	assert_string_equal(b->node->locality->zone, "z");
	yaml_must_fail(*state, BOOTSTRAP, "node: {id: *none}\n",
		       "t.yaml:1:12: no anchor &none is complete before this alias");
	yaml_must_fail(*state, BOOTSTRAP, "node: &n {metadata: *n}\n",
		       "t.yaml:1:21: no anchor &n is complete before this alias");
}

static void last_of_equal_keys_counts(void **state)
{
	struct yaml_fixture *fixture = *state;
	Envoy__Config__Core__V3__Node *n =
		yaml_must(fixture, NODE_TYPE, "id: a\ncluster: c\nid: b\n");
	assert_string_equal(n->id, "b");
	assert_int_equal(fixture->warnings, 1);
	assert_string_equal(fixture->last_report, "t.yaml:1:1: 1 key(s) given more than once, this "
						  "is the first; the last value counts");
	n = yaml_must(fixture, NODE_TYPE,
		      "metadata: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: "
		      "1, l: 1, m: 1, o: 1, p: 1, q: 1, b: 2}\n");
	assert_int_equal(n->metadata->n_fields, 16);
	assert_true(value_of(n->metadata, "b")->number_value == 2);
}

static void aliases_can_not_blow_up(void **state)
{
	char text[4096] = "metadata:\n  a0: &a0 {x: y}\n", line[200];
	for (int i = 1; i < 30; i++) {
		snprintf(line, sizeof line, "  a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1,
			 i - 1, i - 1, i - 1);
		strcat(text, line);
	}
	struct yaml_fixture *fixture = *state;
	struct document document;
	struct document_limits limits = {.bytes = 10000, .nodes = 1000, .depth = 100};
	ProtobufCMessage *message;
	assert_int_equal(document_parse(&document, slice_of(text), DOCUMENT_YAML, "t", &limits,
					&fixture->diag),
			 0);
	assert_int_not_equal(yaml_message_read(&document, NODE_TYPE, NULL, &fixture->arena,
					       &message, &fixture->diag),
			     0);
	assert_string_equal(fixture->diag.text, "more than 1000 values, aliases counted each time");
	document_free(&document);
}

static void one_value_is_a_list_of_one(void **state)
{
	Envoy__Config__Bootstrap__V3__Bootstrap *b =
		yaml_must(*state, BOOTSTRAP,
			  "{node_context_params: abc, static_resources: {clusters: {name: c}}}");
	assert_int_equal(b->n_node_context_params, 1);
	assert_string_equal(b->static_resources->clusters[0]->name, "c");
	b = yaml_must(*state, BOOTSTRAP, "node_context_params: [a, ~, b]\n");
	assert_int_equal(b->n_node_context_params, 3);
	assert_string_equal(b->node_context_params[1], "");
	assert_string_equal(b->node_context_params[2], "b");
}

/* In a list or a map null is an empty value, as in Envoy: an item isn't lost unsaid. */
static void null_is_an_empty_value(void **state)
{
	Envoy__Config__Bootstrap__V3__Bootstrap *b =
		yaml_must(*state, BOOTSTRAP, "static_resources: {clusters: [~, {name: c}]}\n");
	assert_int_equal(b->static_resources->n_clusters, 2);
	assert_string_equal(b->static_resources->clusters[0]->name, "");
	Envoy__Config__Core__V3__Node *n =
		yaml_must(*state, NODE_TYPE, "dynamic_parameters: {a: ~, b: {params: {c: ~}}}\n");
	assert_int_equal(n->n_dynamic_parameters, 2);
	assert_int_equal(n->dynamic_parameters[0]->value->n_params, 0);
	assert_string_equal(n->dynamic_parameters[1]->value->params[0]->value, "");
}

static void bytes_are_base64(void **state)
{
	Envoy__Config__Core__V3__DataSource *d =
		yaml_must(*state, &envoy__config__core__v3__data_source__descriptor,
			  "inline_bytes: aGVsbG8=\n");
	assert_int_equal(d->inline_bytes.len, 5);
	assert_memory_equal(d->inline_bytes.data, "hello", 5);
	d = yaml_must(*state, &envoy__config__core__v3__data_source__descriptor,
		      "inline_bytes: '_-8'\n");
	assert_int_equal(d->inline_bytes.len, 2);
	assert_memory_equal(d->inline_bytes.data, "\xff\xef", 2);
	yaml_must_fail(*state, &envoy__config__core__v3__data_source__descriptor,
		       "inline_bytes: 'a'\n",
		       "t.yaml:1:15: inline_bytes: must be bytes in base64: a digit is missing");
}

static void depth_is_limited(void **state)
{
	char text[2048] = "";
	for (int i = 0; i < 120; i++)
		strcat(text, "[");
	struct yaml_fixture *fixture = *state;
	assert_null(yaml_try(fixture, BOOTSTRAP, "t.yaml", text, false));
	assert_string_equal(fixture->said, "t.yaml:1:101: nested deeper than 100");
	assert_null(yaml_try(fixture, BOOTSTRAP, "t.json", text, false));
	assert_string_equal(fixture->said, "t.json:1:101: nested deeper than 100");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, yaml_fixture_setup, yaml_fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(names_in_both_spellings),
		T(enums),
		T(unknown_field_says_where),
		T(unknown_is_a_warning_when_allowed),
		T(several_faults_are_reported),
		T(faults_are_bounded),
		T(oneofs),
		T(scalars_and_quotes),
		T(numbers),
		T(durations),
		T(structs_and_maps),
		T(any_is_decoded),
		T(typed_struct_is_what_it_stands_for),
		T(anchors_and_ignored_keys),
		T(last_of_equal_keys_counts),
		T(aliases_can_not_blow_up),
		T(one_value_is_a_list_of_one),
		T(null_is_an_empty_value),
		T(bytes_are_base64),
		T(depth_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "yaml_support.h"

#include "xds/any.h"
#include "xds/constraints.h"
#include "xds/field.h"
#include "xds/unsupported.h"
#include "xds/validate.h"

#include "envoy/config/accesslog/v3/accesslog.pb-c.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/listener/v3/listener_components.pb-c.h"
#include "envoy/config/metrics/v3/stats.pb-c.h"
#include "envoy/config/rbac/v3/rbac.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header.pb-c.h"
#include "envoy/service/discovery/v3/discovery.pb-c.h"

#define CLUSTER (&envoy__config__cluster__v3__cluster__descriptor)
#define ROUTES (&envoy__config__route__v3__route_configuration__descriptor)
#define FILTER (&envoy__config__listener__v3__filter__descriptor)

static void says(struct yaml_fixture *fixture, const ProtobufCMessageDescriptor *type,
		 const char *text, const char *expected)
{
	ProtobufCMessage *message = yaml_must(fixture, type, text);
	struct validate_options options = {.report = yaml_fixture_report, .context = fixture};
	struct diag diag = {0};
	enum status status = message_validate(message, "", &options, &diag);
	diag_format(&diag, fixture->said, sizeof fixture->said);
	assert_int_equal(status, expected[0] ? STATUS_INVALID : STATUS_OK);
	if (strcmp(fixture->said, expected))
		fail_msg("%s\nsays: %s\nnot:  %s", text, fixture->said, expected);
}

static void clusters(void **state)
{
	static const char *const rows[][2] = {
		{"{name: c}", ""},
		{"{}", "name: must not be empty"},
		{"{name: c, connect_timeout: 0s}", "connect_timeout: must be greater than 0s"},
		{"{name: c, connect_timeout: 0.000000001s}", ""},
		{"{name: c, connect_timeout: -1s}", "connect_timeout: must be greater than 0s"},
		{"{name: c, ring_hash_lb_config: {minimum_ring_size: 9000000}}",
		 "ring_hash_lb_config.minimum_ring_size: must be at most 8388608"},
		{"{name: c, ring_hash_lb_config: {minimum_ring_size: 8388608}}", ""},
		{"{name: c, least_request_lb_config: {choice_count: 1}}",
		 "least_request_lb_config.choice_count: must be at least 2"},
		{"{name: c, outlier_detection: {max_ejection_percent: 101}}",
		 "outlier_detection.max_ejection_percent: must be at most 100"},
		{"{name: c, common_lb_config: {healthy_panic_threshold: {value: 100.5}}}",
		 "common_lb_config.healthy_panic_threshold.value: must be at most 100"},
		{"{name: c, health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
		 "healthy_threshold: 1}]}",
		 "health_checks[0]: needs one of: http_health_check tcp_health_check "
		 "grpc_health_check custom_health_check"},
		{"{name: c, health_checks: [&h {timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
		 "healthy_threshold: 1, tcp_health_check: {}}, *h, *h, *h, *h, *h, *h, *h]}",
		 ""},
		{"{name: c, health_checks: [&h {timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
		 "healthy_threshold: 1, tcp_health_check: {}}, *h, *h, *h, *h, *h, *h, *h, *h]}",
		 "health_checks: must have at most 8 of them"},
		{"{name: c, health_checks: [{interval: 1s, unhealthy_threshold: 1, "
		 "healthy_threshold: 1, tcp_health_check: {}}]}",
		 "health_checks[0].timeout: must be set"},
		{"{name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: "
		 "[{load_balancing_weight: 0}]}]}}",
		 "load_assignment.endpoints[0].lb_endpoints[0].load_balancing_weight: must be at "
		 "least 1"},
		{"{name: c, metadata: {filter_metadata: {'': {}}}}",
		 "metadata.filter_metadata: a key must not be empty"},
		{"{name: c, typed_extension_protocol_options: {x: {'@type': "
		 "a/envoy.extensions.filters.network."
		 "tcp_proxy.v3.TcpProxy, cluster: c}}}",
		 "typed_extension_protocol_options[\"x\"].stat_prefix: must not be empty"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		says(*state, CLUSTER, rows[i][0], rows[i][1]);
}

static void routes(void **state)
{
	static const char *const rows[][2] = {
		{"{match: {prefix: /}, route: {cluster: c}}", ""},
		{"{route: {cluster: c}}", "virtual_hosts[0].routes[0].match: must be set"},
		{"{match: {prefix: /}}",
		 "virtual_hosts[0].routes[0]: needs one of: route redirect direct_response "
		 "filter_action non_forwarding_action"},
		{"{match: {}, route: {cluster: c}}",
		 "virtual_hosts[0].routes[0].match: needs one of: prefix path "
		 "safe_regex connect_matcher path_separated_prefix path_match_policy"},
		{"{match: {path_separated_prefix: /a/}, route: {cluster: c}}",
		 "virtual_hosts[0].routes[0].match.path_separated_prefix: must have neither ? nor "
		 "#, not end in /, and "
		 "be more than /"},
		{"{match: {path_separated_prefix: '/a?b'}, route: {cluster: c}}",
		 "virtual_hosts[0].routes[0].match.path_separated_prefix: must have neither ? nor "
		 "#, not end in /, and "
		 "be more than /"},
		{"{match: {path_separated_prefix: /a}, route: {cluster: c}}", ""},
		{"{match: {prefix: /}, direct_response: {status: 600}}",
		 "virtual_hosts[0].routes[0].direct_response.status: must be less than 600"},
		{"{match: {prefix: /}, direct_response: {}}",
		 "virtual_hosts[0].routes[0].direct_response.status: must be at least 200"},
		{"{match: {prefix: /, headers: [{name: ''}]}, route: {cluster: c}}",
		 "virtual_hosts[0].routes[0].match.headers[0].name: must not be empty"},
		{"{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: "
		 "{key: \"x\\ny\", value: v}}]}",
		 "virtual_hosts[0].routes[0].request_headers_to_add[0].header.key: must not "
		 "contain a line break"},
		{"{match: {prefix: /}, route: {cluster: c}, request_headers_to_remove: [a, '']}",
		 "virtual_hosts[0].routes[0].request_headers_to_remove[1]: must not be empty"},
		{"{match: {prefix: /}, route: {cluster: c, retry_policy: {retry_back_off: "
		 "{max_interval: 1s}}}}",
		 "virtual_hosts[0].routes[0].route.retry_policy.retry_back_off.base_interval: must "
		 "be set"},
	};
	char text[1024];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(text, sizeof text,
			 "virtual_hosts: [{name: v, domains: ['*'], routes: [%s]}]\n", rows[i][0]);
		says(*state, ROUTES, text, rows[i][1]);
	}
	says(*state, ROUTES, "virtual_hosts: [{name: v}]\n",
	     "virtual_hosts[0].domains: must have at least 1 of them");
}

static void other_rules(void **state)
{
	says(*state, &envoy__config__accesslog__v3__response_flag_filter__descriptor,
	     "flags: [NR, UH]\n", "");
	says(*state, &envoy__config__accesslog__v3__response_flag_filter__descriptor,
	     "flags: [NR, XX]\n",
	     "flags[1]: must be one of: LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH "
	     "DPE UMSDR RFCF NFCF "
	     "DT UPE NC OM DF DO DR UDO");
	says(*state, &envoy__config__metrics__v3__histogram_bucket_settings__descriptor,
	     "{match: {exact: a}, buckets: [1, 2, 1]}\n", "buckets[2]: is there already");
	says(*state, &envoy__config__rbac__v3__permission__descriptor, "{any: false}",
	     "any: must be true");
	says(*state, &envoy__config__core__v3__health_check__http_health_check__descriptor,
	     "{path: /, method: CONNECT}", "method: must not be this value");
	says(*state,
	     &envoy__extensions__http__original_ip_detection__custom_header__v3__custom_header_config__descriptor,
	     "{header_name: 'a b'}", "header_name: must be a header's name");
}

static void any_without_its_message_is_not_looked_into(void **state)
{
	says(*state, FILTER,
	     "{name: x, typed_config: {'@type': "
	     "a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: c}}",
	     "typed_config.stat_prefix: must not be empty");
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *message =
		yaml_try(fixture, FILTER, "t", "{name: x, typed_config: {'@type': no.such}}", true);
	struct diag diag = {0};
	assert_int_equal(message_validate(message, "", NULL, &diag), STATUS_OK);
}

static void later_faults_are_reported_with_the_outer_path(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *message =
		yaml_must(fixture, CLUSTER, "{connect_timeout: 0s, cleanup_interval: 0s}");
	struct validate_options options = {.report = yaml_fixture_report, .context = fixture};
	struct diag diag = {0};
	assert_int_equal(message_validate(message, "resources[3]", &options, &diag),
			 STATUS_INVALID);
	assert_string_equal(diag.path, "resources[3].name");
	assert_int_equal(fixture->faults, 2);
	assert_string_equal(fixture->last_report,
			    "resources[3].cleanup_interval: must be greater than 0s");
}

static void values_of_enums_must_have_a_name(void **state)
{
	Envoy__Config__Cluster__V3__Cluster cluster = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__INIT;
	struct diag diag = {0};
	char name[] = "c";
	(void)state;
	cluster.name = name;
	cluster.lb_policy = 4;
	assert_int_equal(message_validate(&cluster.base, "", NULL, &diag), STATUS_INVALID);
	assert_string_equal(diag.path, "lb_policy");
	assert_string_equal(diag.text, "no such value: 4");
}

static void what_is_not_done_is_refused(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *message =
		yaml_must(fixture, &envoy__config__bootstrap__v3__bootstrap__descriptor,
			  "{hds_config: {api_type: GRPC}, node: {id: a}}");
	struct validate_options options = {true, yaml_fixture_report, fixture};
	struct diag diag = {0};
	assert_int_equal(message_validate(message, "", NULL, &diag), STATUS_INVALID);
	assert_string_equal(diag.path, "hds_config");
	assert_memory_equal(diag.text, "is not supported", 16);
	assert_int_equal(message_validate(message, "", &options, &diag), STATUS_OK);
	assert_int_equal(fixture->warnings, 1);
	options.allow_unsupported = false;
	message = yaml_must(fixture, &envoy__config__bootstrap__v3__bootstrap__descriptor,
			    "{watchdogs: {}}");
	assert_int_equal(message_validate(message, "", &options, &diag), STATUS_OK);
	assert_string_equal(fixture->last_report,
			    "watchdogs: has no effect: nothing watches threads");
}

/* --- the tables --- */

enum {
	MAX_TYPES = 2000,
};

static const ProtobufCMessageDescriptor *types[MAX_TYPES];
static size_t type_count;

static void collect(const ProtobufCMessageDescriptor *type)
{
	for (size_t i = 0; i < type_count; i++)
		if (types[i] == type)
			return;
	assert_true(type_count < MAX_TYPES);
	types[type_count++] = type;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			collect(type->fields[i].descriptor);
}

static const ProtobufCMessageDescriptor *type_of(const char *name)
{
	if (!type_count) {
		for (size_t i = 0; any_type_at(i); i++)
			collect(any_type_at(i));
		collect(&envoy__config__bootstrap__v3__bootstrap__descriptor);
		collect(&envoy__service__discovery__v3__discovery_response__descriptor);
	}
	for (size_t i = 0; i < type_count; i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

/* A rule about numbers or texts on a field that has none would hold whatever it says. */
static bool fits(const struct constraint *row, const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *message =
		field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
	bool is_duration = message && !strcmp(message->name, "google.protobuf.Duration");

	if (row->kind == CONSTRAINT_ONEOF)
		return field_is_in_oneof(field);
	if (row->kind == CONSTRAINT_REQUIRED)
		return message;
	if (row->kind == CONSTRAINT_MIN_ITEMS || row->kind == CONSTRAINT_MAX_ITEMS ||
	    row->kind == CONSTRAINT_UNIQUE)
		return field_is_repeated(field);
	if (row->kind == CONSTRAINT_MIN_KEY_LEN)
		return field_is_map(field);
	if (message && !is_duration && message->n_fields == 1) /* a wrapper */
		field = &message->fields[0];
	bool is_text =
		field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES;
	if (row->kind >= CONSTRAINT_AT_LEAST && row->kind <= CONSTRAINT_NOT)
		return !is_text && (is_duration || field->type != PROTOBUF_C_TYPE_MESSAGE);
	return is_text;
}

static void check_constraints(const struct constraint *rows)
{
	const ProtobufCMessageDescriptor *type = NULL;
	const char *last = "";
	for (; rows->kind != CONSTRAINT_TYPE || strcmp(rows->field, "~"); rows++) {
		if (rows->kind == CONSTRAINT_TYPE) {
			if (strcmp(last, rows->field) >= 0)
				fail_msg("%s stands before %s", last, rows->field);
			last = rows->field;
			type = type_of(rows->field);
			if (!type)
				fail_msg("no type %s", rows->field);
			assert_ptr_equal(constraints_find(rows->field), rows + 1);
			continue;
		}
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(type, rows->field);
		if (!field || !fits(rows, field))
			fail_msg("%s: no field %s, or not of that kind", type->name, rows->field);
	}
}

static void constraint_tables_are_right(void **state)
{
	(void)state;
	check_constraints(constraints_of_config);
	check_constraints(constraints_of_routes);
	check_constraints(constraints_of_types);
	check_constraints(constraints_of_extensions);
	assert_null(constraints_find("envoy.config.none"));
	assert_null(constraints_find("zz"));
	assert_null(constraints_find("a"));
}

static void unsupported_table_is_right(void **state)
{
	const ProtobufCMessageDescriptor *type = NULL;
	(void)state;
	for (const struct unsupported *row = unsupported_rows(); row->field || row->reason; row++) {
		if (!row->field) {
			type = type_of(row->reason);
			if (!type)
				fail_msg("no type %s", row->reason);
			assert_ptr_equal(unsupported_find(row->reason), row + 1);
		} else if (!protobuf_c_message_descriptor_get_field_by_name(type, row->field)) {
			fail_msg("%s has no field %s", type->name, row->field);
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, yaml_fixture_setup, yaml_fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(clusters),
		T(routes),
		T(other_rules),
		T(any_without_its_message_is_not_looked_into),
		T(later_faults_are_reported_with_the_outer_path),
		T(values_of_enums_must_have_a_name),
		T(what_is_not_done_is_refused),
		T(constraint_tables_are_right),
		T(unsupported_table_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

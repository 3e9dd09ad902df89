/* Policies on requests and connections. */
#include "filter_support.h"

#include "filters/rbac/rbac.h"
#include "message/metadata.h"
#include "telemetry/stats_network.h"

#define ANYBODY "principals: [{any: true}]"
#define ALLOW(permission) "{rules: {policies: {p: {permissions: [" permission "], " ANYBODY "}}}}"
#define OF(principal)                                                                              \
	"{rules: {policies: {p: {permissions: [{any: true}], principals: [" principal "]}}}}"

static const char passes[] = "R:H. >h200. ended";
static const char refused[] = ">h403 >d(RBAC: access denied). ended";

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &rbac_stats, "http.test.rbac", id);
}

/* The fixture's streams have no addresses of their own. */
static void set_addresses(struct stream_fixture *f, const char *remote, const char *local)
{
	struct session *session = f->session_base;
	struct addr addr;

	addr_packed_free(session->remote);
	addr_packed_free(session->local);
	assert_int_equal(addr_parse(slice_of(remote), &addr), 0);
	session->remote = addr_pack(&addr);
	assert_int_equal(addr_parse(slice_of(local), &addr), 0);
	session->local = addr_pack(&addr);
}

/* Two filters: the first notes down what it was configured with, the second judges. */
static enum filter_status note(struct filter *f, struct headers *headers, bool end)
{
	struct label label = {.kind = LABEL_STRING, .text = slice_of(f->config)};

	(void)headers, (void)end;
	metadata_set(&filter_info(f)->metadata, SLICE("who"), SLICE("name"), &label,
		     filter_arena(f));
	return FILTER_CONTINUE;
}

static void what_was_noted_down_before_is_judged(void **state)
{
	static const struct filter_type noting = {.name = "noting", .request_headers = note};
	static const struct {
		const char *name, *config;
		bool is_allowed;
	} rows[] = {
#define IS_ALICE "{filter: who, path: [{key: name}], value: {string_match: {exact: alice}}}"
		{"alice", ALLOW("{metadata: " IS_ALICE "}"), true},
		{"bob", ALLOW("{metadata: " IS_ALICE "}"), false},
		{"alice", OF("{metadata: " IS_ALICE "}"), true},
		{"bob", OF("{metadata: " IS_ALICE "}"), false},
		{"alice", OF("{sourced_metadata: {metadata_matcher: " IS_ALICE "}}"), true},
		{"bob", ALLOW("{sourced_metadata: {metadata_matcher: " IS_ALICE "}}"), false},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct chain_entry entries[] = {
			{.type = &noting, .name = SLICE("n"), .config = rows[i].name},
			{.type = &rbac_filter, .name = SLICE("it")}};
		struct stream_fixture *f = stream_fixture_new(entries, 2);
		struct config_context context;
		struct diag diag = {.line = 0};
		filter_context(&context, f, &f->arena);
		assert_int_equal(
			rbac_filter.config_load(
				&f->entries[1].config,
				filter_message(&f->arena, rbac_filter.message, rows[i].config),
				false, &context, &diag),
			STATUS_OK);
		assert_string_equal(filter_get(f, NULL), rows[i].is_allowed ? passes : refused);
		stream_fixture_free(f);
	}
}

/* Whatever the rules say: a regex that can't tell must not let a request in. */
static void a_regex_that_gives_up_denies(void **state)
{
#define SLOW "{url_path: {path: {safe_regex: {regex: '/(x+x+)+[yz]w?'}}}}"
	static const char *const configs[] = {
		ALLOW(SLOW),
		ALLOW("{not_rule: " SLOW "}"),
		"{rules: {action: DENY, policies: {p: {permissions: [" SLOW "], " ANYBODY "}}}}",
		"{rules: {action: DENY, policies: {p: {permissions: [{not_rule: " SLOW
		"}], " ANYBODY "}}}}",
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(configs); i++) {
		struct stream_fixture *f = filter_new(&rbac_filter, configs[i]);
		assert_string_equal(
			filter_get(f,
				   "GET "
				   "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxq h"),
			refused);
		stream_fixture_free(f);
	}
}

static void tests_are_met_or_not(void **state)
{
	static const struct {
		const char *config, *lines;
		bool is_allowed;
	} rows[] = {
		{"{}", "GET / h", true},
		{"{rules: {}}", "GET / h", false},
		{"{rules: {action: DENY}}", "GET / h", true},
		{"{rules: {action: LOG}}", "GET / h", true},
		{ALLOW("{any: true}"), "GET / h", true},
		{ALLOW("{url_path: {path: {exact: /a}}}"), "GET /a?b=c h", true},
		{ALLOW("{url_path: {path: {exact: /a}}}"), "GET /a#b h", true},
		{ALLOW("{url_path: {path: {exact: /a}}}"), "GET /ab h", false},
		{ALLOW("{header: {name: x-a, string_match: {exact: '1'}}}"), "GET / h\nx-a: 1",
		 true},
		{ALLOW("{header: {name: x-a, string_match: {exact: '1'}}}"), "GET / h", false},
		{ALLOW("{header: {name: ':method', string_match: {exact: PUT}}}"), "PUT / h", true},
		{ALLOW("{not_rule: {header: {name: x-a, present_match: true}}}"), "GET / h", true},
		{ALLOW("{not_rule: {header: {name: x-a, present_match: true}}}"), "GET / h\nx-a: 1",
		 false},
		{ALLOW("{and_rules: {rules: [{any: true}, {url_path: {path: {exact: /a}}}]}}"),
		 "GET /a h", true},
		{ALLOW("{and_rules: {rules: [{any: true}, {url_path: {path: {exact: /a}}}]}}"),
		 "GET /b h", false},
		{ALLOW("{or_rules: {rules: [{url_path: {path: {exact: /a}}}, {url_path: {path: "
		       "{exact: /b}}}]}}"),
		 "GET /b h", true},
		{ALLOW("{destination_port: 8080}"), "GET / h", true},
		{ALLOW("{destination_port: 8081}"), "GET / h", false},
		{ALLOW("{destination_port_range: {start: 8000, end: 8081}}"), "GET / h", true},
		{ALLOW("{destination_port_range: {start: 8000, end: 8080}}"), "GET / h", false},
		{ALLOW("{destination_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"), "GET / h",
		 true},
		{ALLOW("{destination_ip: {address_prefix: 11.0.0.0, prefix_len: 8}}"), "GET / h",
		 false},
		{ALLOW("{requested_server_name: {exact: a}}"), "GET / h", false},
		{OF("{direct_remote_ip: {address_prefix: 10.1.2.3, prefix_len: 32}}"), "GET / h",
		 true},
		{OF("{source_ip: {address_prefix: 10.1.2.4, prefix_len: 32}}"), "GET / h", false},
		{OF("{remote_ip: {address_prefix: 10.1.2.0, prefix_len: 24}}"), "GET / h", true},
		{OF("{authenticated: {}}"), "GET / h", false},
		{OF("{not_id: {authenticated: {}}}"), "GET / h", true},
		{OF("{and_ids: {ids: [{any: true}, {header: {name: x-u, present_match: true}}]}}"),
		 "GET / h", false},
		{OF("{or_ids: {ids: [{authenticated: {}}, {header: {name: x-u, present_match: "
		    "true}}]}}"),
		 "GET / h\nx-u: 1", true},
		{OF("{url_path: {path: {prefix: /a}}}"), "GET /ab h", true},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = filter_new(&rbac_filter, rows[i].config);
		set_addresses(f, "10.1.2.3:5000", "10.0.0.1:8080");
		const char *trace = filter_get(f, rows[i].lines);
		if (strcmp(trace, rows[i].is_allowed ? passes : refused))
			fail_msg("%s: %s: %s", rows[i].config, rows[i].lines, trace);
		stream_fixture_free(f);
	}
}

static void the_log_names_the_policy(void **state)
{
	struct stream_fixture *f = filter_new(
		&rbac_filter,
		"{rules: {action: DENY, policies: {b: {permissions: [{any: true}], " ANYBODY
		"}, 'a policy': {permissions: [{any: true}], " ANYBODY "}}}}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), refused);
	assert_string_equal(f->details, "rbac_access_denied_matched_policy[a_policy]");
	assert_int_equal(f->flags, 0);
	stream_fixture_free(f);

	f = filter_new(&rbac_filter, "{rules: {}}");
	assert_string_equal(filter_get(f, NULL), refused);
	assert_string_equal(f->details, "rbac_access_denied_matched_policy[none]");
	stream_fixture_free(f);
}

static void shadow_rules_only_count(void **state)
{
	struct stream_fixture *f = filter_new(
		&rbac_filter, "{shadow_rules: {}, shadow_rules_stat_prefix: sh., rules: {action: "
			      "DENY}}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), passes);
	assert_int_equal(counted(f, RBAC_STAT_ALLOWED), 1);
	assert_int_equal(counted(f, RBAC_STAT_DENIED), 0);
	assert_int_equal(
		filter_counted(f, &rbac_shadow_stats, "http.test.rbac.sh", RBAC_SHADOW_STAT_DENIED),
		1);
	stream_fixture_free(f);
}

static void a_route_has_rules_of_its_own(void **state)
{
#define PER_ROUTE(rbac)                                                                            \
	"typed_per_filter_config: {it: {'@type': type.googleapis.com/"                             \
	"envoy.extensions.filters.http.rbac.v3.RBACPerRoute" rbac "}}"
	struct stream_fixture *f = filter_new(&rbac_filter, "{rules: {}}");
	(void)state;

	filter_routes(f,
		      "[{match: {prefix: /free}, route: {cluster: c}, " PER_ROUTE(
			      "") "}, {match: "
				  "{prefix: /own}, "
				  "route: {cluster: "
				  "c}, " PER_ROUTE(", rbac: "
						   "{rules: "
						   "{action: "
						   "DENY}}") "}, {match: {prefix: /}, route: "
							     "{cluster: c}}]",
		      NULL);
	assert_string_equal(filter_get(f, "GET /free h"), passes);
	assert_string_equal(filter_get(f, "GET /own h"), passes);
	assert_string_equal(filter_get(f, "GET / h"), refused);
	assert_int_equal(counted(f, RBAC_STAT_ALLOWED), 1);
	stream_fixture_free(f);
}

static void connections_are_refused_too(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	struct accepted accepted = {.worker = &f->worker};
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;
	(void)state;

	filter_context(&context, f, &f->arena);
	assert_int_equal(
		rbac_connection_filter.config_load(
			&config,
			filter_message(&f->arena, rbac_connection_filter.message,
				       "{stat_prefix: tcp., rules: {policies: {p: {permissions: "
				       "[{destination_port: 80}], principals: [{direct_remote_ip: "
				       "{address_prefix: 10.0.0.0, prefix_len: 8}}]}}}}"),
			&context, &diag),
		0);
	assert_int_equal(addr_parse(SLICE("10.1.1.1:1"), &accepted.remote), 0);
	assert_int_equal(addr_parse(SLICE("10.0.0.1:80"), &accepted.local), 0);
	assert_true(rbac_admit(config, &accepted));
	accepted.local.port = 81;
	assert_false(rbac_admit(config, &accepted));
	assert_int_equal(filter_counted(f, &rbac_stats, "tcp.rbac", RBAC_STAT_DENIED), 1);
	stream_fixture_free(f);
}

static void wrong_configurations_are_refused(void **state)
{
	(void)state;

	filter_refused(&rbac_filter, "{rules: {policies: {p: {permissions: [{any: true}]}}}}",
		       "rules.policies[\"p\"]", "are required");
	filter_refused(&rbac_filter, ALLOW("{}"), "rules.policies[\"p\"].permissions[0]",
		       "is required");
	filter_refused(&rbac_filter, OF("{remote_ip: {address_prefix: nowhere}}"),
		       "rules.policies[\"p\"].principals[0].remote_ip.address_prefix",
		       "no address");
	filter_refused(&rbac_filter, ALLOW("{metadata: {filter: f}}"),
		       "rules.policies[\"p\"].permissions[0].metadata.path", "empty");
	filter_refused(&rbac_filter,
		       OF("{sourced_metadata: {metadata_source: ROUTE, metadata_matcher: {}}}"),
		       "rules.policies[\"p\"].principals[0].sourced_metadata.metadata_source",
		       "not supported");
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const char *deep = "{any: true}";
	for (unsigned i = 0; i < RBAC_DEPTH_MAX; i++)
		deep = arena_printf(&f->arena, "{not_rule: %s}", deep);
	const char *yaml = arena_printf(&f->arena, ALLOW("%s"), deep);
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;
	filter_context(&context, f, &f->arena);
	assert_int_not_equal(rbac_filter.config_load(
				     &config, filter_message(&f->arena, rbac_filter.message, yaml),
				     false, &context, &diag),
			     0);
	assert_non_null(strstr(diag.text, "nested"));
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tests_are_met_or_not),
		cmocka_unit_test(what_was_noted_down_before_is_judged),
		cmocka_unit_test(a_regex_that_gives_up_denies),
		cmocka_unit_test(the_log_names_the_policy),
		cmocka_unit_test(shadow_rules_only_count),
		cmocka_unit_test(a_route_has_rules_of_its_own),
		cmocka_unit_test(connections_are_refused_too),
		cmocka_unit_test(wrong_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

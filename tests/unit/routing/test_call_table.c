/* Routes by what a call says: RpcRouteConfiguration, and RpcMatch in HTTP routes. */
#include "call_support.h"

#define TO(match, cluster) "{match: " match ", route: {cluster: " cluster "}}"
#define ANY(cluster) "{route: {cluster: " cluster "}}"
#define SVC(routes) "{interface: a.Svc, routes: [" routes "]}"

static const char *to(struct call *call, const struct route_table *t, const char *path)
{
	return call_to(call, t, path, "", NULL);
}

static void methods_and_order(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	const struct route_table *t = call_table(
		f,
		SVC(TO("{method: {exact: find}}", "c1") ", " TO(
			"{method: {prefix: fi}}",
			"c2") ", " TO("{method: {in: {values: [a, b]}}}",
				      "c3") ", " TO("{method: {exact: find, invert_match: true}}",
						    "c4") ", " ANY("c5")) ", {interface: '*', "
									  "routes: [" ANY(
										  "c6") "]}");
	call_init(&call, f);
	assert_string_equal(to(&call, t, "a.Svc/find"), "c1");
	assert_string_equal(to(&call, t, "a.Svc/fin"), "c2");
	assert_string_equal(to(&call, t, "a.Svc/b"), "c3");
	assert_string_equal(to(&call, t, "a.Svc/x"), "c4");
	assert_string_equal(to(&call, t, "b.Svc/find"), "c6");
	/* A later rule for the very method stands behind an earlier one for several. */
	t = call_table(f, SVC(TO("{method: {prefix: fi}}", "c1") ", " TO("{method: {exact: find}}",
									 "c2")));
	assert_string_equal(to(&call, t, "a.Svc/find"), "c1");
	/* Patterns and services: by their order, too. */
	t = call_table(f,
		       "{interface: 'a.*', routes: [" TO("{method: {exact: m}}", "c1") "]}, " SVC(
			       ANY("c2")) ", {interface: '*.Svc', routes: [" ANY("c3") "]}");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c1");
	assert_string_equal(to(&call, t, "a.Svc/n"), "c2");
	assert_string_equal(to(&call, t, "b.Svc/n"), "c3");
	assert_string_equal(to(&call, t, "a.Svd/n"), "-");
}

static void arguments(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	unsigned seen;
	const struct route_table *t = call_table(
		f, SVC(TO("{method: {exact: m}, arguments: [{path: '0', value: {exact: gold}}]}",
			  "c1") ", " TO("{method: {exact: m}, arguments: [{path: '1.status', "
					"value: {in: {values: [PAID, SENT]}}}, {path: "
					"'2[0][\"k\"]', value: {range: {start: 5, end: 7}}}]}",
					"c2") ", " ANY("c3")));
	assert_true(t->needs_arguments);
	call_init(&call, f);
	call_argument(&call, "0", text_value("silver"));
	call_argument(&call, "1.status", text_value("PAID"));
	call_argument(&call, "2[0][\"k\"]", int_value(6));
	assert_string_equal(call_to(&call, t, "a.Svc/m", "", &seen), "c2");
	/* One look at the body serves all, and nobody asked for attachments. */
	assert_int_equal(call.reads, 1);
	assert_int_equal(call.argument_reads, 3);
	assert_false(call.read_attachments);
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH | ROUTE_LOOKED_AT_ARGUMENTS);
	call.arguments[2].value = int_value(7);
	assert_string_equal(to(&call, t, "a.Svc/m"), "c3");
	call.arguments[0].value = text_value("gold");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c1");
	/* Other methods are decided by their heads. */
	assert_string_equal(call_to(&call, t, "a.Svc/n", "", &seen), "c3");
	assert_int_equal(call.reads, 0);
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH);
	/* Nobody can read: nothing is there. */
	f->input.read_call = NULL;
	request(f, "POST /a.Svc/m", "a.Svc", "");
	route_match_input_init(&f->input, &f->headers, 0);
	const struct route *route = route_table_match(t, &f->input, NULL);
	assert_true(slice_equal(route->cluster.name, SLICE("c3")));
}

/* Rules of one method and of all methods have needs of their own, and are tried in turns. */
static void lists_in_turns(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	const char *one = "{method: {exact: m}, arguments: [{path: '0', value: {prefix: z}}]}",
		   *all = "{arguments: [{path: '1', value: {prefix: z}}]}";
	char *routes = arena_printf(&f->arena, TO("%s", "c1") ", " TO("%s", "c2"), one, all);

	routes = arena_printf(&f->arena, "%s, %s, %s, " ANY("c3"), routes, routes, routes);
	const struct route_table *t =
		call_table(f, arena_printf(&f->arena, "{interface: a.Svc, routes: [%s]}", routes));
	call_init(&call, f);
	call_argument(&call, "0", text_value("a"));
	call_argument(&call, "1", text_value("b"));
	assert_string_equal(to(&call, t, "a.Svc/m"), "c3");
	assert_int_equal(call.reads, 2); /* one for each, however often they alternate */
	call.arguments[1].value = text_value("zb");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c2");
	call.arguments[0].value = text_value("za");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c1");
}

static void attachments_and_names(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	unsigned seen;
	const struct route_table *t = call_table(
		f, SVC(TO("{version: {exact: '2.0'}, group: {exact: g}}", "c1") ", " TO(
			   "{application: {in: {values: [shop, web]}}}",
			   "c2") ", " TO("{attachments: [{name: xTag, value: {exact: "
					 "gray}}, {name: num, value: {range: {start: 1, "
					 "end: 9}}}]}",
					 "c3") ", " TO("{headers: [{name: h, string_match: "
						       "{prefix: ye}}]}",
						       "c4") ", " TO("{attachments: [{name: only, "
								     "value: {present: true}}]}",
								     "c5")));
	call_init(&call, f);
	call_attachment(&call, "group", "g");
	assert_string_equal(call_to(&call, t, "a.Svc/m", "tri-service-version: 2.0", NULL), "c1");
	assert_string_equal(call_to(&call, t, "a.Svc/m", "tri-service-version: 1.0", NULL), "-");
	assert_int_equal(call.reads, 1);
	call_attachment(&call, "remote.application", "web");
	assert_string_equal(call_to(&call, t, "a.Svc/m", "", &seen), "c2");
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH | ROUTE_LOOKED_AT_HEADERS);
	call_init(&call, f);
	call_attachment(&call, "xtag", "gray"); /* its case differs, no other is there */
	call_attachment(&call, "num", "3");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c3");
	call_attachment(&call, "xTag", "blue"); /* exact case comes first */
	assert_string_equal(to(&call, t, "a.Svc/m"), "-");
	call_init(&call, f);
	call_attachment(&call, "h", "yes");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c4");
	call_init(&call, f);
	call.attachments[call.head.attachment_count++] =
		(struct rpc_attachment){SLICE("only"), {NULL, 0}}; /* null, or an object */
	assert_string_equal(to(&call, t, "a.Svc/m"), "c5");
	/* A message without attachments: header fields stand for them. */
	request(f, "POST /a.Svc/m", "a.Svc", "xtag: gray\nnum: 8");
	route_match_input_init(&f->input, &f->headers, 0);
	const struct route *route = route_table_match(t, &f->input, NULL);
	assert_true(slice_equal(route->cluster.name, SLICE("c3")));
}

static void services(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	const struct route_table *t = call_table(
		f, "{interface: a.Svc, version: '1.0', routes: [" ANY(
			   "c1") "]}, {interface: a.Svc, group: g, name: mine, retry_policy: "
				 "{retry_on: connect-failure}, routes: [{name: r, "
				 "request_headers_to_add: "
				 "[{header: {key: x, value: z}}], route: {cluster: c2, timeout: "
				 "3s}}]}, " SVC(ANY("c3")));
	call_init(&call, f);
	call_attachment(&call, "group", "g");
	assert_string_equal(call_to(&call, t, "a.Svc/m", "tri-service-version: 1.0", NULL), "c1");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c2");
	const struct route *route = route_table_match(t, &f->input, NULL);
	assert_true(slice_equal(route->name, SLICE("r")));
	assert_true(slice_equal(route->virtual_host->name, SLICE("mine")));
	assert_non_null(route_retry_policy(route));
	assert_int_equal(route->forward->timeout_ms, 3000);
	assert_int_equal(route->request_level_count, 1);
	call_init(&call, f);
	assert_string_equal(to(&call, t, "a.Svc/m"), "c3");
	route = route_table_match(t, &f->input, NULL);
	assert_int_equal(route->forward->timeout_ms, 0); /* the caller's own deadline holds */
	assert_null(route_retry_policy(route));
}

static void same_routes_are_one(void **state)
{
	struct routing_fixture *f = *state;
	const struct route *routes[5];
	const struct route_table *t = call_table(
		f, SVC(TO("{method: {exact: m0}}", "c1") ", " TO(
			   "{method: {exact: m1}}",
			   "c1") ", " TO("{method: {exact: m2}}",
					 "c2") ", {match: {method: {exact: m3}}, route: {cluster: "
					       "c1, metadata_match: "
					       "{filter_metadata: {envoy.lb: {v: '1'}}}}}, {match: "
					       "{method: {exact: "
					       "m4}}, route: {cluster: c1, timeout: 1s}}"));
	for (unsigned i = 0; i < 5; i++)
		routes[i] = route_of(f, t, arena_printf(&f->arena, "POST /a.Svc/m%u", i), "a", "");
	assert_ptr_equal(routes[0], routes[1]);
	for (unsigned i = 1; i < 5; i++)
		for (unsigned k = i + 1; k < 5; k++)
			assert_ptr_not_equal(routes[i], routes[k]);
}

/* Many rules of one method that ask for texts of one argument: found by its value, in order. */
static void many_values(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	char *rules = arena_printf(&f->arena, "%s",
				   TO("{method: {exact: m}, attachments: [{name: t, value: {exact: "
				      "first}}]}",
				      "first"));
	for (int i = 0; i < 40; i++)
		rules = arena_printf(
			&f->arena,
			"%s, {match: {method: {exact: m}, arguments: [{path: '0', value: {exact: "
			"'%d'}}]}, route: {cluster: c%d}}",
			rules, i % 20, i);
	rules = arena_printf(
		&f->arena,
		"%s, {match: {method: {exact: m}, arguments: [{path: '0', value: {in: {values: "
		"['7', x, x]}}}, {path: '1', value: {exact: yy}}]}, route: {cluster: both}}, %s",
		rules,
		TO("{method: {exact: m}, arguments: [{path: '0', value: {prefix: '9'}}]}",
		   "nine") ", " ANY("rest"));
	const struct route_table *t =
		call_table(f, arena_printf(&f->arena, "{interface: a.Svc, routes: [%s]}", rules));
	call_init(&call, f);
	call_argument(&call, "0", int_value(7));
	call_argument(&call, "1", text_value("yy"));
	assert_string_equal(to(&call, t, "a.Svc/m"), "c7"); /* not c27, not both */
	assert_int_equal(call.reads, 1);
	call.arguments[0].value = text_value("19");
	assert_string_equal(to(&call, t, "a.Svc/m"), "c19");
	call.arguments[0].value = text_value("x");
	assert_string_equal(to(&call, t, "a.Svc/m"), "both");
	call.arguments[1].value = text_value("z");
	assert_string_equal(to(&call, t, "a.Svc/m"), "rest");
	call.arguments[0].value = text_value("90");
	assert_string_equal(to(&call, t, "a.Svc/m"), "nine");
	call.arguments[0].value = (struct argument_value){.kind = ARGUMENT_OBJECT};
	assert_string_equal(to(&call, t, "a.Svc/m"), "rest");
	call_attachment(&call, "t", "first");
	call.arguments[0].value = int_value(7);
	assert_string_equal(to(&call, t, "a.Svc/m"), "first");
}

static void in_http_routes(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	f->hooks.can_read_arguments = true;
#define RPC(fields)                                                                                \
	"path_match_policy: {name: rpc, typed_config: {'@type': "                                  \
	"type.googleapis.com/outrigger.config.route.v1.RpcMatch, " fields "}}"
	const struct route_table *t = table_of_routes(
		f,
		"[{match: {" RPC("interface: {exact: a.Svc}, method: {exact: m}, arguments: "
				 "[{path: '0', "
				 "value: {exact: gold}}]") "}, route: {cluster: c1}}, {match: "
							   "{" RPC("method: "
								   "{prefix: m}, arguments: "
								   "[{path: '1', value: {exact: "
								   "x}}]") ", headers: [{name: k, "
									   "present_match: "
									   "true}]}, route: "
									   "{cluster: c2}}, "
									   "{match: {prefix: /}, "
									   "route: {cluster: "
									   "c3}}]");
	call_init(&call, f);
	call_argument(&call, "0", text_value("gold"));
	call_argument(&call, "1", text_value("x"));
	assert_string_equal(to(&call, t, "a.Svc/m"), "c1");
	assert_string_equal(to(&call, t, "b.Svc/m"), "c3");
	assert_string_equal(call_to(&call, t, "b.Svc/mm", "k: v", NULL), "c2");
	assert_int_equal(call.reads, 1);
	assert_string_equal(to(&call, t, "b.Svc/n"), "c3");
	assert_int_equal(call.reads, 0);
}

static void shares(void **state)
{
	struct routing_fixture *f = *state;
	struct call call;
	unsigned seen;
	const struct route_table *t =
		call_table(f, SVC(TO("{runtime_fraction: {default_value: {numerator: 30}}}",
				     "c1") ", " ANY("c2")));
	call_init(&call, f);
	f->random = 29;
	assert_string_equal(call_to(&call, t, "a.Svc/m", "", &seen), "c1");
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH | ROUTE_LOOKED_AT_RANDOM);
	f->random = 30;
	assert_string_equal(to(&call, t, "a.Svc/m"), "c2");
}

static void refused(struct routing_fixture *f, const char *services, const char *said)
{
	if (call_table_try(f, arena_printf(&f->arena, "name: t\nservices: [%s]", services)))
		fail_msg("was built: %s", services);
	if (!strstr(f->said, said))
		fail_msg("\"%s\" should say \"%s\"", f->said, said);
}

static void bad_ones(void **state)
{
	struct routing_fixture *f = *state;
	refused(f, "{routes: []}", "services[0].interface: must not be empty");
	refused(f, SVC("{}"), "services[0].routes[0]: one of route, direct_response is required");
	refused(f, SVC(ANY("nope")), "services[0].routes[0].route.cluster: unknown cluster 'nope'");
	refused(f, SVC(ANY("c1") ", " TO("{method: {}}", "c1")),
		"services[0].routes[1].match.method: one of exact");
	refused(f, SVC(TO("{arguments: [{path: x, value: {exact: a}}]}", "c1")),
		"services[0].routes[0].match.arguments[0].path: ");
	refused(f, SVC(TO("{arguments: [{path: '0'}]}", "c1")),
		"services[0].routes[0].match.arguments[0].value: is required");
	refused(f, SVC(TO("{arguments: [{path: '0', value: {prefix: ''}}]}", "c1")),
		"match.arguments[0].value.prefix: must not be empty");
	refused(f, SVC(TO("{attachments: [{value: {exact: a}}]}", "c1")),
		"match.attachments[0].name: must not be empty");
	refused(f, SVC(TO("{attachments: [{name: a}]}", "c1")),
		"match.attachments[0].value: is required");
	refused(f, SVC(TO("{attachments: [{name: a, value: {null_value: true}}]}", "c1")),
		"match.attachments[0].value.null_value: ");
	refused(f, SVC(TO("{headers: [{string_match: {exact: a}}]}", "c1")),
		"match.headers[0].name: must not be empty");
	refused(f, "{interface: a, request_mirror_policies: [{cluster: nope}], routes: []}",
		"services[0].request_mirror_policies[0].cluster: unknown cluster");
	char *many = arena_printf(&f->arena, "%s", "");
	for (int i = 0; i <= RPC_PATHS_MAX; i++)
		many = arena_printf(&f->arena,
				    "%s%s{match: {arguments: [{path: '%d', value: {exact: a}}]}, "
				    "route: {cluster: c1}}",
				    many, i ? ", " : "", i);
	refused(f, arena_printf(&f->arena, "{interface: a, routes: [%s]}", many),
		"more than 64 different arguments");
	f->hooks.can_read_arguments = false;
	struct route_table_options options = {&f->hooks, true};
	const struct route_table *table;
	assert_int_equal(route_table_load_calls(
				 &table,
				 message_of(f, CALL_TABLE_TYPE,
					    "services: [" SVC(TO(
						    "{arguments: [{path: '0', value: {exact: a}}]}",
						    "c1")) "]"),
				 &options, &f->arena, &f->diag),
			 STATUS_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(methods_and_order),
		ROUTING_TEST(arguments),
		ROUTING_TEST(lists_in_turns),
		ROUTING_TEST(attachments_and_names),
		ROUTING_TEST(services),
		ROUTING_TEST(same_routes_are_one),
		ROUTING_TEST(many_values),
		ROUTING_TEST(in_http_routes),
		ROUTING_TEST(shares),
		ROUTING_TEST(bad_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

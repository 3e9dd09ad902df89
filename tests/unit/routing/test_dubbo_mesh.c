/* Mesh rules: what Dubbo's MeshRuleRouter answers. */
#include "dubbo_support.h"

#define SERVICE DUBBO_TYPE(virtual_service)
#define SUBSETS DUBBO_TYPE(destination_rule)
#define HEAD "apiVersion: service.dubbo.apache.org/v1alpha1\n"

static void subsets(struct dubbo_fixture *f)
{
	add_rule(f, SUBSETS,
		 HEAD "kind: DestinationRule\nmetadata: {name: demo-route}\nspec:\n  host: demo\n"
		      "  subsets:\n"
		      "  - {name: v1, labels: {env-sign: v1}}\n"
		      "  - {name: v2, labels: {env-sign: v2}}\n"
		      "  - {name: v2hz, labels: {env-sign: v2, region: hz}}\n"
		      "  - {name: v3, labels: {env-sign: v3}}\n"
		      "  - {name: all}\n"
		      "  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n");
}

static void providers(struct dubbo_fixture *f)
{
	add_provider(f, "10.0.0.1:1 application=demo env-sign=v1");
	add_provider(f, "10.0.0.2:1 application=demo env-sign=v2 region=hz");
	add_provider(f, "10.0.0.3:1 application=demo env-sign=v2 region=bj");
	add_provider(f, "10.0.0.4:1 application=demo");
}

#define TO(subset) "route: [{destination: {host: demo, subset: " subset "}}]"

static void mesh(struct dubbo_fixture *f, const char *details)
{
	dubbo_clear(f);
	subsets(f);
	add_rule(f, SERVICE,
		 arena_printf(&f->routing.arena,
			      HEAD
			      "kind: VirtualService\nmetadata: {name: demo/route}\nspec:\n"
			      "  hosts: [demo]\n  dubbo:\n"
			      "  - name: other\n    services: [{exact: com.foo.Other}]\n"
			      "    routedetail: [{" TO(
				      "v1") "}]\n"
					    "  - name: hello\n"
					    "    services: [{regex: 'x.*'}, {prefix: com.foo.}]\n"
					    "    routedetail: [%s]\n"
					    "  - name: never reached\n    routedetail: [{" TO(
						    "v1") "}]\n",
			      details));
	providers(f);
}

static void by_service(void **state)
{
	struct dubbo_fixture *f = *state;
	mesh(f, "{" TO("v2") "}");
	assert_string_equal(left(f), "1 2");
	f->call.interface = SLICE("com.foo.Other");
	assert_string_equal(left(f), "0");
	f->call.interface = SLICE("xyz");
	assert_string_equal(left(f), "1 2");
	f->call.interface = SLICE("org.bar.Any");
	assert_string_equal(left(f), "0");
	/* a service whose details all fail isn't looked for in the next */
	f->call.interface = SLICE("com.foo.Hello");
	mesh(f, "{match: [{method: {name_match: {exact: nope}}}], " TO("v2") "}");
	assert_string_equal(left(f), "0 1 2 3");
}

static void matches(void **state)
{
	static const struct {
		const char *match;
		bool holds;
	} rows[] = {
		{"{method: {name_match: {exact: sayHello}}}", true},
		{"{method: {name_match: {prefix: find}}}", false},
		{"{method: {name_match: {regex: 'say(Hello|Hi)'}}}", true},
		{"{method: {argc: 4}}", true},
		{"{method: {argc: 1}}", false},
		{"{method: {argc: 0}}", false},
		{"{method: {argp: [{exact: java.lang.String}, {exact: int}, {exact: boolean}, "
		 "{exact: 'long[]'}]}}",
		 true},
		{"{method: {argp: [{exact: String}, {exact: int}, {wildcard: '*'}, {exact: "
		 "'[J'}]}}",
		 true},
		{"{method: {argp: [{exact: String}, {exact: long}, {wildcard: '*'}, {exact: "
		 "'[J'}]}}",
		 false},
		{"{method: {argp: [{exact: String}]}}", false},
		{"{method: {args: [{index: 0, type: string, str_value: {oneof: [{exact: b}, "
		 "{exact: a}]}}]}}",
		 true},
		{"{method: {args: [{index: 0, str_value: {oneof: [{exact: b}]}}]}}", false},
		{"{method: {args: [{index: 0, str_value: {oneof: []}}]}}", false},
		{"{method: {args: [{index: 1, str_value: {oneof: [{exact: '42'}]}}]}}", false},
		{"{method: {args: [{index: 1, num_value: {oneof: [{exact: 42}]}}]}}", true},
		{"{method: {args: [{index: 1, num_value: {oneof: [{range: {start: 1, end: "
		 "42}}]}}]}}",
		 false},
		{"{method: {args: [{index: 1, num_value: {oneof: [{range: {start: 42, end: "
		 "43}}]}}]}}",
		 true},
		{"{method: {args: [{index: 1, num_value: {oneof: [{range: {start: 42}}]}}]}}",
		 true},
		{"{method: {args: [{index: 1, num_value: {oneof: [{range: {end: 42}}]}}]}}", false},
		{"{method: {args: [{index: 1, num_value: {oneof: [{exact: 2, mod: 10}]}}]}}", true},
		{"{method: {args: [{index: 1, num_value: {oneof: [{exact: 3, mod: 10}]}}]}}",
		 false},
		{"{method: {args: [{index: 0, num_value: {oneof: [{exact: 42}]}}]}}", false},
		{"{method: {args: [{index: 2, bool_value: {exact: true}}]}}", true},
		{"{method: {args: [{index: 2, bool_value: {exact: false}}]}}", false},
		{"{method: {args: [{index: 1, bool_value: {exact: true}}]}}", false},
		{"{method: {args: [{index: 3, str_value: {oneof: [{exact: a}]}}]}}", false},
		{"{method: {args: [{index: 9, str_value: {oneof: [{empty: ''}]}}]}}", false},
		{"{sourceLabels: {trafficLabel: beta}}", true},
		{"{sourceLabels: {trafficLabel: beta, application: shop}}", true},
		{"{sourceLabels: {trafficLabel: gamma}}", false},
		{"{sourceLabels: {nothing: beta}}", false},
		{"{attachments: {dubboContext: {user: {exact: u1}}}}", true},
		{"{attachments: {dubboContext: {user: {exact: u2}}}}", false},
		{"{attachments: {dubboContext: {nobody: {empty: ''}}}}", true},
		{"{attachments: {dubboContext: {user: {noempty: ''}, nobody: {noempty: ''}}}}",
		 false},
		/* all entries of a detail must hold */
		{"{method: {argc: 4}}, {attachments: {dubboContext: {user: {exact: u1}}}}", true},
		{"{method: {argc: 4}}, {attachments: {dubboContext: {user: {exact: u2}}}}", false},
		{"", true},
	};
	struct dubbo_fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		mesh(f,
		     arena_printf(&f->routing.arena,
				  "{name: a, match: [%s], " TO("v1") "}, {name: b, " TO("v2") "}",
				  rows[i].match));
		f->attachments = "user=u1";
		f->arguments = "'a|42|true|{}";
		f->call.parameter_types = SLICE("Ljava/lang/String;IZ[J");
		f->parameters[0] = (struct dubbo_parameter){SLICE("trafficLabel"), SLICE("beta")};
		f->consumer.parameter_count = 1;
		if (strcmp(left(f), rows[i].holds ? "0" : "1 2"))
			fail_msg("%s leaves %s", rows[i].match, f->left);
	}
}

/* A text reads as a number in decimal only. */
static void numbers_in_texts(void **state)
{
	static const struct {
		const char *arguments;
		bool holds;
	} rows[] = {{"'42", true},   {"'4.2e1", true}, {"'0x2a", false}, {"' 42", false},
		    {"'inf", false}, {"'nan", false},  {"'42x", false}};
	struct dubbo_fixture *f = *state;

	mesh(f, "{match: [{method: {args: [{index: 0, num_value: {oneof: [{range: {start: "
		"42}}]}}]}}], " TO("v1") "}, {" TO("v2") "}");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		f->arguments = rows[i].arguments;
		if (strcmp(left(f), rows[i].holds ? "0" : "1 2"))
			fail_msg("%s leaves %s", rows[i].arguments, f->left);
	}
}

static void fallback(void **state)
{
	static const struct {
		const char *route, *left;
	} rows[] = {
		{"[{destination: {subset: v3}}]", "0 1 2 3"}, /* no provider: all */
		{"[{destination: {subset: unknown}}]", "0 1 2 3"},
		{"[{destination: {host: demo}}]", "0 1 2 3"},
		{"[{destination: {subset: v2hz}}]", "1"},
		{"[{destination: {subset: all}}]", "0 1 2 3"},
		{"[{destination: {subset: v3, fallback: {destination: {subset: v2}}}}]", "1 2"},
		{"[{destination: {subset: v3, fallback: {destination: {subset: unknown, fallback: "
		 "{destination: {subset: v1}}}}}}]",
		 "0"},
		{"[{destination: {subset: v1, fallback: {destination: {subset: v2}}}}]", "0"},
		/* the whole weight on a destination without providers: the next that has some */
		{"[{destination: {subset: v3}, weight: 1000}, {destination: {subset: v1}}]", "0"},
		{"[{destination: {subset: v1}}, {destination: {subset: v3}, weight: 1000000}]",
		 "0"},
	};
	struct dubbo_fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		mesh(f, arena_printf(&f->routing.arena, "{route: %s}", rows[i].route));
		for (f->random = 0; f->random < 20; f->random++)
			if (strcmp(left(f), rows[i].left))
				fail_msg("%s leaves %s", rows[i].route, f->left);
	}
}

static void weights(void **state)
{
	struct dubbo_fixture *f = *state;
	unsigned first = 0;
	mesh(f, "{route: [{destination: {subset: v1}, weight: 30}, {destination: {subset: v2}, "
		"weight: 70}]}");
	for (uint64_t i = 0; i < 10000; i++) {
		f->random = hash_uint64(i);
		const char *found = left(f);
		first += !strcmp(found, "0");
		if (strcmp(found, "0") && strcmp(found, "1 2"))
			fail_msg("leaves %s", found);
	}
	assert_in_range(first, 2800, 3200);
	/* without weights each counts one */
	first = 0;
	mesh(f, "{route: [{destination: {subset: v1}}, {destination: {subset: v2}}]}");
	for (uint64_t i = 0; i < 10000; i++) {
		f->random = hash_uint64(i);
		first += !strcmp(left(f), "0");
	}
	assert_in_range(first, 4700, 5300);
}

/* Each application's providers by its own rules, together; those of none only when nothing else is
 * left. */
static void applications(void **state)
{
	struct dubbo_fixture *f = *state;
	subsets(f);
	add_rule(f, SUBSETS,
		 HEAD "kind: DestinationRule\nspec: {host: second, subsets: [{name: v1, labels: "
		      "{x: z}}]}");
	add_rule(f, SERVICE,
		 HEAD "kind: VirtualService\nspec: {hosts: [demo], dubbo: [{routedetail: [{" TO(
			 "v2hz") "}]}]}");
	add_rule(f, SERVICE,
		 HEAD "kind: VirtualService\nspec: {hosts: [second], dubbo: [{routedetail: [{" TO(
			 "v1") "}]}]}");
	providers(f);
	add_provider(f, "10.0.1.1:1 application=second env-sign=v1");
	add_provider(f, "10.0.1.2:1 application=second x=z");
	add_provider(f, "10.0.2.1:1 application=third x=z env-sign=v1");
	assert_string_equal(left(f), "1 5");
	assert_string_equal(left(f), "1 5");
}

static void before_others(void **state)
{
	struct dubbo_fixture *f = *state;
	mesh(f, "{" TO("v2") "}");
	add_rule(f, DUBBO_TYPE(condition_rule),
		 "{scope: service, key: com.foo.Hello, conditions: ['=> region=bj', '=> "
		 "env-sign=v1']}");
	assert_string_equal(left(f), "2");
}

static void no_rules(void **state)
{
	struct dubbo_fixture *f = *state;
	subsets(f);
	providers(f);
	assert_string_equal(left(f), "0 1 2 3");
	dubbo_clear(f);
	add_rule(f, SERVICE,
		 HEAD "kind: VirtualService\nspec: {dubbo: [{routedetail: [{" TO("v2") "}]}]}");
	providers(f);
	assert_string_equal(left(f), "0 1 2 3");
}

static void refused(void **state)
{
	static const struct {
		const char *detail, *said;
	} rows[] = {
		{"{route: []}", "routedetail[0].route: is required"},
		{"{route: [{}]}", "routedetail[0].route[0].destination: is required"},
		{"{route: [{destination: {subset: a}, weight: 1000001}]}", "route[0].weight: must"},
		{"{match: [{headers: {a: {exact: b}}}], " TO("v1") "}",
		 "match[0].headers: Dubbo doesn't compare headers"},
		{"{match: [{method: {headers: {a: {exact: b}}}}], " TO("v1") "}",
		 "match[0].method.headers: Dubbo knows no"},
		{"{match: [{attachments: {tracingContext: {a: {exact: b}}}}], " TO("v1") "}",
		 "match[0].attachments.tracing_context: needs a tracing library"},
		{"{match: [{attachments: {dubboContext: {a: {}}}}], " TO("v1") "}",
		 "match[0].attachments.dubbo_context[\"a\"]: one of exact"},
		{"{match: [{method: {name_match: {regex: '['}}}], " TO("v1") "}",
		 "match[0].method.name_match.regex: "},
		{"{match: [{method: {args: [{index: 0}]}}], " TO("v1") "}",
		 "match[0].method.args[0]: one of str_value"},
		{"{match: [{method: {args: [{index: 300, bool_value: {exact: true}}]}}], " TO(
			 "v1") "}",
		 "args[0].index: a method has no such argument"},
		{"{match: [{method: {args: [{index: 0, bool_value: {}}]}}], " TO("v1") "}",
		 "args[0].bool_value.exact: is required"},
		{"{match: [{method: {args: [{num_value: {oneof: [{mod: 2}]}}]}}], " TO("v1") "}",
		 "args[0].num_value.oneof[0].exact: is what the remainder"},
		{"{match: [{method: {args: [{num_value: {oneof: [{exact: 1, mod: 0}]}}]}}], " TO(
			 "v1") "}",
		 "num_value.oneof[0].mod: must not be 0"},
		{"{match: [{method: {args: [{num_value: {oneof: [{}]}}]}}], " TO("v1") "}",
		 "num_value.oneof[0]: one of exact, range and mod"},
		{"{match: [{method: {args: [{str_value: {oneof: [{}]}}]}}], " TO("v1") "}",
		 "str_value.oneof[0]: one of exact"},
		{"{match: [{method: {argp: [{}]}}], " TO("v1") "}", "method.argp[0]: one of exact"},
	};
	struct dubbo_fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		mesh(f, rows[i].detail);
		const char *said = load_rules(f);
		if (!strstr(said, rows[i].said) || !strstr(said, "spec.dubbo[1].routedetail[0]"))
			fail_msg("%s\nsaid: %s", rows[i].detail, said);
	}
	assert_non_null(strstr(refusal(f, SERVICE, "{apiVersion: x, spec: {}}"),
			       "api_version: must be service.dubbo.apache.org/v1alpha1"));
	assert_non_null(strstr(refusal(f, SERVICE, "{kind: DestinationRule, spec: {}}"),
			       "kind: must be VirtualService"));
	assert_non_null(strstr(refusal(f, SUBSETS, "{kind: VirtualService, spec: {}}"),
			       "kind: must be DestinationRule"));
	assert_non_null(strstr(refusal(f, SERVICE, "{}"), "spec: is required"));
	assert_non_null(strstr(refusal(f, SUBSETS, "{spec: {subsets: [{}]}}"),
			       "spec.subsets[0].name: is required"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DUBBO_TEST(by_service),    DUBBO_TEST(matches),  DUBBO_TEST(numbers_in_texts),
		DUBBO_TEST(fallback),      DUBBO_TEST(weights),  DUBBO_TEST(applications),
		DUBBO_TEST(before_others), DUBBO_TEST(no_rules), DUBBO_TEST(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

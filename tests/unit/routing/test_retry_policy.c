/* What is retried, how often and when. Expectations are what Envoy does. */
#include "routing_support.h"

/* The plan for a request on the only route, with this retry policy ("" : none). */
static struct retry_plan plan_of(struct routing_fixture *f, const char *policy, const char *more)
{
	const struct route_table *t = table_of_routes(
		f, arena_printf(&f->arena, "[{match: {prefix: /}, route: {cluster: c1%s%s%s}}]",
				*policy ? ", retry_policy: {" : "", policy, *policy ? "}" : ""));
	const struct route *route = route_of(f, t, "GET /", "h", more);
	struct retry_plan plan;
	retry_plan_init(&plan, route_retry_policy(route), &f->headers);
	return plan;
}

static bool wants(struct routing_fixture *f, const struct retry_plan *plan, const char *response)
{
	struct headers headers;
	headers_init(&headers, &f->stream, 4);
	while (*response) {
		const char *colon = strchr(response + 1, ':'), *end = strchrnul(response, '\n');
		headers_add(&headers, slice_make(response, (size_t)(colon - response)),
			    slice_trim(slice_make(colon + 1, (size_t)(end - colon - 1))));
		response = *end ? end + 1 : end;
	}
	return retry_plan_wants_response(plan, &headers);
}

static void statuses(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *policy, *response;
		bool wanted;
	} cases[] = {
		{"retry_on: 5xx", ":status: 500", true},
		{"retry_on: 5xx", ":status: 599", true},
		{"retry_on: 5xx", ":status: 404", false},
		{"retry_on: ' 5xx , nonsense'", ":status: 500", true},
		{"retry_on: gateway-error", ":status: 500", false},
		{"retry_on: gateway-error", ":status: 502", true},
		{"retry_on: gateway-error", ":status: 504", true},
		{"retry_on: gateway-error", ":status: 505", false},
		{"retry_on: retriable-4xx", ":status: 409", true},
		{"retry_on: retriable-4xx", ":status: 404", false},
		{"retry_on: retriable-status-codes, retriable_status_codes: [404, 418]",
		 ":status: 418", true},
		{"retry_on: retriable-status-codes, retriable_status_codes: [404, 418]",
		 ":status: 503", false},
		{"retry_on: 5xx, retriable_status_codes: [418]", ":status: 418", false},
		{"retry_on: retriable-headers, retriable_headers: [{name: x-again, string_match: "
		 "{exact: 'yes'}}]",
		 ":status: 200\nx-again: yes", true},
		{"retry_on: retriable-headers, retriable_headers: [{name: x-again, string_match: "
		 "{exact: 'yes'}}]",
		 ":status: 200\nx-again: no", false},
		{"retry_on: 5xx", ":status: 503\nx-envoy-ratelimited: true", false},
		{"retry_on: 'reset,envoy-ratelimited'", ":status: 503\nx-envoy-ratelimited: true",
		 true},
		{"retry_on: unavailable", ":status: 200\ngrpc-status: 14", true},
		{"retry_on: unavailable", ":status: 200\ngrpc-status: 13", false},
		{"retry_on: 'cancelled,internal'", ":status: 200\ngrpc-status: 13", true},
		{"retry_on: deadline-exceeded", ":status: 200\ngrpc-status: 4", true},
		{"retry_on: resource-exhausted", ":status: 200\ngrpc-status: 8", true},
		{"", ":status: 503", false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct retry_plan plan = plan_of(f, cases[i].policy, "");
		if (wants(f, &plan, cases[i].response) != cases[i].wanted)
			fail_msg("%s on %s", cases[i].policy, cases[i].response);
	}
}

static void resets(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *on;
		struct retry_reset reset;
		bool wanted;
	} cases[] = {
		{"5xx", {REPLY_CONNECTION_LOST, false, true}, true},
		{"gateway-error", {REPLY_CONNECTION_LOST, false, true}, true},
		{"reset", {REPLY_UPSTREAM_RESET, false, true}, true},
		{"5xx", {REPLY_OVERFLOW, false, false}, false},
		{"retriable-4xx", {REPLY_CONNECTION_LOST, false, true}, false},
		{"reset-before-request", {REPLY_CONNECTION_LOST, false, true}, false},
		{"reset-before-request", {REPLY_CONNECTION_LOST, false, false}, true},
		{"connect-failure", {REPLY_CONNECT_FAILURE, false, false}, true},
		{"connect-failure", {REPLY_CONNECT_TIMEOUT, false, false}, true},
		{"connect-failure", {REPLY_CONNECTION_LOST, false, true}, false},
		{"refused-stream", {REPLY_UPSTREAM_RESET, true, true}, true},
		{"refused-stream", {REPLY_UPSTREAM_RESET, false, true}, false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct retry_plan plan =
			plan_of(f, arena_printf(&f->arena, "retry_on: %s", cases[i].on), "");
		if (retry_plan_wants_reset(&plan, &cases[i].reset) != cases[i].wanted)
			fail_msg("%s on %d", cases[i].on, (int)cases[i].reset.reason);
	}
}

static void counts(void **state)
{
	struct routing_fixture *f = *state;
	assert_int_equal(plan_of(f, "retry_on: 5xx", "").left, 1);
	assert_int_equal(plan_of(f, "retry_on: 5xx, num_retries: 3", "").left, 3);
	assert_int_equal(plan_of(f, "retry_on: 5xx, num_retries: 0", "").left, 0);
	assert_int_equal(plan_of(f, "retry_on: 5xx, num_retries: 3", "x-envoy-max-retries: 1").left,
			 1);
	assert_int_equal(plan_of(f, "retry_on: 5xx, num_retries: 3", "x-envoy-max-retries: x").left,
			 3);
	assert_string_equal(field(f, "x-envoy-max-retries"), "-");
}

static void the_requests_own_wishes(void **state)
{
	struct routing_fixture *f = *state;
	struct retry_plan plan = plan_of(f, "", "x-envoy-retry-on: 5xx\nx-envoy-max-retries: 3");
	assert_true(wants(f, &plan, ":status: 500"));
	assert_int_equal(plan.left, 3);
	assert_string_equal(field(f, "x-envoy-retry-on"), "-");
	plan = plan_of(f, "", "x-envoy-retry-grpc-on: cancelled");
	assert_true(wants(f, &plan, ":status: 200\ngrpc-status: 1"));
	plan = plan_of(f, "", "x-envoy-retry-grpc-on: 5xx\nx-envoy-retry-on: cancelled");
	assert_int_equal(plan.on, 0); /* each field has its own conditions */
	plan = plan_of(f, "",
		       "x-envoy-retry-on: retriable-status-codes\n"
		       "x-envoy-retriable-status-codes: 410, 411,x");
	assert_true(wants(f, &plan, ":status: 411"));
	assert_false(wants(f, &plan, ":status: 412"));
	plan = plan_of(f, "",
		       "x-envoy-retry-on: retriable-headers\n"
		       "x-envoy-retriable-header-names: X-Other, X-Again");
	assert_true(wants(f, &plan, ":status: 200\nx-again: 1"));
	assert_false(wants(f, &plan, ":status: 200\nx-agai: 1"));
	plan = plan_of(f,
		       "retry_on: 5xx, retriable_request_headers: [{name: ':method', string_match: "
		       "{exact: PUT}}]",
		       "");
	assert_false(wants(f, &plan, ":status: 500"));
}

static void back_off(void **state)
{
	struct routing_fixture *f = *state;
	struct retry_plan plan = plan_of(f, "retry_on: 5xx, num_retries: 9", "");
	static const uint32_t limits[] = {25, 50, 100, 200, 250, 250};
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct retry_plan copy = plan;
		assert_int_equal(retry_plan_take(&copy, NULL, 0, limits[i] - 1), limits[i] - 1);
		assert_int_equal(retry_plan_take(&plan, NULL, 0, limits[i]), 0);
	}
	assert_int_equal(plan.left, 3);
	assert_int_equal(plan.done, 6);
	plan = plan_of(f,
		       "retry_on: 5xx, retry_back_off: {base_interval: 0.005s, max_interval: "
		       "0.008s}",
		       "");
	plan.left = 2;
	assert_int_equal(retry_plan_take(&plan, NULL, 0, 4), 4);
	assert_int_equal(retry_plan_take(&plan, NULL, 0, 8 + 7), 7);
}

static void the_server_says_when(void **state)
{
	struct routing_fixture *f = *state;
	const char *policy = "retry_on: 5xx, num_retries: 9, rate_limited_retry_back_off: "
			     "{reset_headers: [{name: Retry-After, format: SECONDS}, {name: "
			     "x-reset, format: UNIX_TIMESTAMP}], max_interval: 100s}";
	struct retry_plan plan = plan_of(f, policy, "retry-after: 2\nx-reset: 1005");
	assert_int_equal(retry_plan_take(&plan, &f->headers, 1000, 0), 2000);
	assert_int_equal(retry_plan_take(&plan, &f->headers, 1000, 1000), 3000);
	plan = plan_of(f, policy, "retry-after: soon\nx-reset: 1005");
	assert_int_equal(retry_plan_take(&plan, &f->headers, 1000, 0), 5000);
	plan = plan_of(f, policy, "retry-after: 101\nx-reset: 999"); /* too long; in the past */
	assert_int_equal(retry_plan_take(&plan, &f->headers, 1000, 24), 24);
}

static void hosts_to_avoid(void **state)
{
	struct routing_fixture *f = *state;
#define ANY(type) "{'@type': type.googleapis.com/envoy.extensions.retry." type
	struct retry_plan plan = plan_of(
		f,
		"retry_on: 5xx, host_selection_retry_max_attempts: 10, retry_host_predicate: "
		"[{name: a, typed_config: " ANY(
			"host.previous_hosts.v3.PreviousHostsPredicate}") "}, {name: b, "
									  "typed_config: " ANY(
										  "host.omit_"
										  "canary_hosts.v3."
										  "OmitCanaryHostsP"
										  "redicate}") "}],"
											       " "
											       "ret"
											       "ry_"
											       "pri"
											       "ori"
											       "ty:"
											       " "
											       "{na"
											       "me:"
											       " p,"
											       " "
											       "typ"
											       "ed_"
											       "con"
											       "fig"
											       ":"
											       " " ANY("priority.previous_priorities.v3.PreviousPrioritiesConfig, "
												       "update_frequency: 2}") "}",
		"");
	assert_true(plan.policy->avoids_previous_hosts);
	assert_true(plan.policy->avoids_canary_hosts);
	assert_int_equal(plan.policy->host_attempts, 10);
	assert_int_equal(plan.policy->priority_update_frequency, 2);
}

static void policy_of_the_virtual_host(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		table_of(f, "virtual_hosts: [{name: v, domains: ['*'], retry_policy: {retry_on: "
			    "5xx, num_retries: 7}, routes: [{match: {prefix: /own}, route: "
			    "{cluster: c1, retry_policy: {num_retries: 2}}}, {match: {prefix: /}, "
			    "route: {cluster: c1}}]}]");
	assert_int_equal(route_retry_policy(route_of(f, t, "GET /own", "h", ""))->retries, 2);
	assert_int_equal(route_retry_policy(route_of(f, t, "GET /", "h", ""))->retries, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(statuses),       ROUTING_TEST(resets),
		ROUTING_TEST(counts),         ROUTING_TEST(the_requests_own_wishes),
		ROUTING_TEST(back_off),       ROUTING_TEST(the_server_says_when),
		ROUTING_TEST(hosts_to_avoid), ROUTING_TEST(policy_of_the_virtual_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Delays and aborts, asked for by configuration or by the request. */
#include "filter_support.h"

#include "filters/fault/fault.h"
#include "telemetry/stats_filters.h"

#define ALWAYS "percentage: {numerator: 100}"

static const char passes[] = "R:H. >h200. ended";

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &fault_stats, "http.test.fault", id);
}

static void aborts_with_the_status(void **state)
{
	struct stream_fixture *f =
		filter_new(&fault_filter, "{abort: {http_status: 418, " ALWAYS "}}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), ">h418 >d(fault filter abort). ended");
	assert_string_equal(f->details, "fault_filter_abort");
	assert_int_equal(f->flags, UINT64_C(1) << RESPONSE_FLAG_FAULT_INJECTED);
	assert_int_equal(counted(f, FAULT_STAT_ABORTS_INJECTED), 1);
	assert_int_equal(counted(f, FAULT_STAT_ACTIVE_FAULTS), 0);
	stream_fixture_free(f);
}

static void a_delay_holds_the_request_for_its_time(void **state)
{
	struct stream_fixture *f =
		filter_new(&fault_filter, "{delay: {fixed_delay: 0.3s, " ALWAYS "}}");
	(void)state;

	fixture_headers(f, NULL, false);
	fixture_data(f, "ab", true);
	assert_int_equal(counted(f, FAULT_STAT_ACTIVE_FAULTS), 1);
	fixture_settle(f);
	fixture_advance(f, 299);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), "R:H R:D(ab). >resume");
	fixture_answer_headers(f, "200", true);
	assert_int_equal(f->flags, UINT64_C(1) << RESPONSE_FLAG_DELAY_INJECTED);
	assert_int_equal(counted(f, FAULT_STAT_DELAYS_INJECTED), 1);
	assert_int_equal(counted(f, FAULT_STAT_ACTIVE_FAULTS), 0);
	stream_fixture_free(f);
}

static void an_abort_follows_the_delay(void **state)
{
	struct stream_fixture *f =
		filter_new(&fault_filter, "{delay: {fixed_delay: 0.2s, " ALWAYS
					  "}, abort: {http_status: 500, " ALWAYS "}}");
	(void)state;

	fixture_headers(f, NULL, true);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 200);
	assert_string_equal(fixture_take(f), ">resume >h500 >d(fault filter abort). ended");
	assert_int_equal(f->flags, UINT64_C(1) << RESPONSE_FLAG_DELAY_INJECTED |
					   UINT64_C(1) << RESPONSE_FLAG_FAULT_INJECTED);
	stream_fixture_free(f);
}

static void a_client_that_leaves_ends_the_delay(void **state)
{
	struct stream_fixture *f =
		filter_new(&fault_filter, "{delay: {fixed_delay: 10s, " ALWAYS "}}");
	(void)state;

	fixture_headers(f, NULL, false);
	fixture_reset(f);
	assert_int_equal(counted(f, FAULT_STAT_ACTIVE_FAULTS), 0);
	fixture_settle(f);
	fixture_take(f);
	fixture_advance(f, 20000);
	assert_string_equal(fixture_take(f), "");
	stream_fixture_free(f);
}

static void headers_may_ask_for_an_abort(void **state)
{
	static const struct {
		const char *lines, *trace;
	} rows[] = {
		{"GET / h", passes},
		{"GET / h\nx-envoy-fault-abort-request: 429",
		 ">h429 >d(fault filter abort). ended"},
		{"GET / h\nx-envoy-fault-abort-request: 199", passes},
		{"GET / h\nx-envoy-fault-abort-request: 600", passes},
		{"GET / h\nx-envoy-fault-abort-request: no", passes},
		{"GET / h\nx-envoy-fault-abort-grpc-request: 8",
		 ">h200 >d(fault filter abort). ended"},
		{"GET / h\nx-envoy-fault-abort-request: 429\n"
		 "x-envoy-fault-abort-request-percentage: 0",
		 passes},
		{"GET / h\nx-envoy-fault-abort-request: 429\n"
		 "x-envoy-fault-abort-request-percentage: 200",
		 ">h429 >d(fault filter abort). ended"},
	};
	struct stream_fixture *f =
		filter_new(&fault_filter, "{abort: {header_abort: {}, " ALWAYS "}}");
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(filter_get(f, rows[i].lines), rows[i].trace);
	stream_fixture_free(f);
}

static void headers_may_ask_for_a_delay(void **state)
{
	struct stream_fixture *f =
		filter_new(&fault_filter, "{delay: {header_delay: {}, " ALWAYS "}}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), passes);
	fixture_headers(f, "GET / h\nx-envoy-fault-delay-request: 50", true);
	fixture_advance(f, 49);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), "R:H. >resume");
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

static void other_requests_are_left_alone(void **state)
{
	static const char *const configs[] = {
		"{headers: [{name: x-f, string_match: {exact: '1'}}], abort: {http_status: "
		"500, " ALWAYS "}}",
		"{upstream_cluster: other, abort: {http_status: 500, " ALWAYS "}}",
		"{abort: {http_status: 500, percentage: {numerator: 0}}}",
		"{abort: {http_status: 500}}",
		"{delay: {fixed_delay: 1s}}",
		"{}",
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(configs); i++) {
		struct stream_fixture *f = filter_new(&fault_filter, configs[i]);
		filter_routes(f, "[{match: {prefix: /}, route: {cluster: c1}}]", NULL);
		assert_string_equal(filter_get(f, NULL), passes);
		stream_fixture_free(f);
	}
	struct stream_fixture *f = filter_new(
		&fault_filter, "{upstream_cluster: c1, abort: {http_status: 500, " ALWAYS "}}");
	filter_routes(f, "[{match: {prefix: /}, route: {cluster: c1}}]", NULL);
	assert_string_equal(filter_get(f, NULL), ">h500 >d(fault filter abort). ended");
	stream_fixture_free(f);
}

static void no_more_faults_at_once_than_allowed(void **state)
{
	struct stream_fixture *f = filter_new(
		&fault_filter, "{max_active_faults: 1, delay: {fixed_delay: 1s, " ALWAYS "}}");
	(void)state;

	fixture_headers(f, NULL, true);
	struct stream *delayed = f->stream;
	assert_string_equal(filter_get(f, NULL), passes);
	assert_int_equal(counted(f, FAULT_STAT_FAULTS_OVERFLOW), 1);
	f->stream = delayed;
	fixture_advance(f, 1000);
	fixture_answer_headers(f, "200", true);
	fixture_take(f);
	fixture_headers(f, NULL, true);
	assert_string_equal(fixture_take(f), ""); /* it is free again */
	fixture_reset(f);
	stream_fixture_free(f);
}

static void a_route_has_faults_of_its_own(void **state)
{
	struct stream_fixture *f = filter_new(&fault_filter, "{}");
	(void)state;

	filter_routes(
		f,
		"[{match: {prefix: /a}, route: {cluster: c}, typed_per_filter_config: {it: "
		"{'@type': type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, "
		"abort: {http_status: 501, " ALWAYS "}}}}, {match: {prefix: /}, route: "
		"{cluster: c}}]",
		NULL);
	assert_string_equal(filter_get(f, "GET /a h"), ">h501 >d(fault filter abort). ended");
	assert_string_equal(filter_get(f, "GET /b h"), passes);
	assert_int_equal(counted(f, FAULT_STAT_ABORTS_INJECTED), 1);
	stream_fixture_free(f);
}

static void wrong_configurations_are_refused(void **state)
{
	(void)state;
	filter_refused(&fault_filter, "{abort: {http_status: 600, " ALWAYS "}}",
		       "abort.http_status", "must be in");
	filter_refused(&fault_filter, "{abort: {" ALWAYS "}}", "abort.http_status", "is required");
	filter_refused(&fault_filter, "{delay: {" ALWAYS "}}", "delay.fixed_delay", "is required");
	filter_refused(&fault_filter, "{delay: {fixed_delay: -1s, " ALWAYS "}}",
		       "delay.fixed_delay", "negative");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(aborts_with_the_status),
		cmocka_unit_test(a_delay_holds_the_request_for_its_time),
		cmocka_unit_test(an_abort_follows_the_delay),
		cmocka_unit_test(a_client_that_leaves_ends_the_delay),
		cmocka_unit_test(headers_may_ask_for_an_abort),
		cmocka_unit_test(headers_may_ask_for_a_delay),
		cmocka_unit_test(other_requests_are_left_alone),
		cmocka_unit_test(no_more_faults_at_once_than_allowed),
		cmocka_unit_test(a_route_has_faults_of_its_own),
		cmocka_unit_test(wrong_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

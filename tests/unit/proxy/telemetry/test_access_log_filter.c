/* Each kind of filter, and trees of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "envoy/config/accesslog/v3/accesslog.pb-c.h"
#include "envoy/type/matcher/v3/metadata.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "message/headers.h"
#include "message/metadata.h"
#include "message/stream_info.h"
#include "telemetry/access_log_filter.h"

typedef Envoy__Config__Accesslog__V3__AccessLogFilter filter_message;
#define FILTER(name, field, value)                                                                 \
	{                                                                                          \
		.base = PROTOBUF_C_MESSAGE_INIT(                                                   \
			&envoy__config__accesslog__v3__access_log_filter__descriptor),             \
		.filter_specifier_case =                                                           \
			ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_##name,  \
		.field = (value),                                                                  \
	}

static struct arena arena;
static struct headers request, response;
static struct stream_info info;
static struct diag diag;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	headers_init(&request, &arena, 8);
	headers_init(&response, &arena, 8);
	info = (struct stream_info){.request = &request, .response = &response};
	diag = (struct diag){.text = ""};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static bool passes(const filter_message *message, uint64_t random)
{
	const struct access_log_filter *filter;
	assert_int_equal(access_log_filter_load(message, NULL, &arena, &filter, &diag), STATUS_OK);
	return access_log_filter_test(filter, &info, random);
}

static bool is_refused(const filter_message *message)
{
	const struct access_log_filter *filter;
	return access_log_filter_load(message, NULL, &arena, &filter, &diag) != STATUS_OK &&
	       diag_is_set(&diag);
}

static Envoy__Config__Core__V3__RuntimeUInt32 value = ENVOY__CONFIG__CORE__V3__RUNTIME_UINT32__INIT;
static Envoy__Config__Accesslog__V3__ComparisonFilter comparison =
	ENVOY__CONFIG__ACCESSLOG__V3__COMPARISON_FILTER__INIT;

static void set_comparison(int op, uint32_t to)
{
	value.default_value = to;
	comparison.value = &value;
	comparison.op = (Envoy__Config__Accesslog__V3__ComparisonFilter__Op)op;
}

static void no_filter_passes_all(void **state)
{
	(void)state;
	assert_true(passes(NULL, 0));
}

static void codes_and_durations_are_compared(void **state)
{
	(void)state;
	Envoy__Config__Accesslog__V3__StatusCodeFilter code =
		ENVOY__CONFIG__ACCESSLOG__V3__STATUS_CODE_FILTER__INIT;
	Envoy__Config__Accesslog__V3__DurationFilter duration =
		ENVOY__CONFIG__ACCESSLOG__V3__DURATION_FILTER__INIT;
	code.comparison = duration.comparison = &comparison;
	filter_message by_code = FILTER(STATUS_CODE_FILTER, status_code_filter, &code);
	filter_message by_duration = FILTER(DURATION_FILTER, duration_filter, &duration);
	/* op: EQ GE LE NE; of 399, 400, 401 against 400. */
	static const bool expected[4][3] = {{0, 1, 0}, {0, 1, 1}, {1, 1, 0}, {1, 0, 1}};
	for (int op = 0; op < 4; op++) {
		for (unsigned i = 0; i < 3; i++) {
			set_comparison(op, 400);
			info.response_code = (uint16_t)(399 + i);
			info.times.start_ns = 5;
			info.times.end_ns = 5 + (399 + i) * UINT64_C(1000000) + 999999;
			assert_int_equal(passes(&by_code, 0), expected[op][i]);
			assert_int_equal(passes(&by_duration, 0), expected[op][i]);
		}
	}
	comparison.value = NULL;
	assert_true(is_refused(&by_code));
}

static void health_checks_and_traces(void **state)
{
	(void)state;
	Envoy__Config__Accesslog__V3__NotHealthCheckFilter check =
		ENVOY__CONFIG__ACCESSLOG__V3__NOT_HEALTH_CHECK_FILTER__INIT;
	Envoy__Config__Accesslog__V3__TraceableFilter trace =
		ENVOY__CONFIG__ACCESSLOG__V3__TRACEABLE_FILTER__INIT;
	filter_message by_check = FILTER(NOT_HEALTH_CHECK_FILTER, not_health_check_filter, &check);
	filter_message by_trace = FILTER(TRACEABLE_FILTER, traceable_filter, &trace);
	assert_true(passes(&by_check, 0));
	info.is_health_check = true;
	assert_false(passes(&by_check, 0));
	assert_false(passes(&by_trace, 0));
}

static void a_share_is_sampled(void **state)
{
	(void)state;
	Envoy__Type__V3__FractionalPercent share = ENVOY__TYPE__V3__FRACTIONAL_PERCENT__INIT;
	Envoy__Config__Accesslog__V3__RuntimeFilter runtime =
		ENVOY__CONFIG__ACCESSLOG__V3__RUNTIME_FILTER__INIT;
	runtime.percent_sampled = &share;
	filter_message sampled = FILTER(RUNTIME_FILTER, runtime_filter, &runtime);
	unsigned count = 0;
	for (uint64_t random = 0; random < 1000; random++)
		count += passes(&sampled, random);
	assert_int_equal(count, 0);
	share.numerator = 30;
	for (uint64_t random = 0; random < 1000; random++)
		count += passes(&sampled, random);
	assert_int_equal(count, 300);
	/* All proxies agree on a request id: 0x0000001d % 100 == 29. */
	headers_add(&request, SLICE("x-request-id"), SLICE("0000001d-e89b-12d3-a456-426614174000"));
	assert_true(passes(&sampled, 99));
	headers_set(&request, SLICE("x-request-id"), SLICE("0000001e-e89b-12d3-a456-426614174000"));
	assert_false(passes(&sampled, 0));
	runtime.use_independent_randomness = true;
	assert_true(passes(&sampled, 0));
	runtime.use_independent_randomness = false;
	headers_set(&request, SLICE("x-request-id"), SLICE("not a uuid"));
	assert_true(passes(&sampled, 0));
	share.denominator = ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION;
	assert_false(passes(&sampled, 99));
	assert_true(passes(&sampled, 1000029));
}

static void trees_of_and_and_or(void **state)
{
	(void)state;
	Envoy__Config__Accesslog__V3__NotHealthCheckFilter check =
		ENVOY__CONFIG__ACCESSLOG__V3__NOT_HEALTH_CHECK_FILTER__INIT;
	Envoy__Config__Accesslog__V3__TraceableFilter trace =
		ENVOY__CONFIG__ACCESSLOG__V3__TRACEABLE_FILTER__INIT;
	filter_message yes = FILTER(NOT_HEALTH_CHECK_FILTER, not_health_check_filter, &check);
	filter_message no = FILTER(TRACEABLE_FILTER, traceable_filter, &trace);
	for (unsigned bits = 0; bits < 4; bits++) {
		filter_message *list[] = {bits & 1 ? &yes : &no, bits & 2 ? &yes : &no};
		Envoy__Config__Accesslog__V3__AndFilter and_list =
			ENVOY__CONFIG__ACCESSLOG__V3__AND_FILTER__INIT;
		Envoy__Config__Accesslog__V3__OrFilter or_list =
			ENVOY__CONFIG__ACCESSLOG__V3__OR_FILTER__INIT;
		and_list.filters = or_list.filters = list;
		and_list.n_filters = or_list.n_filters = 2;
		filter_message both = FILTER(AND_FILTER, and_filter, &and_list);
		filter_message either = FILTER(OR_FILTER, or_filter, &or_list);
		assert_int_equal(passes(&both, 0), bits == 3);
		assert_int_equal(passes(&either, 0), bits != 0);
		and_list.n_filters = 1;
		assert_true(is_refused(&both));
	}
}

static void nesting_is_limited(void **state)
{
	(void)state;
	enum { DEPTH = 20 };
	Envoy__Config__Accesslog__V3__TraceableFilter trace =
		ENVOY__CONFIG__ACCESSLOG__V3__TRACEABLE_FILTER__INIT;
	filter_message leaf = FILTER(TRACEABLE_FILTER, traceable_filter, &trace);
	filter_message levels[DEPTH];
	filter_message *lists[DEPTH][2];
	Envoy__Config__Accesslog__V3__OrFilter ors[DEPTH];
	for (unsigned i = 0; i < DEPTH; i++) {
		lists[i][0] = i ? &levels[i - 1] : &leaf;
		lists[i][1] = &leaf;
		ors[i] = (Envoy__Config__Accesslog__V3__OrFilter)
			ENVOY__CONFIG__ACCESSLOG__V3__OR_FILTER__INIT;
		ors[i].filters = lists[i];
		ors[i].n_filters = 2;
		levels[i] = (filter_message)FILTER(OR_FILTER, or_filter, &ors[i]);
	}
	assert_false(passes(&levels[10], 0));
	assert_true(is_refused(&levels[DEPTH - 1]));
}

static void a_header_is_tested(void **state)
{
	(void)state;
	Envoy__Type__Matcher__V3__StringMatcher string =
		ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__INIT;
	Envoy__Config__Route__V3__HeaderMatcher matcher =
		ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__INIT;
	Envoy__Config__Accesslog__V3__HeaderFilter header =
		ENVOY__CONFIG__ACCESSLOG__V3__HEADER_FILTER__INIT;
	char name[] = "x-log", yes[] = "yes";
	string.match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT;
	string.exact = yes;
	matcher.name = name;
	matcher.header_match_specifier_case =
		ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH;
	matcher.string_match = &string;
	header.header = &matcher;
	filter_message by_header = FILTER(HEADER_FILTER, header_filter, &header);
	assert_false(passes(&by_header, 0));
	headers_add(&request, SLICE("x-log"), SLICE("yes"));
	assert_true(passes(&by_header, 0));
	headers_set(&request, SLICE("x-log"), SLICE("no"));
	assert_false(passes(&by_header, 0));
	info.request = NULL;
	assert_false(passes(&by_header, 0));
	header.header = NULL;
	assert_true(is_refused(&by_header));
}

static void response_flags(void **state)
{
	(void)state;
	char nr[] = "NR", uf[] = "UF", bad[] = "XX";
	char *list[] = {nr, uf};
	Envoy__Config__Accesslog__V3__ResponseFlagFilter flags =
		ENVOY__CONFIG__ACCESSLOG__V3__RESPONSE_FLAG_FILTER__INIT;
	filter_message by_flag = FILTER(RESPONSE_FLAG_FILTER, response_flag_filter, &flags);
	assert_false(passes(&by_flag, 0));
	stream_info_flag(&info, RESPONSE_FLAG_DELAY_INJECTED);
	assert_true(passes(&by_flag, 0)); /* an empty list: any flag */
	flags.flags = list;
	flags.n_flags = 2;
	assert_false(passes(&by_flag, 0));
	stream_info_flag(&info, RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE);
	assert_true(passes(&by_flag, 0));
	list[1] = bad;
	assert_true(is_refused(&by_flag));
}

static void grpc_statuses(void **state)
{
	(void)state;
	Envoy__Config__Accesslog__V3__GrpcStatusFilter__Status list[] = {
		ENVOY__CONFIG__ACCESSLOG__V3__GRPC_STATUS_FILTER__STATUS__UNAVAILABLE,
		ENVOY__CONFIG__ACCESSLOG__V3__GRPC_STATUS_FILTER__STATUS__CANCELED};
	Envoy__Config__Accesslog__V3__GrpcStatusFilter grpc =
		ENVOY__CONFIG__ACCESSLOG__V3__GRPC_STATUS_FILTER__INIT;
	grpc.statuses = list;
	grpc.n_statuses = 2;
	filter_message by_status = FILTER(GRPC_STATUS_FILTER, grpc_status_filter, &grpc);
	info.response_code = 200;
	assert_false(passes(&by_status, 0));
	info.response_code = 503;
	assert_true(passes(&by_status, 0));
	headers_add(&response, SLICE("grpc-status"), SLICE("0"));
	assert_false(passes(&by_status, 0));
	headers_set(&response, SLICE("grpc-status"), SLICE("1"));
	assert_true(passes(&by_status, 0));
	grpc.exclude = true;
	assert_false(passes(&by_status, 0));
	headers_set(&response, SLICE("grpc-status"), SLICE("99999"));
	assert_true(passes(&by_status, 0));
}

static void log_types(void **state)
{
	(void)state;
	Envoy__Data__Accesslog__V3__AccessLogType list[] = {
		ENVOY__DATA__ACCESSLOG__V3__ACCESS_LOG_TYPE__DownstreamEnd};
	Envoy__Config__Accesslog__V3__LogTypeFilter types =
		ENVOY__CONFIG__ACCESSLOG__V3__LOG_TYPE_FILTER__INIT;
	types.types = list;
	types.n_types = 1;
	filter_message by_type = FILTER(LOG_TYPE_FILTER, log_type_filter, &types);
	info.log_type = LOG_TYPE_DOWNSTREAM_END;
	assert_true(passes(&by_type, 0));
	info.log_type = LOG_TYPE_TCP_PERIODIC;
	assert_false(passes(&by_type, 0));
	types.exclude = true;
	assert_true(passes(&by_type, 0));
}

static void metadata_is_tested(void **state)
{
	static char yes[] = "yes", space[] = "m", key[] = "k";
	Envoy__Type__Matcher__V3__StringMatcher string =
		ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__INIT;
	Envoy__Type__Matcher__V3__ValueMatcher wanted =
		ENVOY__TYPE__MATCHER__V3__VALUE_MATCHER__INIT;
	Envoy__Type__Matcher__V3__MetadataMatcher__PathSegment segment =
		ENVOY__TYPE__MATCHER__V3__METADATA_MATCHER__PATH_SEGMENT__INIT;
	Envoy__Type__Matcher__V3__MetadataMatcher__PathSegment *path[] = {&segment};
	Envoy__Type__Matcher__V3__MetadataMatcher matcher =
		ENVOY__TYPE__MATCHER__V3__METADATA_MATCHER__INIT;
	Google__Protobuf__BoolValue no = GOOGLE__PROTOBUF__BOOL_VALUE__INIT;
	Envoy__Config__Accesslog__V3__MetadataFilter by =
		ENVOY__CONFIG__ACCESSLOG__V3__METADATA_FILTER__INIT;
	filter_message by_metadata = FILTER(METADATA_FILTER, metadata_filter, &by);
	struct label label = {.kind = LABEL_STRING, .text = SLICE("yes")};
	(void)state;

	string.match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT;
	string.exact = yes;
	wanted.match_pattern_case =
		ENVOY__TYPE__MATCHER__V3__VALUE_MATCHER__MATCH_PATTERN_STRING_MATCH;
	wanted.string_match = &string;
	segment.segment_case =
		ENVOY__TYPE__MATCHER__V3__METADATA_MATCHER__PATH_SEGMENT__SEGMENT_KEY;
	segment.key = key;
	matcher.filter = space;
	matcher.path = path;
	matcher.n_path = 1;
	matcher.value = &wanted;
	by.matcher = &matcher;
	assert_true(passes(&by_metadata, 0)); /* there is none: passes unless told otherwise */
	by.match_if_key_not_found = &no;
	assert_false(passes(&by_metadata, 0));
	metadata_set(&info.metadata, SLICE("m"), SLICE("k"), &label, &arena);
	assert_true(passes(&by_metadata, 0));
	label.text = SLICE("no");
	metadata_set(&info.metadata, SLICE("m"), SLICE("k"), &label, &arena);
	assert_false(passes(&by_metadata, 0));
	matcher.n_path = 0;
	assert_true(is_refused(&by_metadata));
	assert_string_equal(diag.path, "metadata_filter.matcher.path");
	by.matcher = NULL;
	assert_false(passes(&by_metadata, 0));
}

static void what_is_unknown_is_refused(void **state)
{
	(void)state;
	filter_message empty = ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__INIT;
	Envoy__Config__Accesslog__V3__ExtensionFilter extension =
		ENVOY__CONFIG__ACCESSLOG__V3__EXTENSION_FILTER__INIT;
	filter_message by_extension = FILTER(EXTENSION_FILTER, extension_filter, &extension);
	assert_true(is_refused(&empty));
	assert_true(is_refused(&by_extension));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_filter_passes_all),
		TEST(codes_and_durations_are_compared),
		TEST(health_checks_and_traces),
		TEST(a_share_is_sampled),
		TEST(trees_of_and_and_or),
		TEST(nesting_is_limited),
		TEST(a_header_is_tested),
		TEST(response_flags),
		TEST(grpc_statuses),
		TEST(log_types),
		TEST(metadata_is_tested),
		TEST(what_is_unknown_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

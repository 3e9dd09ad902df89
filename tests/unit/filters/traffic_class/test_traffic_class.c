/* The filter: classes by rule and route, what is shed, what is kept for later, and what isn't. */
#include "../filter_support.h"

#include "filters/traffic_class/deferral.h"
#include "filters/traffic_class/traffic_class.h"
#include "support/spool_home.h"
#include "telemetry/stats.h"

#define CLASSES(more)                                                                              \
	"name: shop, classes: [{name: primary}, {name: secondary, enter: 0.5, leave: 0.3" more     \
	"}], rules: [{class: secondary, headers: [{name: x-class, string_match: {exact: "          \
	"low}}]}], "
#define PRESSURE "pressure: {capacity: {max_in_flight: 4}, hold: 1s}"

/* --- a filter with a spool --- */

struct test {
	struct stream_fixture *f;
	struct spools spools;
	struct spool_home home;
};

/* Until the spool has answered: one errand. */
static void wait_for_errand(struct test *t)
{
	unsigned waited_ms = 0;

	while (!spool_home_run_one(&t->home, &t->f->worker))
		spool_home_rest(&waited_ms, "the spool answers");
}

static void load(struct test *t, const char *yaml)
{
	struct config_context context;
	struct diag diag = {.line = 0};

	filter_context(&context, t->f, &t->f->arena);
	context.spools = &t->spools;
	if (traffic_class_filter.config_load(
		    &t->f->entries[0].config,
		    filter_message(&t->f->arena, traffic_class_filter.message, yaml), false,
		    &context, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
}

static struct test *test_begin(const char *deferral, const char *spool)
{
	struct chain_entry entry = {.type = &traffic_class_filter, .name = SLICE("it")};
	struct test *t = calloc(1, sizeof *t);
	char yaml[1000];

	spool_home_open(&t->home);
	t->f = stream_fixture_new(&entry, 1);
	spools_init(&t->spools, t->f->stats);
	spool_home_serve(&t->home, &t->spools);
	snprintf(yaml, sizeof yaml,
		 "{" CLASSES(", deferral: {%s}") PRESSURE
		 ", spool: {path: %s, replay_below: 0.001%s}}",
		 deferral, t->home.path, spool);
	load(t, yaml);
	filter_routes(t->f, "[{match: {prefix: /}, route: {cluster: up, prefix_rewrite: /new/}}]",
		      NULL);
	const struct traffic_class_config *config = t->f->entries[0].config;
	SPOOL_WAIT_UNTIL(&t->home, &t->f->worker, spool_takes(config->spool->spool));
	return t;
}

static void test_end(struct test *t)
{
	spools_leave(&t->spools);
	spool_home_run_all(&t->home, &t->f->worker);
	arena_reset(&t->f->arena); /* the configuration goes */
	spools_fini(&t->spools);
	stream_fixture_free(t->f);
	spool_home_close(&t->home);
	free(t);
}

static struct shared_guard *guard_of(struct stream_fixture *f)
{
	const struct traffic_class_config *config = f->entries[0].config;
	return config->guard;
}

/* From now on so many are under way. */
static void fill(struct stream_fixture *f, uint32_t count)
{
	atomic_store(&guard_of(f)->in_flight, count);
}

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &class_stats, "traffic_class.shop.secondary", id);
}

/* --- classes --- */

static void a_class_is_shed_while_a_higher_one_is_let_in(void **state)
{
	struct stream_fixture *f = filter_new(&traffic_class_filter, "{" CLASSES("") PRESSURE "}");
	(void)state;

	assert_string_equal(filter_get(f, "GET / h\nx-class: low"), "R:H. >h200. ended");
	fill(f, 2);
	assert_string_equal(filter_get(f, "GET / h\nx-class: low"),
			    ">h503 >d(shed: the system is under pressure). ended");
	assert_string_equal(filter_get(f, "GET / h"), "R:H. >h200. ended");
	assert_int_equal(counted(f, CLASS_STAT_SHED), 1);
	assert_int_equal(counted(f, CLASS_STAT_ADMITTED), 1);
	assert_int_equal(filter_counted(f, &traffic_class_stats, "traffic_class.shop",
					TRAFFIC_CLASS_STAT_SHED_CLASSES),
			 1);
	fill(f, 0);
	assert_string_equal(filter_get(f, "GET / h\nx-class: low"),
			    ">h503 >d(shed: the system is under pressure). ended");
	fixture_advance(f, 1100);
	assert_string_equal(filter_get(f, "GET / h\nx-class: low"), "R:H. >h200. ended");
	assert_int_equal(atomic_load(&guard_of(f)->in_flight), 0);
	stream_fixture_free(f);
}

static void what_is_under_way_counts_until_it_is_over(void **state)
{
	struct stream_fixture *f = filter_new(&traffic_class_filter, "{" CLASSES("") PRESSURE "}");
	(void)state;

	fixture_headers(f, "GET / h", true);
	assert_int_equal(atomic_load(&guard_of(f)->in_flight), 1);
	fixture_answer_headers(f, "200", false);
	assert_int_equal(atomic_load(&guard_of(f)->in_flight), 1);
	fixture_answer_data(f, "x", true);
	fixture_settle(f);
	assert_int_equal(atomic_load(&guard_of(f)->in_flight), 0);
	fixture_headers(f, "GET / h", true);
	fixture_reset(f);
	assert_int_equal(atomic_load(&guard_of(f)->in_flight), 0);
	stream_fixture_free(f);
}

static void a_route_may_name_the_class(void **state)
{
	struct stream_fixture *f = filter_new(&traffic_class_filter, "{" CLASSES("") PRESSURE "}");
	(void)state;

	filter_routes(
		f,
		"[{match: {prefix: /low}, route: {cluster: up}, typed_per_filter_config: {it: "
		"{'@type': "
		"type.googleapis.com/outrigger.filters.traffic_class.v1.TrafficClassPerRoute, "
		"class: secondary}}}, {match: {prefix: /free}, route: {cluster: up}, "
		"typed_per_filter_config: {it: {'@type': "
		"type.googleapis.com/outrigger.filters.traffic_class.v1.TrafficClassPerRoute, "
		"disabled: true}}}, {match: {prefix: /odd}, route: {cluster: up}, "
		"typed_per_filter_config: {it: {'@type': "
		"type.googleapis.com/outrigger.filters.traffic_class.v1.TrafficClassPerRoute, "
		"class: odd}}}, {match: {prefix: /}, route: {cluster: up}}]",
		NULL);
	fill(f, 4);
	assert_non_null(strstr(filter_get(f, "GET /low h"), ">h503"));
	assert_non_null(strstr(filter_get(f, "GET /free h\nx-class: low"), ">h200"));
	assert_non_null(strstr(filter_get(f, "GET / h"), ">h200"));
	assert_non_null(strstr(filter_get(f, "GET /odd h"), ">h200"));
	assert_non_null(strstr(filter_get(f, "GET /odd h\nx-class: low"), ">h503"));
	assert_int_equal(filter_counted(f, &traffic_class_stats, "traffic_class.shop",
					TRAFFIC_CLASS_STAT_UNKNOWN_CLASS),
			 2);
	stream_fixture_free(f);
}

/* --- deferral --- */

static void what_is_shed_is_kept_and_then_accepted(void **state)
{
	struct test *t = test_begin("status: 200, body: later, content_type: text/x", "");
	(void)state;

	fill(t->f, 4);
	fixture_headers(t->f, "POST /a h\nx-class: low\nidempotency-key: k1", false);
	fixture_data(t->f, "bo", false);
	fixture_data(t->f, "dy", true);
	assert_string_equal(fixture_take(t->f), "");
	wait_for_errand(t);
	fixture_settle(t->f);
	assert_string_equal(fixture_take(t->f), ">resume >h200 >d(later). ended");
	assert_true(filter_answered(t->f, "idempotency-key=k1"));
	assert_true(filter_answered(t->f, "content-type=text/x"));
	assert_int_equal(counted(t->f, CLASS_STAT_DEFERRED), 1);
	assert_int_equal(counted(t->f, CLASS_STAT_DEFERRING), 0);
	/* without a key it gets one */
	fixture_headers(t->f, "DELETE /a h\nx-class: low", true);
	wait_for_errand(t);
	fixture_settle(t->f);
	assert_true(filter_answered(t->f, "idempotency-key="));
	assert_int_equal(
		filter_counted(t->f, &spool_stats, "traffic_class.shop.spool", SPOOL_STAT_ACCEPTED),
		2);
	test_end(t);
}

static void who_leaves_is_forgotten_but_not_his_request(void **state)
{
	struct test *t = test_begin("", "");
	(void)state;

	fill(t->f, 4);
	fixture_headers(t->f, "POST /a h\nx-class: low", false);
	fixture_data(t->f, "x", false);
	fixture_reset(t->f); /* not whole */
	fixture_headers(t->f, "POST /a h\nx-class: low", true);
	fixture_reset(t->f); /* the disk has it */
	wait_for_errand(t);
	assert_int_equal(
		filter_counted(t->f, &spool_stats, "traffic_class.shop.spool", SPOOL_STAT_ACCEPTED),
		1);
	assert_int_equal(counted(t->f, CLASS_STAT_DEFERRING), 0);
	test_end(t);
}

static void not_everything_can_be_kept(void **state)
{
	static const char *const refused[] = {
		"GET / h\nx-class: low",
		"POST / h\nx-class: low\nexpect: 100-continue",
		"POST / h\nx-class: low\nupgrade: websocket",
		"POST / h\nx-class: low\ncontent-type: application/grpc+proto",
		"POST / h\nx-class: low\ncontent-length: 2001",
	};
	struct test *t = test_begin("", ", max_request_bytes: 2000");
	(void)state;

	fill(t->f, 4);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_non_null(strstr(filter_get(t->f, refused[i]), ">h503"));
	char large[2100];
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = 0;
	fixture_headers(t->f, "POST / h\nx-class: low", false);
	fixture_data(t->f, large, true);
	fixture_settle(t->f);
	assert_non_null(strstr(fixture_take(t->f), ">h503"));
	large[1990] = 0; /* with its headers it is */
	fixture_headers(t->f, "POST / h\nx-class: low", false);
	fixture_data(t->f, large, true);
	fixture_settle(t->f);
	assert_non_null(strstr(fixture_take(t->f), ">h503"));
	assert_int_equal(counted(t->f, CLASS_STAT_DEFER_TOO_LARGE), 2);
	test_end(t);
}

static void conditions_say_what_is_kept(void **state)
{
	struct test *t = test_begin("match: [{name: x-later, string_match: {exact: 'yes'}}]", "");
	(void)state;

	fill(t->f, 4);
	assert_non_null(strstr(filter_get(t->f, "POST / h\nx-class: low"), ">h503"));
	fixture_headers(t->f, "GET / h\nx-class: low\nx-later: yes", true);
	wait_for_errand(t);
	fixture_settle(t->f);
	assert_string_equal(fixture_take(t->f), ">resume >h202. ended");
	test_end(t);
}

static void keys_tell_requests_apart(void **state)
{
	struct headers a, b, c, d;
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	headers_init(&a, &arena, 4);
	headers_init(&b, &arena, 4);
	headers_init(&c, &arena, 4); /* somebody else's */
	headers_init(&d, &arena, 4);
	headers_add_id(&a, HEADER_PATH, SLICE("/a"));
	headers_add_id(&b, HEADER_PATH, SLICE("/b"));
	headers_add_id(&c, HEADER_PATH, SLICE("/a"));
	headers_add_id(&c, HEADER_AUTHORIZATION, SLICE("x"));
	headers_add_id(&d, HEADER_PATH, SLICE("/a"));
	headers_add_id(&d, HEADER_COOKIE, SLICE("x"));
	struct spool_key key = deferral_key(&a, SLICE("k"), SLICE("x"));
	struct spool_key others[] = {
		deferral_key(&b, SLICE("k"), SLICE("x")), deferral_key(&c, SLICE("k"), SLICE("x")),
		deferral_key(&d, SLICE("k"), SLICE("x")), deferral_key(&a, SLICE("l"), SLICE("x")),
		deferral_key(&a, SLICE("k"), SLICE("y")), deferral_key(&a, SLICE("kx"), SLICE("")),
	};
	struct spool_key same = deferral_key(&a, SLICE("k"), SLICE("x"));
	assert_memory_equal(&key, &same, sizeof key);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_memory_not_equal(&key, &others[i], sizeof key);
	arena_free(&arena);
}

/* --- configuration --- */

static void what_can_not_be_is_refused(void **state)
{
#define REFUSED(yaml, path, reason) filter_refused(&traffic_class_filter, yaml, path, reason)
#define TWO "{name: a}, {name: b, enter: 0.5, leave: 0.3"
	(void)state;
	REFUSED("{classes: [{name: a}]}", "name", "characters of a token");
	REFUSED("{name: it, classes: [{name: a}]}", "pressure", "is required");
	REFUSED("{name: it, classes: [{name: a}], pressure: {}}", "pressure", "is required");
	REFUSED("{name: it, classes: [{name: 'a b'}]}", "classes[0].name", "token");
	REFUSED("{name: it, classes: [{name: a}, {name: a}]}", "classes[1].name", "already");
	REFUSED("{name: it, classes: [{name: a, enter: 0.5}]}", "classes[0].leave", "go together");
	REFUSED("{name: it, classes: [{name: a, leave: 0.5}]}", "classes[0].enter", "go together");
	REFUSED("{name: it, classes: [{name: a, enter: 0.5, leave: 0.5}]}", "classes[0].leave",
		"less than enter");
	REFUSED("{name: it, classes: [{name: a, enter: -1, leave: 0.5}]}", "classes[0].enter",
		"from 0.001");
	REFUSED("{name: it, classes: [{name: a, enter: 1.0e9, leave: 0.5}]}", "classes[0].enter",
		"from 0.001");
	REFUSED("{name: it, classes: [" TWO "}, {name: c}]}", "classes[2].enter", "more important");
	REFUSED("{name: it, classes: [" TWO "}, {name: c, enter: 0.5, leave: 0.4}]}",
		"classes[2].leave", "more important");
	REFUSED("{name: it, classes: [" TWO ", deferral: {}}]}", "classes[1].deferral",
		"needs a spool");
	REFUSED("{name: it, classes: [{name: a, deferral: {}}], spool: {path: /x}}",
		"classes[0].deferral", "never shed");
	REFUSED("{name: it, classes: [" TWO ", shed_status: 99}]}", "classes[1].shed_status",
		"200 to 599");
	REFUSED("{name: it, classes: [" TWO ", deferral: {status: 300}}], spool: {path: /x}}",
		"classes[1].deferral.status", "200 to 299");
	REFUSED("{name: it, classes: [{name: a}], rules: [{class: b, headers: [{name: x}]}]}",
		"rules[0].class", "'b' is no class");
	REFUSED("{name: it, classes: [{name: a}], rules: [{class: a}]}", "rules[0].headers",
		"at least one");
	REFUSED("{name: it, classes: [{name: a}], default_class: z}", "default_class", "no class");
	REFUSED("{name: it, classes: [{name: a}], pressure: {capacity: {}}}", "pressure.capacity",
		"not both");
	REFUSED("{name: it, classes: [{name: a}], pressure: {capacity: {max_in_flight: 0}}}",
		"pressure.capacity.max_in_flight", "from 1");
	REFUSED("{name: it, classes: [{name: a}], pressure: {capacity: {learned: {min: 9, max: "
		"8}}}}",
		"pressure.capacity.learned.max", "less than min");
	REFUSED("{name: it, classes: [{name: a}], pressure: {capacity: {learned: {tolerance: 1}}}}",
		"pressure.capacity.learned.tolerance", "above 1");
	REFUSED("{name: it, classes: [{name: a}], pressure: {cpu: 1.5}}", "pressure.cpu", "to 1");
	REFUSED("{name: it, classes: [{name: a}], pressure: {delay: 0s}}", "pressure.delay",
		"at least 1 ms");
	REFUSED("{name: it, classes: [" TWO "}], spool: {}}", "spool.path", "is required");
	REFUSED("{name: it, classes: [" TWO "}], spool: {path: /x, max_bytes: 1}}",
		"spool.max_bytes", "from 1 MiB");
	REFUSED("{name: it, classes: [" TWO "}], spool: {path: /x, max_attempts: 0}}",
		"spool.max_attempts", "from 1");
	REFUSED("{name: it, classes: [" TWO "}], spool: {path: /x, ttl: 0s}}", "spool.ttl", "1 ms");
	REFUSED("{name: it, classes: [" TWO
		"}], spool: {path: /x, base_interval: 9s, max_interval: 8s}}",
		"spool.max_interval", "less than base_interval");
	REFUSED("{name: it, classes: [" TWO "}], spool: {path: /x, idempotency_key_header: 'a b'}}",
		"spool.idempotency_key_header", "name of a header");
	REFUSED("{name: it, classes: [{name: a}], pressure: {cpu: 1}, spool: {path: /x}}", "spool",
		"no class is ever shed");
}

static void without_classes_it_does_nothing(void **state)
{
	struct stream_fixture *f = filter_new(&traffic_class_filter, "{}");
	(void)state;

	assert_string_equal(filter_get(f, "GET / h"), "R:H. >h200. ended");
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_is_shed_while_a_higher_one_is_let_in),
		cmocka_unit_test(what_is_under_way_counts_until_it_is_over),
		cmocka_unit_test(a_route_may_name_the_class),
		cmocka_unit_test(what_is_shed_is_kept_and_then_accepted),
		cmocka_unit_test(who_leaves_is_forgotten_but_not_his_request),
		cmocka_unit_test(not_everything_can_be_kept),
		cmocka_unit_test(conditions_say_what_is_kept),
		cmocka_unit_test(keys_tell_requests_apart),
		cmocka_unit_test(what_can_not_be_is_refused),
		cmocka_unit_test(without_classes_it_does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

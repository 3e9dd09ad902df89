#include "hosts.h"

#include "base/random.h"
#include "telemetry/stats.h"
#include "telemetry/stats_hosts.h"
#include "upstream/host_memory.h"
#include "upstream/outlier.h"

struct fixture {
	struct stats *stats;
	struct stat_scope *scope;
	struct random random;
	struct outlier_config config;
	struct outlier outlier;
	struct host *hosts[10];
};

static struct fixture f;

static int begin(void **context)
{
	(void)context;
	memset(&f, 0, sizeof f);
	f.stats = stats_new();
	f.scope = stat_scope_take(f.stats, &outlier_stats, SLICE("cluster.c1.outlier_detection"));
	random_init(&f.random, 1);
	f.config = (struct outlier_config){
		.interval_ms = 10000,
		.base_ejection_ms = 30000,
		.max_ejection_ms = 100000,
		.max_ejection_percent = 100,
		.consecutive_5xx = 3,
		.consecutive_gateway = 2,
		.consecutive_local = 2,
		.enforcing_5xx = 100,
		.enforcing_local = 100,
		.unejects_on_health_check = true,
	};
	outlier_init(&f.outlier, stats_main_shard(f.stats), &f.random);
	outlier_configure(&f.outlier, &f.config, f.scope);
	for (uint8_t i = 0; i < 10; i++) {
		struct addr addr = {.family = ADDR_IPV4, .port = 80, .ip = {10, 0, 0, i}};
		f.hosts[i] = host_new(&addr, SLICE(""));
	}
	return 0;
}

static int end(void **context)
{
	(void)context;
	outlier_fini(&f.outlier);
	for (int i = 0; i < 10; i++)
		host_drop(f.hosts[i]);
	stat_scope_drop(f.stats, f.scope);
	stats_free(f.stats);
	return 0;
}

static uint64_t shown(unsigned id)
{
	return stat_value(f.stats, f.scope, id);
}

static unsigned note(enum outlier_event event)
{
	return outlier_note(f.hosts[0], &f.config, event);
}

static bool is_out(int i)
{
	return host_health(f.hosts[i]) & HOST_FAILED_OUTLIER_CHECK;
}

static void a_row_of_errors_trips_once(void **context)
{
	(void)context;
	assert_int_equal(note(OUTLIER_5XX), 0);
	assert_int_equal(note(OUTLIER_5XX), 0);
	assert_int_equal(note(OUTLIER_5XX), 1 << OUTLIER_CAUSE_5XX);
	assert_int_equal(note(OUTLIER_5XX), 0);
	assert_int_equal(note(OUTLIER_SUCCESS), 0);
	assert_int_equal(note(OUTLIER_5XX), 0);
	assert_int_equal(note(OUTLIER_5XX), 0);
	assert_int_equal(note(OUTLIER_SUCCESS), 0);
	assert_int_equal(note(OUTLIER_5XX), 0);
	assert_int_equal(f.hosts[0]->errors_5xx, 1);
}

static void gateway_errors_have_a_row_of_their_own(void **context)
{
	(void)context;
	assert_int_equal(outlier_event_of(500), OUTLIER_5XX);
	assert_int_equal(outlier_event_of(503), OUTLIER_GATEWAY);
	assert_int_equal(outlier_event_of(404), OUTLIER_SUCCESS);
	assert_int_equal(note(OUTLIER_GATEWAY), 0);
	assert_int_equal(note(OUTLIER_5XX), 0); /* ends the gateway's row, not that of 5xx */
	assert_int_equal(note(OUTLIER_GATEWAY), 1 << OUTLIER_CAUSE_5XX);
	assert_int_equal(note(OUTLIER_GATEWAY), 1 << OUTLIER_CAUSE_GATEWAY);
}

static void local_errors_count_as_gateway_errors_unless_split(void **context)
{
	(void)context;
	assert_int_equal(note(OUTLIER_LOCAL_FAILURE), 0);
	assert_int_equal(note(OUTLIER_LOCAL_FAILURE), 1 << OUTLIER_CAUSE_GATEWAY);
	assert_int_equal(note(OUTLIER_LOCAL_FAILURE), 1 << OUTLIER_CAUSE_5XX);
	note(OUTLIER_SUCCESS);
	f.config.splits_local = true;
	assert_int_equal(note(OUTLIER_LOCAL_FAILURE), 0);
	assert_int_equal(note(OUTLIER_SUCCESS), 0); /* says nothing of connecting */
	assert_int_equal(note(OUTLIER_LOCAL_FAILURE), 1 << OUTLIER_CAUSE_LOCAL);
	note(OUTLIER_LOCAL_SUCCESS);
	assert_int_equal(f.hosts[0]->errors_local, 0);
}

static void ejections_grow_longer_and_shrink_again(void **context)
{
	uint64_t now = 1000000;
	(void)context;
	assert_true(outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_5XX, 10, now));
	assert_true(is_out(0));
	assert_false(
		outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_5XX, 10, now)); /* out already */
	assert_false(outlier_tick(&f.outlier, 10, now + 30000));
	assert_true(outlier_tick(&f.outlier, 10, now + 30001));
	assert_false(is_out(0));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ACTIVE), 0);

	now += 35000; /* again within the interval: twice as long */
	assert_true(outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_5XX, 10, now));
	assert_false(outlier_tick(&f.outlier, 10, now + 60000));
	assert_true(outlier_tick(&f.outlier, 10, now + 60001));
	assert_int_equal(f.outlier.hosts->times, 2);

	now += 60001;
	outlier_tick(&f.outlier, 10, now + 9999);
	assert_int_equal(f.outlier.hosts->times, 2);
	outlier_tick(&f.outlier, 10, now + 10000); /* a whole interval well */
	assert_int_equal(f.outlier.hosts->times, 1);
	outlier_tick(&f.outlier, 10, now + 20000);
	assert_null(f.outlier.hosts);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ENFORCED_TOTAL), 2);
	assert_int_equal(outlier_ejection_ms(&f.config, 3), 90000);
	assert_int_equal(outlier_ejection_ms(&f.config, 4), 100000);
}

static void no_more_than_the_percentage_are_out(void **context)
{
	(void)context;
	f.config.max_ejection_percent = 25;
	assert_true(outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_5XX, 10, 1));
	assert_true(outlier_trip(&f.outlier, f.hosts[1], OUTLIER_CAUSE_5XX, 10, 1));
	assert_false(outlier_trip(&f.outlier, f.hosts[2], OUTLIER_CAUSE_5XX, 10, 1));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_OVERFLOW), 1);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_DETECTED_CONSECUTIVE_5XX), 3);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ACTIVE), 2);
	outlier_fini(&f.outlier);
	assert_false(is_out(0));
	assert_false(outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_5XX, 3, 1));
	f.config.always_ejects_one = true;
	assert_true(outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_5XX, 3, 1));
	assert_false(outlier_trip(&f.outlier, f.hosts[1], OUTLIER_CAUSE_5XX, 3, 1));
}

static void what_is_not_enforced_is_only_counted(void **context)
{
	(void)context;
	assert_false(outlier_trip(&f.outlier, f.hosts[0], OUTLIER_CAUSE_GATEWAY, 10, 1));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_DETECTED_CONSECUTIVE_GATEWAY_FAILURE), 1);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ENFORCED_TOTAL), 0);
}

/* Nine hosts answer well 95 times of 100, the tenth 60 times. */
static void count_all(uint64_t of_the_last)
{
	for (int i = 0; i < 10; i++)
		outlier_count(&f.outlier, f.hosts[i], 100, i < 9 ? 95 : of_the_last);
}

static void the_success_rate_far_below_the_others_ejects(void **context)
{
	(void)context;
	f.config.success_rate_minimum_hosts = 5;
	f.config.success_rate_request_volume = 100;
	f.config.success_rate_stdev_factor = 1900;
	f.config.enforcing_success_rate = 100;
	count_all(95); /* all alike: nobody */
	assert_false(outlier_tick(&f.outlier, 10, 10000));
	count_all(60);
	assert_true(outlier_tick(&f.outlier, 10, 20000));
	for (int i = 0; i < 10; i++)
		assert_int_equal(is_out(i), i == 9);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ENFORCED_SUCCESS_RATE), 1);
	assert_false(outlier_tick(&f.outlier, 10, 30000)); /* counts were forgotten */
	assert_ptr_equal(f.outlier.hosts->host, f.hosts[9]);
	assert_null(f.outlier.hosts->next); /* and hosts without anything to remember too */
	/* Too few requests, too few hosts: nobody can tell. */
	for (int i = 0; i < 9; i++)
		outlier_count(&f.outlier, f.hosts[i], 99, i ? 99 : 1);
	assert_false(outlier_tick(&f.outlier, 10, 40000));
	for (int i = 0; i < 4; i++)
		outlier_count(&f.outlier, f.hosts[i], 200, i ? 200 : 1);
	assert_false(outlier_tick(&f.outlier, 10, 50000));
}

static void too_high_a_percentage_of_failures_ejects(void **context)
{
	(void)context;
	f.config.success_rate_minimum_hosts = 100;
	f.config.enforcing_failure_percentage = 100;
	f.config.failure_percentage_threshold = 40;
	f.config.failure_percentage_minimum_hosts = 5;
	f.config.failure_percentage_request_volume = 50;
	count_all(61);
	assert_false(outlier_tick(&f.outlier, 10, 10000));
	count_all(60);
	assert_true(outlier_tick(&f.outlier, 10, 20000));
	assert_true(is_out(9));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ENFORCED_FAILURE_PERCENTAGE), 1);
}

static void a_health_check_brings_back(void **context)
{
	(void)context;
	assert_true(outlier_trip(&f.outlier, f.hosts[3], OUTLIER_CAUSE_LOCAL, 10, 1));
	assert_false(outlier_checked(&f.outlier, f.hosts[4], 2));
	assert_true(outlier_checked(&f.outlier, f.hosts[3], 2));
	assert_false(is_out(3));
	f.config.unejects_on_health_check = false;
	assert_true(outlier_trip(&f.outlier, f.hosts[3], OUTLIER_CAUSE_LOCAL, 10, 3));
	assert_false(outlier_checked(&f.outlier, f.hosts[3], 4));
	outlier_configure(&f.outlier, NULL, NULL);
	assert_false(is_out(3));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ACTIVE), 0);
	assert_false(outlier_trip(&f.outlier, f.hosts[3], OUTLIER_CAUSE_LOCAL, 10, 5));
}

static void removed_hosts_are_forgotten(void **context)
{
	struct plan plan;
	struct cluster cluster;
	(void)context;
	test_cluster_init(&cluster, LB_ROUND_ROBIN);
	plan_init(&plan);
	plan_endpoint(&plan, 1, 1);
	plan_endpoint(&plan, 2, 1);
	struct host_set *two = host_set_build(&plan.assignment, &cluster, NULL, 1);
	assert_true(outlier_trip(&f.outlier, two->hosts[0], OUTLIER_CAUSE_5XX, 2, 1));
	assert_true(outlier_trip(&f.outlier, two->hosts[1], OUTLIER_CAUSE_5XX, 2, 1));
	plan.assignment.endpoint_count = plan.localities[0].count = 1;
	struct host_set *one = host_set_build(&plan.assignment, &cluster, two, 2);
	outlier_keep(&f.outlier, one);
	assert_int_equal(f.outlier.ejected, 1);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ACTIVE), 1);
	host_set_free(two);
	host_set_free(one);
}

static void what_a_process_before_has_ejected_stays_out(void **context)
{
	struct host_finding ejected = {
		.was_ejected = true, .is_ejected = true, .ejected_ms = 5000, .times = 2};
	struct host_finding returned = {.was_ejected = true, .returned_ms = 9000, .times = 1};

	(void)context;
	assert_true(outlier_remember(&f.outlier, f.hosts[0], &ejected, 20000));
	assert_false(outlier_remember(&f.outlier, f.hosts[0], &ejected, 20000)); /* once */
	assert_false(outlier_remember(&f.outlier, f.hosts[1], &returned, 20000));
	assert_true(is_out(0));
	assert_false(is_out(1));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ACTIVE), 1);
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_TOTAL), 0); /* the other one has counted it */
	outlier_tick(&f.outlier, 10, 65000); /* twice the base time, from when it was */
	assert_true(is_out(0));
	outlier_tick(&f.outlier, 10, 65001);
	assert_false(is_out(0));
	assert_int_equal(shown(OUTLIER_STAT_EJECTIONS_ACTIVE), 0);
}

int main(void)
{
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(a_row_of_errors_trips_once),
		IN_FIXTURE(gateway_errors_have_a_row_of_their_own),
		IN_FIXTURE(local_errors_count_as_gateway_errors_unless_split),
		IN_FIXTURE(ejections_grow_longer_and_shrink_again),
		IN_FIXTURE(no_more_than_the_percentage_are_out),
		IN_FIXTURE(what_is_not_enforced_is_only_counted),
		IN_FIXTURE(the_success_rate_far_below_the_others_ejects),
		IN_FIXTURE(too_high_a_percentage_of_failures_ejects),
		IN_FIXTURE(a_health_check_brings_back),
		IN_FIXTURE(removed_hosts_are_forgotten),
		IN_FIXTURE(what_a_process_before_has_ejected_stays_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

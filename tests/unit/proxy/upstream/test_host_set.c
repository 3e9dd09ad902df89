#include "hosts.h"

/* Unchanged endpoints keep their host objects from version to version, whatever else came and went.
 */
static void hosts_survive_updates(void **context)
{
	struct plan plan;
	struct cluster cluster;
	(void)context;
	test_cluster_init(&cluster, LB_ROUND_ROBIN);
	plan_init(&plan);
	for (uint32_t i = 0; i < 10; i++)
		plan_endpoint(&plan, i, 1);
	struct host_set *v1 = host_set_build(&plan.assignment, &cluster, NULL, 1);
	assert_int_equal(v1->count, 10);
	assert_int_equal(v1->added, 10);

	plan_init(&plan);
	for (uint32_t i = 15; i-- > 5;)
		plan_endpoint(&plan, i, 1);
	struct host_set *v2 = host_set_build(&plan.assignment, &cluster, v1, 2);
	assert_int_equal(v2->count, 10);
	assert_int_equal(v2->added, 5);
	assert_int_equal(v2->removed, 5);
	for (uint32_t i = 5; i < 10; i++) {
		assert_ptr_equal(v1->hosts[i], v2->hosts[14 - i]);
		assert_true(host_is_in(v1->hosts[i], v2->generation));
	}
	for (uint32_t i = 0; i < 5; i++)
		assert_false(host_is_in(v1->hosts[i], v2->generation));
	struct host *kept = host_take(v1->hosts[0]);
	host_set_free(v1);
	assert_int_equal(kept->addr.port, 80);
	host_drop(kept);
	for (uint32_t i = 0; i < v2->count; i++)
		assert_int_equal(host_set_find(v2, v2->hosts[i]), i);
	host_set_free(v2);
}

static void endpoints_given_twice_count_once(void **context)
{
	struct plan plan;
	struct cluster cluster;
	(void)context;
	test_cluster_init(&cluster, LB_ROUND_ROBIN);
	plan_init(&plan);
	plan_locality(&plan, 0, 0);
	plan_endpoint(&plan, 1, 1);
	plan_endpoint(&plan, 2, 1);
	plan_endpoint(&plan, 1, 1);
	plan_locality(&plan, 0, 0);
	plan_endpoint(&plan, 2, 1);
	plan_endpoint(&plan, 3, 1);
	struct host_set *set = host_set_build(&plan.assignment, &cluster, NULL, 1);
	assert_int_equal(set->count, 3);
	assert_int_equal(set->localities[0].count, 2);
	assert_int_equal(set->localities[1].first, 2);
	assert_int_equal(set->localities[1].count, 1);
	assert_ptr_equal(host_set_locality(set, 2), &set->localities[1]);
	host_set_free(set);

	cluster.type = CLUSTER_STATIC;
	set = host_set_build(&plan.assignment, &cluster, NULL, 1);
	assert_int_equal(set->count, 5);
	struct host_set *again = host_set_build(&plan.assignment, &cluster, set, 2);
	assert_int_equal(again->added, 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_ptr_equal(set->hosts[i], again->hosts[i]);
	host_set_free(set);
	host_set_free(again);
}

static void refresh_sees_new_health(void **context)
{
	struct plan plan;
	struct cluster cluster;
	(void)context;
	test_cluster_init(&cluster, LB_ROUND_ROBIN);
	plan_init(&plan);
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&plan, i, i + 1);
	struct host_set *before = host_set_build(&plan.assignment, &cluster, NULL, 1);
	assert_int_equal(before->healthy, 4);
	host_health_set(before->hosts[2], HOST_FAILED_OUTLIER_CHECK, 0);
	struct host_set *after = host_set_refresh(before, &cluster, 2);
	assert_int_equal(after->healthy, 3);
	assert_int_equal(after->balance->priorities[0].healthy.count, 3);
	assert_int_equal(host_set_weight(after, 3), 4);
	host_set_free(before);
	assert_ptr_equal(after->hosts[3], after->hosts[after->by_address[3]]);
	host_set_free(after);
}

static void eds_health_and_active_checks_set_flags(void **context)
{
	struct plan plan;
	struct cluster cluster;
	char text[HOST_FLAGS_TEXT_MAX];
	(void)context;
	test_cluster_init(&cluster, LB_ROUND_ROBIN);
	cluster.check_count = 1;
	plan_init(&plan);
	plan_endpoint(&plan, 1, 1)->health = ENDPOINT_UNHEALTHY;
	plan_endpoint(&plan, 2, 1)->health = ENDPOINT_DRAINING;
	plan_endpoint(&plan, 3, 1)->health = ENDPOINT_DEGRADED;
	struct endpoint_check unchecked = {.is_disabled = true};
	plan_endpoint(&plan, 4, 1)->check = &unchecked;
	struct host_set *set = host_set_build(&plan.assignment, &cluster, NULL, 1);
	host_flags_format(host_health(set->hosts[0]), text);
	assert_string_equal(text, "/failed_active_hc/failed_eds_health");
	assert_int_equal(host_health(set->hosts[1]), HOST_FAILED_ACTIVE_CHECK | HOST_DRAINING_EDS);
	assert_int_equal(host_health(set->hosts[3]), 0);
	host_health_set(set->hosts[2], 0, HOST_FAILED_ACTIVE_CHECK);
	assert_int_equal(host_health(set->hosts[2]), HOST_DEGRADED_EDS);
	plan.endpoints[2].health = ENDPOINT_HEALTHY;
	struct host_set *next = host_set_build(&plan.assignment, &cluster, set, 2);
	assert_int_equal(host_health(set->hosts[2]), 0);
	host_flags_format(0, text);
	assert_string_equal(text, "healthy");
	host_set_free(set);
	host_set_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_survive_updates),
		cmocka_unit_test(endpoints_given_twice_count_once),
		cmocka_unit_test(refresh_sees_new_health),
		cmocka_unit_test(eds_health_and_active_checks_set_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

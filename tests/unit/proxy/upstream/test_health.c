#include "hosts.h"

#include "base/random.h"
#include "upstream/health.h"

static struct health_check_config config(void)
{
	return (struct health_check_config){
		.interval_ms = 1000,
		.no_traffic_interval_ms = 60000,
		.no_traffic_healthy_interval_ms = 30000,
		.unhealthy_interval_ms = 2000,
		.unhealthy_edge_interval_ms = 200,
		.healthy_edge_interval_ms = 300,
		.unhealthy_threshold = 3,
		.healthy_threshold = 2,
	};
}

enum { BAD = HOST_FAILED_ACTIVE_CHECK };

static void the_first_success_is_enough(void **context)
{
	struct health_check_config c = config();
	struct health h = {0};
	(void)context;
	assert_int_equal(health_judge(&h, &c, HEALTH_SUCCESS, BAD | HOST_PENDING_ACTIVE_CHECK), 0);
	/* After a failure the threshold counts. */
	h = (struct health){0};
	uint32_t flags = health_judge(&h, &c, HEALTH_NETWORK, BAD | HOST_PENDING_ACTIVE_CHECK);
	assert_int_equal(flags, BAD);
	flags = health_judge(&h, &c, HEALTH_SUCCESS, flags);
	assert_int_equal(flags, BAD);
	assert_true(h.is_pending);
	assert_int_equal(health_judge(&h, &c, HEALTH_SUCCESS, flags), 0);
}

static void network_failures_count_answers_do_not(void **context)
{
	struct health_check_config c = config();
	struct health h = {.is_checked = true};
	(void)context;
	assert_int_equal(health_judge(&h, &c, HEALTH_NETWORK, 0), 0);
	assert_int_equal(health_judge(&h, &c, HEALTH_RETRIABLE, 0), 0);
	assert_int_equal(health_judge(&h, &c, HEALTH_SUCCESS, 0), 0);
	assert_int_equal(health_judge(&h, &c, HEALTH_NETWORK, 0), 0);
	assert_int_equal(health_judge(&h, &c, HEALTH_NETWORK, 0), 0);
	assert_int_equal(health_judge(&h, &c, HEALTH_TIMEOUT, 0), BAD | HOST_CHECK_TIMEOUT);
	h = (struct health){.is_checked = true};
	assert_int_equal(health_judge(&h, &c, HEALTH_REFUSED, HOST_FAILED_OUTLIER_CHECK),
			 BAD | HOST_FAILED_OUTLIER_CHECK);
	h = (struct health){.is_checked = true};
	assert_int_equal(health_judge(&h, &c, HEALTH_PASSIVE, 0), BAD | HOST_EXCLUDED);
}

static void degraded_is_a_success(void **context)
{
	struct health_check_config c = config();
	struct health h = {0};
	(void)context;
	uint32_t flags = health_judge(&h, &c, HEALTH_DEGRADED, BAD);
	assert_int_equal(flags, HOST_DEGRADED_ACTIVE_CHECK);
	assert_int_equal(health_judge(&h, &c, HEALTH_SUCCESS, flags), 0);
}

static void intervals_by_state(void **context)
{
	struct health_check_config c = config();
	struct health h = {0};
	struct random random;
	(void)context;
	random_init(&random, 1);
	uint32_t flags = health_judge(&h, &c, HEALTH_SUCCESS, BAD);
	assert_int_equal(health_delay_ms(&h, &c, flags, false, &random), 30000);
	assert_int_equal(health_delay_ms(&h, &c, flags, true, &random), 1000);
	flags = health_judge(&h, &c, HEALTH_NETWORK, flags);
	assert_int_equal(health_delay_ms(&h, &c, flags, true, &random), 200);
	health_judge(&h, &c, HEALTH_NETWORK, flags);
	flags = health_judge(&h, &c, HEALTH_NETWORK, flags);
	assert_int_equal(health_delay_ms(&h, &c, flags, true, &random), 2000);
	assert_int_equal(health_delay_ms(&h, &c, flags, false, &random), 60000);
	flags = health_judge(&h, &c, HEALTH_SUCCESS, flags);
	assert_int_equal(health_delay_ms(&h, &c, flags, true, &random), 300);
	flags = health_judge(&h, &c, HEALTH_SUCCESS, flags);
	c.jitter_percent = 10;
	c.interval_jitter_ms = 50;
	for (int i = 0; i < 100; i++)
		assert_in_range(health_delay_ms(&h, &c, flags, true, &random), 1000, 1150);
}

static void statuses_and_payloads(void **context)
{
	struct health_check_config c = config();
	struct status_range expected[] = {{200, 201}, {404, 405}}, retriable[] = {{500, 600}};
	struct slice receive[] = {SLICE("ab"), SLICE("bc")};
	(void)context;
	assert_int_equal(health_of_status(&c, 200), HEALTH_SUCCESS);
	assert_int_equal(health_of_status(&c, 204), HEALTH_REFUSED);
	c.expected = expected;
	c.expected_count = 2;
	c.retriable = retriable;
	c.retriable_count = 1;
	assert_int_equal(health_of_status(&c, 404), HEALTH_SUCCESS);
	assert_int_equal(health_of_status(&c, 201), HEALTH_REFUSED);
	assert_int_equal(health_of_status(&c, 503), HEALTH_RETRIABLE);
	assert_true(health_has_payloads(&c, SLICE("")));
	c.receive = receive;
	c.receive_count = 2;
	assert_false(health_has_payloads(&c, (struct slice){0})); /* an answer without a body */
	assert_false(health_has_payloads(&c, SLICE("abc")));      /* they don't overlap */
	assert_true(health_has_payloads(&c, SLICE("xabybc")));
	assert_false(health_has_payloads(&c, SLICE("bcab")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_success_is_enough),
		cmocka_unit_test(network_failures_count_answers_do_not),
		cmocka_unit_test(degraded_is_a_success),
		cmocka_unit_test(intervals_by_state),
		cmocka_unit_test(statuses_and_payloads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

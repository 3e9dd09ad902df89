#include "hosts.h"

#include "upstream/hash_key.h"

struct fixture {
	struct plan plan;
	struct cluster cluster;
	struct host_set *set;
	struct balance_state state;
	unsigned counts[TEST_ENDPOINTS_MAX + 1];
};

static void begin(struct fixture *f, enum lb_policy policy)
{
	memset(f, 0, sizeof *f);
	test_cluster_init(&f->cluster, policy);
	plan_init(&f->plan);
}

static void build(struct fixture *f)
{
	f->set = host_set_build(&f->plan.assignment, &f->cluster, NULL, 1);
	test_state_init(&f->state, f->set);
}

static void end(struct fixture *f)
{
	balance_state_fini(&f->state);
	host_set_free(f->set);
}

static void picks(struct fixture *f, unsigned n)
{
	test_picks(f->set, &f->state, n, f->counts);
}

static struct fixture f;

static void round_robin_takes_turns(void **context)
{
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	for (uint32_t i = 0; i < 7; i++)
		plan_endpoint(&f.plan, i, 3); /* equal weights are no weights */
	build(&f);
	struct pick pick = {0};
	uint32_t last = host_set_pick(f.set, &f.state, &pick);
	for (int i = 0; i < 50; i++) {
		uint32_t next = host_set_pick(f.set, &f.state, &pick);
		assert_int_equal(next, (last + 1) % 7);
		last = next;
	}
	end(&f);
}

static void round_robin_weights_are_exact_and_smooth(void **context)
{
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	plan_endpoint(&f.plan, 0, 10);
	plan_endpoint(&f.plan, 1, 20);
	build(&f);
	char seen[13] = {0};
	struct pick pick = {0};
	for (int i = 0; i < 12; i++)
		seen[i] = (char)('0' + host_set_pick(f.set, &f.state, &pick));
	/* Any turn of "110" is one host, the other, the other. */
	assert_non_null(strstr("101101101101101", seen));
	picks(&f, 3000);
	assert_int_equal(f.counts[0], 1000);
	assert_int_equal(f.counts[1], 2000);
	end(&f);
}

/* Weights whose turns would fill no reasonable sequence go by strides, exact to 1 in 65,535 over a
 * whole cycle. */
static void round_robin_of_huge_weights(void **context)
{
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	plan_endpoint(&f.plan, 0, 1000003);
	plan_endpoint(&f.plan, 1, 2000003);
	plan_endpoint(&f.plan, 2, 500009);
	build(&f);
	assert_non_null(f.set->balance->priorities[0].healthy.strides);
	picks(&f, 35000);
	assert_about(f.counts[0], 10000, 1);
	assert_about(f.counts[1], 20000, 1);
	assert_about(f.counts[2], 5000, 1);
	end(&f);
}

static void a_host_gone_bad_is_skipped_at_once(void **context)
{
	static const enum lb_policy policies[] = {LB_ROUND_ROBIN, LB_LEAST_REQUEST, LB_RANDOM,
						  LB_RING_HASH, LB_MAGLEV};
	(void)context;
	for (size_t p = 0; p < COUNT_OF(policies); p++) {
		begin(&f, policies[p]);
		for (uint32_t i = 0; i < 5; i++)
			plan_endpoint(&f.plan, i, p % 2 ? 1 : i + 1);
		build(&f);
		host_health_set(f.set->hosts[1], HOST_FAILED_OUTLIER_CHECK, 0);
		picks(&f, 1000);
		assert_int_equal(f.counts[1], 0);
		assert_int_equal(f.counts[5], 0);
		for (uint32_t i = 0; i < 5; i++)
			assert_true(i == 1 || f.counts[i] > 20);
		end(&f);
	}
}

/* Until the tables are built anew nobody is left to choose: with panic any host will do, without it
 * none. */
static void all_hosts_gone_bad(void **context)
{
	(void)context;
	for (int panic = 0; panic < 2; panic++) {
		begin(&f, LB_ROUND_ROBIN);
		f.cluster.lb.panic_threshold = panic ? 50 : 0;
		for (uint32_t i = 0; i < 3; i++)
			plan_endpoint(&f.plan, i, 1);
		build(&f);
		for (uint32_t i = 0; i < 3; i++)
			host_health_set(f.set->hosts[i], HOST_FAILED_ACTIVE_CHECK, 0);
		picks(&f, 300);
		assert_int_equal(f.counts[3], panic ? 0 : 300);
		end(&f);
	}
}

static uint32_t host_0_is_busy(const struct balance_state *state, const struct host *host)
{
	(void)state;
	return host->addr.ip[3] == 0 ? 10 : 1;
}

static void least_request_avoids_the_busy(void **context)
{
	(void)context;
	begin(&f, LB_LEAST_REQUEST);
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&f.plan, i, 1);
	build(&f);
	f.state.active = host_0_is_busy;
	picks(&f, 16000);
	/* It is taken only when both draws are it. */
	assert_about(f.counts[0], 1000, 15);
	assert_about(f.counts[1], 5000, 8);
	end(&f);
}

static void least_request_when_idle_goes_by_weight(void **context)
{
	(void)context;
	begin(&f, LB_LEAST_REQUEST);
	plan_endpoint(&f.plan, 0, 1);
	plan_endpoint(&f.plan, 1, 2);
	plan_endpoint(&f.plan, 2, 7);
	build(&f);
	picks(&f, 20000);
	assert_about(f.counts[0], 2000, 10);
	assert_about(f.counts[1], 4000, 8);
	assert_about(f.counts[2], 14000, 4);
	end(&f);
}

static void full_scan_finds_the_idlest(void **context)
{
	(void)context;
	begin(&f, LB_LEAST_REQUEST);
	f.cluster.lb.is_full_scan = true;
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&f.plan, i, 1);
	build(&f);
	f.state.active = host_0_is_busy;
	picks(&f, 6000);
	assert_int_equal(f.counts[0], 0);
	for (int i = 1; i < 4; i++)
		assert_about(f.counts[i], 2000, 10);
	end(&f);
}

static void random_is_even(void **context)
{
	(void)context;
	begin(&f, LB_RANDOM);
	for (uint32_t i = 0; i < 10; i++)
		plan_endpoint(&f.plan, i, 1);
	build(&f);
	picks(&f, 50000);
	for (int i = 0; i < 10; i++)
		assert_about(f.counts[i], 5000, 8);
	end(&f);
}

/* --- hashing */

static void keys_stay_with_their_host(void **context)
{
	(void)context;
	for (int policy = 0; policy < 2; policy++) {
		begin(&f, policy ? LB_MAGLEV : LB_RING_HASH);
		for (uint32_t i = 0; i < 20; i++)
			plan_endpoint(&f.plan, i, 1);
		build(&f);
		/* One host goes: few keys but its own may move. */
		host_health_set(f.set->hosts[7], HOST_FAILED_OUTLIER_CHECK, 0);
		struct host_set *less = host_set_refresh(f.set, &f.cluster, f.set->generation + 1);
		host_health_set(f.set->hosts[7], 0, HOST_FAILED_OUTLIER_CHECK);
		unsigned moved = 0, total = 0;
		for (uint64_t key = 0; key < 10000; key++) {
			struct pick pick = {.has_hash = true,
					    .hash = key * UINT64_C(0x9e3779b97f4a7c15)};
			uint32_t a = host_set_pick(f.set, &f.state, &pick);
			uint32_t b = host_set_pick(less, &f.state, &pick);
			assert_int_not_equal(b, 7);
			total += a != 7;
			moved += a != 7 && a != b;
			assert_int_equal(host_set_pick(f.set, &f.state, &pick), a);
		}
		assert_true(total > 9000);
		assert_true(moved < 600); /* a ring has a few places more for each of fewer hosts */
		host_set_free(less);
		end(&f);
	}
}

static void maglev_shares_by_weight(void **context)
{
	(void)context;
	begin(&f, LB_MAGLEV);
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&f.plan, i, i + 1);
	build(&f);
	const struct host_group *group = &f.set->balance->priorities[0].healthy;
	assert_int_equal(group->size, 65537);
	for (uint32_t i = 0; i < group->size; i++)
		f.counts[group->slots[i]]++;
	for (uint32_t i = 0; i < 4; i++)
		assert_about(f.counts[i], 65537.0 * (i + 1) / 10, 1);
	assert_about(group->min_entries, 6553, 1);
	assert_about(group->max_entries, 26215, 1);
	end(&f);
}

static void ring_sizes(void **context)
{
	(void)context;
	begin(&f, LB_RING_HASH);
	f.cluster.lb.min_ring_size = 3;
	f.cluster.lb.max_ring_size = 6;
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&f.plan, i, 1);
	build(&f);
	const struct host_group *group = &f.set->balance->priorities[0].healthy;
	assert_int_equal(group->size, 4);
	assert_int_equal(group->min_entries, 1);
	assert_int_equal(group->max_entries, 1);
	end(&f);
}

static void murmur_is_that_of_the_library(void **context)
{
	(void)context;
	/* std::hash<std::string> of libstdc++ */
	assert_true(hash_murmur2(SLICE("")) == UINT64_C(6142509188972423790));
	assert_true(hash_murmur2(SLICE("a")) == UINT64_C(4993892634952068459));
}

/* --- priorities, panic, localities */

static void plan_priority(uint32_t priority, uint32_t first, uint32_t good, uint32_t bad)
{
	plan_locality(&f.plan, priority, 0);
	for (uint32_t i = 0; i < good + bad; i++)
		plan_endpoint(&f.plan, first + i, 1)->health =
			i < good ? ENDPOINT_HEALTHY : ENDPOINT_UNHEALTHY;
}

static void check_loads(uint32_t good0, uint32_t bad0, uint32_t good1, uint32_t bad1,
			unsigned load0, unsigned load1)
{
	begin(&f, LB_ROUND_ROBIN);
	plan_priority(0, 0, good0, bad0);
	plan_priority(1, 100, good1, bad1);
	build(&f);
	assert_int_equal(f.set->balance->priorities[0].healthy_load, load0);
	assert_int_equal(f.set->balance->priorities[1].healthy_load, load1);
	end(&f);
}

/* The table of Envoy's documentation on priority levels. */
static void priorities_overflow_at_140_percent(void **context)
{
	(void)context;
	check_loads(100, 0, 10, 0, 100, 0);
	check_loads(72, 28, 100, 0, 100, 0);
	check_loads(71, 29, 100, 0, 99, 1);
	check_loads(50, 50, 100, 0, 70, 30);
	check_loads(25, 75, 100, 0, 35, 65);
	check_loads(0, 100, 100, 0, 0, 100);
	check_loads(25, 75, 25, 75, 50, 50);
	/* Total panic: by numbers of hosts. */
	check_loads(0, 30, 0, 10, 75, 25);
}

static void excluded_priorities_get_nothing(void **context)
{
	uint8_t loads[3];
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	plan_priority(0, 0, 10, 0);
	plan_priority(1, 100, 2, 8);
	plan_priority(2, 200, 10, 0);
	build(&f);
	assert_true(balance_exclude(f.set->balance, 1, loads));
	assert_int_equal(loads[0], 0);
	assert_int_equal(loads[1], 28);
	assert_int_equal(loads[2], 72);
	struct pick pick = {.priority_loads = loads};
	for (int i = 0; i < 100; i++)
		assert_true(host_set_pick(f.set, &f.state, &pick) >= 10);
	assert_true(balance_exclude(f.set->balance, 5, loads));
	assert_int_equal(loads[1], 100);
	assert_false(balance_exclude(f.set->balance, 7, loads));
	end(&f);
}

static void panic_uses_all_below_the_threshold(void **context)
{
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	plan_priority(0, 0, 1, 2);
	build(&f);
	assert_true(f.set->balance->priorities[0].is_panic);
	picks(&f, 300);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f.counts[i], 100);
	end(&f);

	begin(&f, LB_ROUND_ROBIN);
	f.cluster.lb.panic_threshold = 0;
	plan_priority(0, 0, 1, 2);
	build(&f);
	picks(&f, 300);
	assert_int_equal(f.counts[0], 300);
	end(&f);

	begin(&f, LB_ROUND_ROBIN);
	f.cluster.lb.fails_on_panic = true;
	plan_priority(0, 0, 1, 2);
	build(&f);
	picks(&f, 300);
	assert_int_equal(f.counts[3], 300);
	end(&f);
}

static void degraded_hosts_take_what_healthy_ones_cannot(void **context)
{
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&f.plan, i, 1)->health = i < 1 ? ENDPOINT_HEALTHY : ENDPOINT_DEGRADED;
	build(&f);
	assert_int_equal(f.set->degraded, 3);
	assert_int_equal(f.set->balance->priorities[0].healthy_load, 35);
	assert_int_equal(f.set->balance->priorities[0].degraded_load, 65);
	picks(&f, 10000);
	assert_about(f.counts[0], 3500, 6);
	end(&f);
}

static void localities_by_weight(void **context)
{
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	f.cluster.lb.is_locality_weighted = true;
	plan_locality(&f.plan, 0, 1);
	plan_endpoint(&f.plan, 0, 1);
	plan_locality(&f.plan, 0, 2);
	plan_endpoint(&f.plan, 1, 1);
	plan_endpoint(&f.plan, 2, 1);
	plan_locality(&f.plan, 0, 0);
	plan_endpoint(&f.plan, 3, 1);
	build(&f);
	picks(&f, 3000);
	assert_int_equal(f.counts[0], 1000);
	assert_int_equal(f.counts[1], 1000);
	assert_int_equal(f.counts[2], 1000);
	assert_int_equal(f.counts[3], 0);
	end(&f);
}

static bool refuse_below_3(void *owner, const struct host_set *set, uint32_t index)
{
	(void)set;
	++*(unsigned *)owner;
	return index < 3;
}

static void refused_hosts_are_tried_past(void **context)
{
	unsigned asked = 0;
	(void)context;
	begin(&f, LB_ROUND_ROBIN);
	for (uint32_t i = 0; i < 4; i++)
		plan_endpoint(&f.plan, i, 1);
	build(&f);
	for (int i = 0; i < 10; i++) {
		struct pick pick = {.attempts = 5, .is_refused = refuse_below_3, .owner = &asked};
		assert_int_equal(host_set_pick(f.set, &f.state, &pick), 3);
	}
	struct pick once = {.attempts = 1, .is_refused = refuse_below_3, .owner = &asked};
	assert_true(host_set_pick(f.set, &f.state, &once) <
		    3); /* the last attempt's host is taken anyway */
	end(&f);
}

static void no_hosts_no_pick(void **context)
{
	static const enum lb_policy policies[] = {LB_ROUND_ROBIN, LB_LEAST_REQUEST,
						  LB_RANDOM,      LB_RING_HASH,
						  LB_MAGLEV,      LB_ORIGINAL_DST};
	(void)context;
	for (size_t i = 0; i < COUNT_OF(policies); i++) {
		begin(&f, policies[i]);
		build(&f);
		picks(&f, 10);
		assert_int_equal(f.counts[0], 10);
		end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin_takes_turns),
		cmocka_unit_test(round_robin_weights_are_exact_and_smooth),
		cmocka_unit_test(round_robin_of_huge_weights),
		cmocka_unit_test(a_host_gone_bad_is_skipped_at_once),
		cmocka_unit_test(all_hosts_gone_bad),
		cmocka_unit_test(least_request_avoids_the_busy),
		cmocka_unit_test(least_request_when_idle_goes_by_weight),
		cmocka_unit_test(full_scan_finds_the_idlest),
		cmocka_unit_test(random_is_even),
		cmocka_unit_test(keys_stay_with_their_host),
		cmocka_unit_test(maglev_shares_by_weight),
		cmocka_unit_test(ring_sizes),
		cmocka_unit_test(murmur_is_that_of_the_library),
		cmocka_unit_test(priorities_overflow_at_140_percent),
		cmocka_unit_test(excluded_priorities_get_nothing),
		cmocka_unit_test(panic_uses_all_below_the_threshold),
		cmocka_unit_test(degraded_hosts_take_what_healthy_ones_cannot),
		cmocka_unit_test(localities_by_weight),
		cmocka_unit_test(refused_hosts_are_tried_past),
		cmocka_unit_test(no_hosts_no_pick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

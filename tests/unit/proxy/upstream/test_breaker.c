#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "upstream/breaker.h"

struct fixture {
	struct stats *stats;
	struct stat_scope *cluster, *remaining;
	struct breakers *breakers;
	struct breaker *breaker;
	struct breaker_limits limits;
	struct breaker_stats at;
};

static void begin(struct fixture *f, uint32_t limit)
{
	f->stats = stats_new();
	f->cluster = stat_scope_take(f->stats, &cluster_stats, SLICE("cluster.c1"));
	f->remaining = stat_scope_take(f->stats, &cluster_remaining_stats,
				       SLICE("cluster.c1.circuit_breakers.default"));
	f->breakers = breakers_new();
	f->breaker = &f->breakers->priorities[CLUSTER_PRIORITY_DEFAULT];
	f->limits = (struct breaker_limits){.max_connections = limit,
					    .max_pending = limit,
					    .max_requests = limit,
					    .max_retries = limit,
					    .tracks_remaining = true};
	f->at = (struct breaker_stats){.shard = stats_main_shard(f->stats),
				       .cluster = f->cluster,
				       .remaining = f->remaining};
	breaker_show_limits(&f->limits, &f->at);
}

static void end(struct fixture *f)
{
	breakers_drop(f->breakers);
	stat_scope_drop(f->stats, f->cluster);
	stat_scope_drop(f->stats, f->remaining);
	stats_free(f->stats);
}

static uint64_t shown(const struct fixture *f, unsigned id)
{
	return stat_value(f->stats, f->cluster, id);
}

static bool take(struct fixture *f, struct breaker_lease *lease, enum breaker_resource resource)
{
	return breaker_take(f->breaker, lease, &f->limits, resource, &f->at);
}

static void drop(struct fixture *f, struct breaker_lease *lease, enum breaker_resource resource)
{
	breaker_drop(f->breaker, lease, &f->limits, resource, &f->at);
}

static void small_limits_are_exact(void **context)
{
	struct fixture f;
	struct breaker_lease a = {0}, b = {0};
	(void)context;
	begin(&f, 3);
	assert_true(take(&f, &a, BREAKER_REQUESTS));
	assert_true(take(&f, &b, BREAKER_REQUESTS));
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN), 0);
	assert_true(take(&f, &b, BREAKER_REQUESTS));
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN), 1);
	assert_false(take(&f, &a, BREAKER_REQUESTS));
	assert_int_equal(stat_value(f.stats, f.remaining, CLUSTER_REMAINING_STAT_REMAINING_RQ), 0);
	drop(&f, &b, BREAKER_REQUESTS);
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN), 0);
	assert_int_equal(stat_value(f.stats, f.remaining, CLUSTER_REMAINING_STAT_REMAINING_RQ), 1);
	assert_true(take(&f, &a, BREAKER_REQUESTS));
	drop(&f, &a, BREAKER_REQUESTS);
	drop(&f, &a, BREAKER_REQUESTS);
	drop(&f, &b, BREAKER_REQUESTS);
	assert_int_equal(f.breaker->words[BREAKER_REQUESTS].used, 0);
	assert_int_equal(stat_value(f.stats, f.remaining, CLUSTER_REMAINING_STAT_REMAINING_RQ), 3);
	end(&f);
}

static void resources_are_apart(void **context)
{
	struct fixture f;
	struct breaker_lease a = {0};
	(void)context;
	begin(&f, 1);
	for (int r = 0; r < BREAKER_RESOURCES; r++)
		assert_true(take(&f, &a, (enum breaker_resource)r));
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_CX_OPEN), 1);
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_PENDING_OPEN), 1);
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_RETRY_OPEN), 1);
	for (int r = 0; r < BREAKER_RESOURCES; r++)
		drop(&f, &a, (enum breaker_resource)r);
	end(&f);
}

static void zero_lets_nothing_through(void **context)
{
	struct fixture f;
	struct breaker_lease a = {0};
	(void)context;
	begin(&f, 0);
	assert_false(take(&f, &a, BREAKER_REQUESTS));
	assert_int_equal(shown(&f, CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN), 0);
	breaker_take_anyway(f.breaker, &a, &f.limits, BREAKER_CONNECTIONS, &f.at);
	assert_int_equal(f.breaker->words[BREAKER_CONNECTIONS].used, 1);
	assert_int_equal(stat_value(f.stats, f.remaining, CLUSTER_REMAINING_STAT_REMAINING_CX), 0);
	drop(&f, &a, BREAKER_CONNECTIONS);
	assert_int_equal(f.breaker->words[BREAKER_CONNECTIONS].used, 0);
	assert_int_equal(stat_value(f.stats, f.remaining, CLUSTER_REMAINING_STAT_REMAINING_CX), 0);
	end(&f);
}

/* Two leases never exceed the limit, and refuse early by no more than their batches. */
static void leases_meet_the_limit(void **context)
{
	struct fixture f;
	struct breaker_lease a = {0}, b = {0};
	unsigned taken = 0;
	(void)context;
	begin(&f, 1024);
	while (take(&f, taken % 5 ? &a : &b, BREAKER_REQUESTS))
		taken++;
	assert_in_range(taken, 1024 - 2 * 16, 1024);
	assert_int_equal(f.breaker->words[BREAKER_REQUESTS].used, 1024);
	while (a.used[BREAKER_REQUESTS])
		drop(&f, &a, BREAKER_REQUESTS);
	while (b.used[BREAKER_REQUESTS])
		drop(&f, &b, BREAKER_REQUESTS);
	assert_true(f.breaker->words[BREAKER_REQUESTS].used <= 2 * 2 * 16);
	breaker_settle(f.breaker, &a);
	breaker_settle(f.breaker, &b);
	assert_int_equal(f.breaker->words[BREAKER_REQUESTS].used, 0);
	end(&f);
}

static void a_retry_budget_follows_the_load(void **context)
{
	struct fixture f;
	struct breaker_lease a = {0};
	(void)context;
	begin(&f, 50);
	f.limits.has_budget = true;
	f.limits.budget_percent = 20;
	f.limits.min_retry_concurrency = 3;
	assert_int_equal(breaker_limit(f.breaker, &f.limits, BREAKER_RETRIES), 3);
	for (int i = 0; i < 40; i++)
		assert_true(take(&f, &a, BREAKER_REQUESTS));
	assert_int_equal(breaker_limit(f.breaker, &f.limits, BREAKER_RETRIES), 8);
	for (int i = 0; i < 8; i++)
		assert_true(take(&f, &a, BREAKER_RETRIES));
	assert_false(take(&f, &a, BREAKER_RETRIES));
	end(&f);
}

/* --- threads: what is in use never exceeds the limit, and all comes back */

enum { THREADS = 4, ROUNDS = 20000, THREAD_LIMIT = 200 };

struct party {
	struct fixture *f;
	struct stats_shard *shard;
	uint32_t *in_use;
	pthread_t thread;
	uint32_t refused;
};

static void *use_slots(void *context)
{
	struct party *p = context;
	struct breaker_stats at = p->f->at;
	struct breaker_lease lease = {0};
	uint32_t random = 12345u + (uint32_t)(uintptr_t)p, mine = 0;

	at.shard = p->shard;
	at.remaining = NULL; /* the quick ways are open */
	for (int i = 0; i < ROUNDS; i++) {
		random = random * 1664525u + 1013904223u;
		if (random >> 31 || !mine) {
			if (!breaker_take_spare(&lease, BREAKER_REQUESTS) &&
			    !breaker_take(p->f->breaker, &lease, &p->f->limits, BREAKER_REQUESTS,
					  &at)) {
				p->refused++;
				continue;
			}
			mine++;
			if (__atomic_add_fetch(p->in_use, 1, __ATOMIC_SEQ_CST) > THREAD_LIMIT)
				abort();
		} else {
			mine--;
			__atomic_sub_fetch(p->in_use, 1, __ATOMIC_SEQ_CST);
			if (!breaker_keep_spare(&lease, BREAKER_REQUESTS))
				breaker_drop(p->f->breaker, &lease, &p->f->limits, BREAKER_REQUESTS,
					     &at);
		}
	}
	for (; mine; mine--) {
		__atomic_sub_fetch(p->in_use, 1, __ATOMIC_SEQ_CST);
		breaker_drop(p->f->breaker, &lease, &p->f->limits, BREAKER_REQUESTS, &at);
	}
	breaker_settle(p->f->breaker, &lease);
	return NULL;
}

static void threads_share_a_limit(void **context)
{
	struct fixture f;
	struct party parties[THREADS];
	uint32_t in_use = 0;
	(void)context;
	begin(&f, THREAD_LIMIT);
	for (int i = 0; i < THREADS; i++)
		parties[i] = (struct party){
			.f = &f, .shard = stats_add_shard(f.stats), .in_use = &in_use};
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&parties[i].thread, NULL, use_slots, &parties[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(parties[i].thread, NULL);
	assert_int_equal(f.breaker->words[BREAKER_REQUESTS].used, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_limits_are_exact),
		cmocka_unit_test(resources_are_apart),
		cmocka_unit_test(zero_lets_nothing_through),
		cmocka_unit_test(leases_meet_the_limit),
		cmocka_unit_test(a_retry_budget_follows_the_load),
		cmocka_unit_test(threads_share_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

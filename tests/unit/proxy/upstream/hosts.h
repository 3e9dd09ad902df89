/* What the tests of clusters and host sets are made of: assignments by hand, sets, and many picks
 * counted. */
#ifndef TESTS_UPSTREAM_HOSTS_H
#define TESTS_UPSTREAM_HOSTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "upstream/assignment.h"
#include "upstream/balancer.h"
#include "upstream/cluster.h"
#include "upstream/host_set.h"

enum { TEST_ENDPOINTS_MAX = 512, TEST_LOCALITIES_MAX = 8 };

/* An assignment in the making: endpoints are appended to the locality added last. */
struct plan {
	struct assignment assignment;
	struct endpoint endpoints[TEST_ENDPOINTS_MAX];
	struct locality localities[TEST_LOCALITIES_MAX];
};

static inline void plan_init(struct plan *plan)
{
	memset(plan, 0, sizeof *plan);
	plan->assignment.overprovisioning = ASSIGNMENT_OVERPROVISIONING;
	plan->assignment.endpoints = plan->endpoints;
	plan->assignment.localities = plan->localities;
}

static inline void plan_locality(struct plan *plan, uint32_t priority, uint32_t weight)
{
	struct locality *locality = &plan->localities[plan->assignment.locality_count++];
	*locality = (struct locality){.region = {"", 0},
				      .zone = {"", 0},
				      .sub_zone = {"", 0},
				      .priority = priority,
				      .weight = weight,
				      .has_weight = weight,
				      .first = plan->assignment.endpoint_count};
}

/* 10.0.x.y:port with the number in x and y. */
static inline struct endpoint *plan_endpoint(struct plan *plan, uint32_t number, uint32_t weight)
{
	if (!plan->assignment.locality_count)
		plan_locality(plan, 0, 0);
	assert_true(plan->assignment.endpoint_count < TEST_ENDPOINTS_MAX);
	struct endpoint *endpoint = &plan->endpoints[plan->assignment.endpoint_count++];
	plan->localities[plan->assignment.locality_count - 1].count++;
	*endpoint = (struct endpoint){
		.addr = {.family = ADDR_IPV4,
			 .port = 80,
			 .ip = {10, 0, (uint8_t)(number >> 8), (uint8_t)number}},
		.name = {"", 0},
		.hostname = {"", 0},
		.weight = weight,
	};
	return endpoint;
}

static inline void test_cluster_init(struct cluster *cluster, enum lb_policy policy)
{
	memset(cluster, 0, sizeof *cluster);
	cluster->type = CLUSTER_EDS;
	cluster->lb = (struct lb_config){
		.policy = policy,
		.choice_count = 2,
		.min_ring_size = 1024,
		.max_ring_size = 8 << 20,
		.table_size = 65537,
		.active_request_bias = 1.0,
		.panic_threshold = 50,
	};
}

static inline uint32_t test_nobody_active(const struct balance_state *state,
					  const struct host *host)
{
	(void)state;
	(void)host;
	return 0;
}

static inline void test_state_init(struct balance_state *state, const struct host_set *set)
{
	*state = (struct balance_state){.random = 42, .active = test_nobody_active};
	balance_state_reset(state, set);
}

/* n picks without anything special; counts[index] each, counts[set->count] for none. */
static inline void test_picks(const struct host_set *set, struct balance_state *state, unsigned n,
			      unsigned *counts)
{
	for (uint32_t i = 0; i <= set->count; i++)
		counts[i] = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pick pick = {0};
		uint32_t index = host_set_pick(set, state, &pick);
		counts[index == BALANCE_NONE ? set->count : index]++;
	}
}

/* Within `percent` of the expected number. */
#define assert_about(n, expected, percent)                                                         \
	assert_in_range(n, (uint64_t)((expected) * (100.0 - (percent)) / 100.0),                   \
			(uint64_t)((expected) * (100.0 + (percent)) / 100.0 + 1))

#endif

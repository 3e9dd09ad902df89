/* A worker's upstream side with one cluster in slot SLOT, whose host is a server of this process.
 */
#ifndef TESTS_UPSTREAM_WORKER_FIXTURE_H
#define TESTS_UPSTREAM_WORKER_FIXTURE_H

#include "http_server.h"

#include "base/random.h"
#include "net/loop.h"
#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "upstream/upstream_worker.h"

enum { SLOT = 3 };

struct fixture {
	struct loop loop;
	struct stats *stats;
	struct random random;
	struct pin_table pins;
	struct upstream_worker *upstream;
	struct breakers *breakers;
	struct cluster *cluster;
	struct plan plan;
	struct host_set *hosts;
	struct http_server server;
	unsigned reports, causes;
	uint64_t told_requests, told_successes;
};

static struct fixture f;

static inline void give_back(struct pin_table *table, struct published *object)
{
	(void)table;
	if (!--object->references)
		object->free(object);
}

static inline void on_report(struct upstream_worker *upstream, const struct host_report *report)
{
	(void)upstream;
	assert_int_equal(report->slot, SLOT);
	f.reports++;
	f.causes |= report->causes;
	f.told_requests += report->requests;
	f.told_successes += report->successes;
	host_drop(report->host);
}

static inline void fixture_begin(void)
{
	memset(&f, 0, sizeof f);
	http_server_start(&f.server);
	assert_int_equal(loop_init(&f.loop, &f), STATUS_OK);
	f.stats = stats_new();
	random_init(&f.random, 5);
	pin_table_init(&f.pins, give_back);
	f.upstream = upstream_worker_new(&f.loop, &f.pins, stats_main_shard(f.stats), &f.random);
	f.upstream->report = on_report;
	f.breakers = breakers_new();
	plan_init(&f.plan);
}

/* A cluster with one host, the server's; change it before publish(). */
static inline struct cluster *make_cluster(void)
{
	struct arena arena;
	arena_init(&arena, 1024);
	struct cluster *cluster = ARENA_NEW(&arena, struct cluster);
	test_cluster_init(cluster, LB_ROUND_ROBIN);
	cluster->published = (struct published){.kind = PUBLISHED_CLUSTER,
						.slot = SLOT,
						.references = 1,
						.name = SLICE("c1"),
						.arena = arena,
						.free = cluster_release};
	cluster->stat_name = SLICE("c1");
	cluster->connect_timeout_ms = 2000;
	cluster->http.idle_timeout_ms = 60000;
	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		cluster->breakers[i] = (struct breaker_limits){.max_connections = 1024,
							       .max_pending = 1024,
							       .max_requests = 1024,
							       .max_retries = 3};
	cluster_share_breakers(cluster, f.breakers);
	return f.cluster = cluster;
}

static inline void add_host(uint16_t port)
{
	plan_endpoint(&f.plan, 0, 1)->addr =
		(struct addr){.family = ADDR_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

static inline void publish_hosts(void)
{
	struct host_set *before = f.hosts;
	f.hosts = host_set_build(&f.plan.assignment, f.cluster, before,
				 before ? before->generation + 1 : 1);
	f.hosts->published.slot = SLOT;
	f.hosts->published.references++;
	pin_table_set(&f.pins, PUBLISHED_HOST_SET, SLOT, &f.hosts->published);
	upstream_worker_changed(f.upstream, PUBLISHED_HOST_SET, SLOT);
	if (before)
		give_back(NULL, &before->published);
}

static inline void publish(void)
{
	cluster_take_stats(f.cluster, f.stats);
	publish_hosts();
	pin_table_set(&f.pins, PUBLISHED_CLUSTER, SLOT, &f.cluster->published);
	upstream_worker_changed(f.upstream, PUBLISHED_CLUSTER, SLOT);
}

static inline struct cluster_worker *cluster(void)
{
	struct cluster_worker *cw = cluster_worker_find(f.upstream, SLOT);
	assert_non_null(cw);
	return cw;
}

/* Nothing may run any more. Checks that every slot of the breakers was given back. */
static inline void fixture_end(void)
{
	upstream_worker_free(f.upstream);
	loop_settle(&f.loop);
	for (int i = 0; i < BREAKER_RESOURCES; i++)
		for (int p = 0; p < CLUSTER_PRIORITIES; p++)
			assert_int_equal(f.breakers->priorities[p].words[i].used, 0);
	pin_table_fini(&f.pins);
	give_back(NULL, &f.hosts->published);
	breakers_drop(f.breakers);
	loop_fini(&f.loop);
	stats_free(f.stats);
	http_server_stop(&f.server);
}

static inline uint64_t stat_of(unsigned id)
{
	return stat_value(f.stats, f.cluster->stats, id);
}

static inline void simple(void)
{
	make_cluster();
	add_host(f.server.port);
	publish();
}

#endif

/* What it costs to pass a process's state on to its successor: counters of 10,000 clusters that
 * four workers have used, and a Sentinel with 10,000 resources and their rules.
 *
 *   micro_transfer [HOW_MANY]        prints milliseconds of CPU and bytes; the budget is 20 ms */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/attributes.h"
#include "base/diag.h"
#include "filters/sentinel/core/core_transfer.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_transfer.h"

enum { WORKERS = 4, ROUNDS = 5 };

static const int64_t t0 = INT64_C(1700000000000);

/* Of the CPU: others may be busy. */
static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void tell(const char *what, double ms, size_t bytes)
{
	printf("%-28s %8.2f ms %10zu bytes\n", what, ms, bytes);
}

/* --- counters --- */

static struct stat_scope **take_scopes(struct stats *stats, unsigned count)
{
	struct stat_scope **scopes = calloc(count, sizeof(struct stat_scope *));
	char name[64];

	invariant(scopes);
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof name, "cluster.outbound|8080||service-%u.ns.svc", i);
		scopes[i] = stat_scope_take(stats, &cluster_stats, slice_of(name));
	}
	return scopes;
}

static void drop_scopes(struct stats *stats, struct stat_scope **scopes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stat_scope_drop(stats, scopes[i]);
	free(scopes);
}

/* One cluster in `step` gets requests. */
static void use_clusters(struct stats_shard *shard, struct stat_scope **scopes, unsigned count,
			 unsigned step)
{
	for (unsigned i = 0; i < count; i++) {
		stat_inc(shard, scopes[i], CLUSTER_STAT_UPSTREAM_CX_TOTAL);
		for (unsigned k = 0; i % step == 0 && k < 20; k++) {
			stat_inc(shard, scopes[i], CLUSTER_STAT_UPSTREAM_RQ_TOTAL);
			stat_gauge_inc(shard, scopes[i], CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
			stat_record(shard, scopes[i], CLUSTER_STAT_UPSTREAM_RQ_TIME, k * k);
		}
	}
}

static void measure_stats(unsigned count, unsigned step)
{
	struct stats *old = stats_new(), *new = stats_new();
	struct stat_scope **from = take_scopes(old, count), **to = take_scopes(new, count);
	struct section_writer out = {0};
	struct diag diag = {0};
	char what[64];

	for (int i = 0; i < WORKERS; i++)
		use_clusters(stats_add_shard(old), from, count, step);
	snprintf(what, sizeof what, "counters, 1 of %u clusters", step);
	for (int round = 0; round < ROUNDS; round++) {
		out.len = 0;
		double begun = now_ms();
		stats_export_all(old, &out);
		tell(what, now_ms() - begun, out.len);
	}
	double begun = now_ms();
	invariant(!stats_import(new, slice_make(out.data, out.len), &diag));
	tell("  taken in", now_ms() - begun, out.len);
	section_writer_free(&out);
	drop_scopes(old, from, count);
	drop_scopes(new, to, count);
	stats_free(old);
	stats_free(new);
}

/* --- Sentinel --- */

static struct rule_set *make_rules(struct sentinel *sentinel, unsigned count)
{
	struct rule_list list = {0};
	struct arena arena;
	size_t size = count * (size_t)256 + 16, len = 0;
	char *json = malloc(size);

	invariant(json);
	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(json + len, size - len,
					"%s{\"resource\":\"com.example.Service%u:call()\","
					"\"count\":100,\"controlBehavior\":2,"
					"\"maxQueueingTimeMs\":500}",
					i ? "," : "[", i);
	snprintf(json + len, size - len, "]");
	arena_init(&arena, 65536);
	struct rule_json_reader reader = {.arena = &arena};
	invariant(!rule_json_parse(&reader, RULE_FLOW, slice_of(json), &list));
	free(json);
	return rule_set_new(sentinel, &arena, &list, &(struct rule_set_options){0}, NULL, NULL);
}

static struct instant at(int64_t t_ms)
{
	return (struct instant){t0 + t_ms, (t0 + t_ms) * 1000000};
}

/* Every resource is called in each of `seconds` seconds. */
static void use_resources(struct sentinel *sentinel, struct rule_set *rules, unsigned count,
			  unsigned seconds)
{
	for (unsigned i = 0; i < count * seconds; i++) {
		struct instant now = at(i / count * 1000);
		struct entry entry;
		char name[64];
		snprintf(name, sizeof name, "com.example.Service%u:call()", i % count);
		struct entry_request request = {
			.resource =
				sentinel_resource(sentinel, slice_of(name), RESOURCE_RPC, now.ms),
			.context = sentinel_context(sentinel, SLICE("context")),
			.count = 1,
			.inbound = true,
		};
		if (sph_entry(sentinel, rules, i % WORKERS, &request, now, &entry) == ENTRY_PASS)
			sph_exit(&entry, rules, now);
	}
}

static void measure_sentinel(unsigned count, unsigned seconds)
{
	struct sentinel_options options = {.workers = WORKERS, .resources_max = count};
	struct sentinel *old = sentinel_new(&options, t0), *new = sentinel_new(&options, t0);
	struct rule_set *from = make_rules(old, count), *to = make_rules(new, count);
	struct section_writer out = {0};
	struct instant now = at(seconds * 1000);
	char what[64];

	use_resources(old, from, count, seconds);
	snprintf(what, sizeof what, "Sentinel, %u busy seconds", seconds);
	for (int round = 0; round < ROUNDS; round++) {
		out.len = 0;
		double begun = now_ms();
		sentinel_export(old, from, now, SIZE_MAX, &out);
		tell(what, now_ms() - begun, out.len);
	}
	double begun = now_ms();
	invariant(!sentinel_import(new, to, now, slice_make(out.data, out.len)));
	tell("  taken in", now_ms() - begun, out.len);
	section_writer_free(&out);
	rule_set_free(from);
	rule_set_free(to);
	sentinel_free(old);
	sentinel_free(new);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;

	measure_stats(count, 100);
	measure_stats(count, 1);
	measure_sentinel(count, 2);
	measure_sentinel(count, 59);
	return 0;
}

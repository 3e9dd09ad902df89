/* What is known of hosts, from one process's cluster manager to another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/section_fields.h"
#include "server/cluster_manager.h"
#include "server/host_section.h"
#include "telemetry/stats.h"
#include "telemetry/stats_hosts.h"

struct fixture {
	struct cluster_manager old, new;
	struct cluster_record record;
	struct stats *stats;
	struct stat_scope *scope;
	struct random random;
	struct outlier_config config;
	struct host *host;
};

static struct fixture f;

static int begin(void **context)
{
	struct addr addr = {.family = ADDR_IPV4, .port = 80, .ip = {10, 0, 0, 7}};

	(void)context;
	memset(&f, 0, sizeof f);
	list_init(&f.old.records);
	host_memory_init(&f.new.memory);
	f.stats = stats_new();
	f.scope = stat_scope_take(f.stats, &outlier_stats, SLICE("cluster.c1.outlier_detection"));
	random_init(&f.random, 1);
	f.config = (struct outlier_config){
		.base_ejection_ms = 1000,
		.max_ejection_ms = 10000,
		.max_ejection_percent = 100,
		.enforcing_5xx = 100,
	};
	f.record.name = SLICE("c1");
	outlier_init(&f.record.care.outlier, stats_main_shard(f.stats), &f.random);
	outlier_configure(&f.record.care.outlier, &f.config, f.scope);
	list_push_back(&f.old.records, &f.record.link);
	f.host = host_new(&addr, SLICE("seven"));
	return 0;
}

static int end(void **context)
{
	(void)context;
	outlier_fini(&f.record.care.outlier);
	host_drop(f.host);
	host_memory_fini(&f.new.memory);
	stat_scope_drop(f.stats, f.scope);
	stats_free(f.stats);
	return 0;
}

static enum status import(struct slice bytes)
{
	struct diag diag = {0};
	enum status status = host_section.import(&f.new, SECTION_WARM, 1, bytes, &diag);

	assert_int_equal(status != STATUS_OK, diag_is_set(&diag));
	return status;
}

static void an_ejection_is_known(void **context)
{
	struct section_writer out = {0};

	(void)context;
	host_section.export[SECTION_WARM](&f.old, &out);
	assert_int_equal(out.len, 0); /* nothing is known */
	assert_true(outlier_trip(&f.record.care.outlier, f.host, OUTLIER_CAUSE_5XX, 10, 4321));
	host_section.export[SECTION_WARM](&f.old, &out);
	assert_int_equal(import(slice_make(out.data, out.len)), STATUS_OK);
	const struct host_finding *finding = host_memory_find(&f.new.memory, SLICE("c1"), f.host);
	assert_non_null(finding);
	assert_true(finding->is_ejected);
	assert_false(finding->is_checked);
	assert_int_equal(finding->ejected_ms, 4321);
	assert_int_equal(finding->times, 1);
	assert_null(host_memory_find(&f.new.memory, SLICE("c2"), f.host));
	host_section.predecessor_gone(&f.new);
	assert_null(host_memory_find(&f.new.memory, SLICE("c1"), f.host));
	section_writer_free(&out);
}

/* Any byte changed or cut off: all of it is taken, or nothing. */
static void damage_is_refused(void **context)
{
	struct section_writer out = {0};
	unsigned refused = 0;

	(void)context;
	outlier_trip(&f.record.care.outlier, f.host, OUTLIER_CAUSE_5XX, 10, 4321);
	host_section.export[SECTION_WARM](&f.old, &out);
	for (unsigned i = 0; i < 4000; i++) {
		size_t len = i % 2 ? i / 2 % out.len : out.len;
		char *copy = malloc(len + 1); /* so that reading beyond it is seen */
		assert_non_null(copy);
		memcpy(copy, out.data, len);
		if (!(i % 2))
			copy[random_below(&f.random, (uint32_t)len)] = (char)random_next(&f.random);
		char *exact = realloc(copy, len ? len : 1);
		assert_non_null(exact);
		if (import(slice_make(exact, len))) {
			refused++;
			assert_int_equal(f.new.memory.findings.count, 0);
		}
		host_section.predecessor_gone(&f.new);
		free(exact);
	}
	assert_in_range(refused, 1000, 4000);
	section_writer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_ejection_is_known, begin, end),
		cmocka_unit_test_setup_teardown(damage_is_refused, begin, end),
	};
	return cmocka_run_group_tests_name("host_section", tests, NULL, NULL);
}

/* A gate that counts: what is let in, and what comes free again. */
#include "filter_support.h"

#include "filters/connection_limit/connection_limit.h"
#include "telemetry/stats_network.h"

struct lived {
	struct accepted_end end;
	uint64_t ms;
};

static void note_ended(struct accepted_end *end, uint64_t lived_ms)
{
	container_of(end, struct lived, end)->ms = lived_ms;
}

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &connection_limit_stats, "connection_limit.c", id);
}

static const void *load(struct stream_fixture *f, const char *yaml)
{
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config = NULL;

	filter_context(&context, f, &f->arena);
	if (connection_limit_filter.config_load(
		    &config, filter_message(&f->arena, connection_limit_filter.message, yaml),
		    &context, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	return config;
}

static struct accepted new_accepted(struct stream_fixture *f, struct lived *lived)
{
	*lived = (struct lived){.end = {note_ended}};
	return (struct accepted){.worker = &f->worker, .listener = &f->pin, .end = &lived->end};
}

static void so_many_are_let_in_at_a_time(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const void *config = load(f, "{stat_prefix: c, max_connections: 2}");
	struct lived lived[3];
	struct accepted a = new_accepted(f, &lived[0]), b = new_accepted(f, &lived[1]),
			c = new_accepted(f, &lived[2]);
	(void)state;

	assert_true(connection_limit_admit(config, &a));
	assert_true(connection_limit_admit(config, &b));
	assert_false(connection_limit_admit(config, &c));
	assert_ptr_equal(c.end, &lived[2].end); /* not chained: nothing to undo */
	assert_int_equal(counted(f, CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS), 2);
	assert_int_equal(counted(f, CONNECTION_LIMIT_STAT_LIMITED_CONNECTIONS), 1);
	accepted_ended(a.end, 7);
	assert_int_equal(lived[0].ms, 7); /* who was before is told */
	assert_int_equal(counted(f, CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS), 1);
	assert_true(connection_limit_admit(config, &c));
	accepted_ended(b.end, 1);
	accepted_ended(c.end, 1);
	stream_fixture_free(f);
}

static void a_new_version_counts_on(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const void *old = load(f, "{stat_prefix: c, max_connections: 2}");
	const void *new = load(f, "{stat_prefix: c, max_connections: 1}");
	struct lived lived;
	struct accepted a = new_accepted(f, &lived), b = new_accepted(f, &lived);
	(void)state;

	assert_true(connection_limit_admit(old, &a));
	assert_false(connection_limit_admit(new, &b));
	accepted_ended(a.end, 1);
	assert_true(connection_limit_admit(new, &b));
	accepted_ended(b.end, 1);
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_are_let_in_at_a_time),
		cmocka_unit_test(a_new_version_counts_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

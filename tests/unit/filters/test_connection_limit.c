/* A gate that counts: what is let in, and what comes free again. */
#include "filter_support.h"

#include "filters/connection_limit/connection_limit.h"
#include "telemetry/stats_network.h"

static void note_ended(void *state, uint64_t lived_ms)
{
	uint64_t *lived = state;
	*lived = lived_ms;
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

static struct accepted new_accepted(struct stream_fixture *f, uint64_t *lived)
{
	return (struct accepted){.worker = &f->worker,
				 .listener = &f->pin,
				 .ended = note_ended,
				 .listener_state = lived};
}

static void so_many_are_let_in_at_a_time(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const void *config = load(f, "{stat_prefix: c, max_connections: 2}");
	uint64_t lived[3] = {0};
	struct accepted a = new_accepted(f, &lived[0]), b = new_accepted(f, &lived[1]),
			c = new_accepted(f, &lived[2]);
	(void)state;

	assert_true(connection_limit_admit(config, &a));
	assert_true(connection_limit_admit(config, &b));
	assert_false(connection_limit_admit(config, &c));
	assert_ptr_equal(c.listener_state, &lived[2]); /* not chained: nothing to undo */
	assert_int_equal(counted(f, CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS), 2);
	assert_int_equal(counted(f, CONNECTION_LIMIT_STAT_LIMITED_CONNECTIONS), 1);
	a.ended(a.listener_state, 7);
	assert_int_equal(lived[0], 7); /* who was before is told */
	assert_int_equal(counted(f, CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS), 1);
	assert_true(connection_limit_admit(config, &c));
	b.ended(b.listener_state, 1);
	c.ended(c.listener_state, 1);
	stream_fixture_free(f);
}

static void a_new_version_counts_on(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const void *old = load(f, "{stat_prefix: c, max_connections: 2}");
	const void *new = load(f, "{stat_prefix: c, max_connections: 1}");
	uint64_t lived = 0;
	struct accepted a = new_accepted(f, &lived), b = new_accepted(f, &lived);
	(void)state;

	assert_true(connection_limit_admit(old, &a));
	assert_false(connection_limit_admit(new, &b));
	a.ended(a.listener_state, 1);
	assert_true(connection_limit_admit(new, &b));
	b.ended(b.listener_state, 1);
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

/* Connections that cost a token each. */
#include "filter_support.h"

#include "filters/local_ratelimit/connection.h"
#include "telemetry/stats_network.h"

static const void *load(struct stream_fixture *f, const char *more)
{
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config = NULL;

	filter_context(&context, f, &f->arena);
	const char *yaml = arena_printf(
		&f->arena, "{stat_prefix: r, token_bucket: {max_tokens: 2, fill_interval: 1s}%s}",
		more);
	if (local_ratelimit_connection_filter.config_load(
		    &config,
		    filter_message(&f->arena, local_ratelimit_connection_filter.message, yaml),
		    &context, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	return config;
}

static void each_connection_costs_a_token(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const void *config = load(f, "");
	struct accepted accepted = {.worker = &f->worker};
	(void)state;

	assert_true(connection_ratelimit_admit(config, &accepted));
	assert_true(connection_ratelimit_admit(config, &accepted));
	assert_false(connection_ratelimit_admit(config, &accepted));
	fixture_advance(f, 1000);
	assert_true(connection_ratelimit_admit(config, &accepted));
	assert_false(connection_ratelimit_admit(config, &accepted));
	assert_int_equal(filter_counted(f, &network_local_ratelimit_stats, "local_rate_limit.r",
					NETWORK_LOCAL_RATELIMIT_STAT_RATE_LIMITED),
			 2);
	stream_fixture_free(f);
}

static void it_can_be_switched_off(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	const void *config = load(f, ", runtime_enabled: {default_value: false, runtime_key: k}");
	struct accepted accepted = {.worker = &f->worker};
	(void)state;

	for (unsigned i = 0; i < 5; i++)
		assert_true(connection_ratelimit_admit(config, &accepted));
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_connection_costs_a_token),
		cmocka_unit_test(it_can_be_switched_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

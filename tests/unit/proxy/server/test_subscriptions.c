#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <envoy/config/core/v3/config_source.pb-c.h>
#include <envoy/config/route/v3/route.pb-c.h>

#include "base/hash.h"
#include "server/subscriptions.h"
#include "telemetry/stats_server.h"

struct bench {
	struct loop loop;
	struct mailbox mailbox;
	struct stats *stats;
	struct subscriptions subscriptions;
	struct stat_scope *scope; /* a reference of ours, to look at */
	char path[64];
	struct resource_file *file; /* what was applied last */
	unsigned applied, known, good, settled;
	bool refuses;
};

static enum status apply(struct subscription *sub, struct subscription_load *load, bool *is_changed,
			 bool *is_empty, struct diag *diag)
{
	struct bench *bench = sub->subject;

	bench->applied++;
	if (bench->refuses)
		return diag_set(diag, "not wanted");
	resource_file_drop(bench->file);
	bench->file = resource_file_take(load->file);
	*is_changed = load->file->resources.count;
	*is_empty = !load->file->resources.count;
	return STATUS_OK;
}

static void known(struct subscription *sub, bool is_good)
{
	struct bench *bench = sub->subject;

	bench->known++;
	bench->good += is_good;
}

static const struct subscription_type type = {
	.what = "routes",
	.message = &envoy__config__route__v3__route_configuration__descriptor,
	.apply = apply,
	.known = known,
	.attempt = RDS_STAT_UPDATE_ATTEMPT,
	.success = RDS_STAT_UPDATE_SUCCESS,
	.failure = RDS_STAT_UPDATE_FAILURE,
	.version = RDS_STAT_VERSION,
	.rejected = RDS_STAT_UPDATE_REJECTED,
	.time = RDS_STAT_UPDATE_TIME,
	.version_text = RDS_STAT_VERSION_TEXT,
	.duration = RDS_STAT_UPDATE_DURATION,
	.counts_reloads = true,
	.reload = RDS_STAT_CONFIG_RELOAD,
	.reload_time = RDS_STAT_CONFIG_RELOAD_TIME_MS,
	.counts_empty = true,
	.empty = RDS_STAT_UPDATE_EMPTY,
};

static void on_woken(struct loop *loop)
{
	mailbox_drain(&container_of(loop, struct bench, loop)->mailbox);
}

static void on_settled(struct subscriptions *subscriptions)
{
	((struct bench *)subscriptions->owner)->settled++;
}

static void put(struct bench *bench, const char *text)
{
	FILE *file = fopen(bench->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static uint64_t counted(const struct bench *bench, unsigned id)
{
	return stat_value(bench->stats, bench->scope, id);
}

/* Until `settled` is at least so far. */
static void wait_for(struct bench *bench, unsigned settled)
{
	while (bench->settled < settled)
		loop_turn(&bench->loop, true);
}

static enum status open_at(struct bench *bench, char *path, struct subscription **sub,
			   struct diag *diag)
{
	Envoy__Config__Core__V3__PathConfigSource place =
		ENVOY__CONFIG__CORE__V3__PATH_CONFIG_SOURCE__INIT;
	Envoy__Config__Core__V3__ConfigSource source = ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__INIT;

	place.path = path;
	source.config_source_specifier_case =
		ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_PATH_CONFIG_SOURCE;
	source.path_config_source = &place;
	const struct subscription_config config = {.type = &type,
						   .source = &source,
						   .name = SLICE("dyn"),
						   .subject = bench,
						   .scope = stat_scope_hold(bench->scope)};
	return subscription_open(&bench->subscriptions, &config, sub, diag);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	assert_int_equal(loop_init(&bench->loop, bench), STATUS_OK);
	bench->loop.woken = on_woken;
	mailbox_init(&bench->mailbox, &bench->loop, bench);
	bench->stats = stats_new();
	bench->scope = stat_scope_take(bench->stats, &rds_stats, SLICE("http.x.rds.dyn"));
	subscriptions_init(&bench->subscriptions, &bench->loop, &bench->mailbox, bench->stats);
	bench->subscriptions.owner = bench;
	bench->subscriptions.settled = on_settled;
	snprintf(bench->path, sizeof bench->path, "/tmp/subscriptions-%ld.yaml", (long)getpid());
	put(bench, "version_info: one\nresources:\n- '@type': "
		   "type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n  name: dyn\n");
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	subscriptions_stop(&bench->subscriptions);
	mailbox_drain(&bench->mailbox);
	subscriptions_fini(&bench->subscriptions);
	resource_file_drop(bench->file);
	stat_scope_drop(bench->stats, bench->scope);
	loop_fini(&bench->loop);
	stats_free(bench->stats);
	unlink(bench->path);
	free(bench);
	return 0;
}

static void what_is_read_is_applied_and_counted(void **state)
{
	struct bench *bench = *state;
	struct subscription *sub;
	struct diag diag = {0};

	assert_int_equal(open_at(bench, bench->path, &sub, &diag), STATUS_OK);
	assert_int_equal(bench->subscriptions.due, 0);
	subscription_load(sub);
	assert_int_equal(bench->subscriptions.due, 1);
	wait_for(bench, 1);
	assert_int_equal(bench->subscriptions.due, 0);
	assert_int_equal(bench->applied, 1);
	assert_int_equal(bench->good, 1);
	assert_int_equal(bench->file->resources.count, 1);
	assert_string_equal(sub->version_info, "one");
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_ATTEMPT), 1);
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_SUCCESS), 1);
	assert_int_equal(counted(bench, RDS_STAT_CONFIG_RELOAD), 1);
	assert_true(counted(bench, RDS_STAT_VERSION) == hash_bytes(SLICE("one")));
	subscription_close(sub);
}

static void a_change_is_read_and_a_bad_one_changes_nothing(void **state)
{
	struct bench *bench = *state;
	struct subscription *sub;
	struct diag diag = {0};

	assert_int_equal(open_at(bench, bench->path, &sub, &diag), STATUS_OK);
	subscription_load(sub);
	wait_for(bench, 1);
	put(bench, "{]");
	wait_for(bench, 2);
	assert_int_equal(bench->applied, 1);
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_FAILURE), 1);
	put(bench, "resources:\n- '@type': "
		   "type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n  "
		   "virtual_hosts: [{name: ''}]\n");
	wait_for(bench, 3);
	assert_int_equal(bench->applied, 1);
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_REJECTED), 1);
	assert_string_equal(sub->version_info, "one");
	put(bench, "version_info: two\nresources: []\n");
	wait_for(bench, 4);
	assert_int_equal(bench->applied, 2);
	assert_string_equal(sub->version_info, "two");
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_EMPTY), 1);
	assert_int_equal(counted(bench, RDS_STAT_CONFIG_RELOAD), 1);
	assert_int_equal(bench->known, 1);
	subscription_close(sub);
}

static void what_is_refused_counts_as_known(void **state)
{
	struct bench *bench = *state;
	struct subscription *sub;
	struct diag diag = {0};

	bench->refuses = true;
	assert_int_equal(open_at(bench, bench->path, &sub, &diag), STATUS_OK);
	subscription_load(sub);
	wait_for(bench, 1);
	assert_int_equal(bench->known, 1);
	assert_int_equal(bench->good, 0);
	assert_int_equal(bench->subscriptions.due, 0);
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_REJECTED), 1);
	assert_string_equal(sub->version_info, "");
	subscription_close(sub);
}

/* A load that is asked for while one is out is done once more, whatever their number. */
static void loads_in_a_row_become_two(void **state)
{
	struct bench *bench = *state;
	struct subscription *sub;
	struct diag diag = {0};

	assert_int_equal(open_at(bench, bench->path, &sub, &diag), STATUS_OK);
	for (int i = 0; i < 5; i++)
		subscription_load(sub);
	wait_for(bench, 2);
	assert_int_equal(counted(bench, RDS_STAT_UPDATE_ATTEMPT), 2);
	assert_int_equal(bench->applied, 1); /* the first was out of date */
	subscription_close(sub);
}

static void what_comes_after_the_close_is_dropped(void **state)
{
	struct bench *bench = *state;
	struct subscription *sub;
	struct diag diag = {0};

	assert_int_equal(open_at(bench, bench->path, &sub, &diag), STATUS_OK);
	subscription_load(sub);
	subscription_close(sub);
	assert_int_equal(bench->subscriptions.due, 0);
	wait_for(bench, 1);
	assert_int_equal(bench->applied, 0);
	assert_int_equal(bench->known, 0);
}

static void a_file_that_is_not_there_is_refused(void **state)
{
	struct bench *bench = *state;
	struct subscription *sub;
	struct diag diag = {0};
	char nowhere[] = "/nonexistent/file.yaml";

	assert_int_equal(open_at(bench, nowhere, &sub, &diag), STATUS_INVALID);
	assert_string_equal(diag.path, "path_config_source.path");
	assert_non_null(strstr(diag.text, nowhere));
}

int main(void)
{
#define CHECK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CHECK(what_is_read_is_applied_and_counted),
		CHECK(a_change_is_read_and_a_bad_one_changes_nothing),
		CHECK(what_is_refused_counts_as_known),
		CHECK(loads_in_a_row_become_two),
		CHECK(what_comes_after_the_close_is_dropped),
		CHECK(a_file_that_is_not_there_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

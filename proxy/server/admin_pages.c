#include "server/admin_pages.h"

#include <stdlib.h>

#include "base/log.h"
#include "server/server.h"
#include "telemetry/stats_page.h"

const char *admin_state_name(const struct server *server)
{
	static const char *const names[] = {"LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING"};

	return names[server_shown_state(server)];
}

static void fill_ready(struct admin_request *request)
{
	const struct server *server = request->server;

	if (server->state != SERVER_LIVE || server->is_health_check_failing)
		request->status = 503;
	text_printf(&request->body, "%s\n", admin_state_name(server));
}

/* --- /stats --- */

enum { STATS_AT_ONCE = 256 }; /* scopes: 2 ms or so */

struct stats_taken {
	struct stats *stats;
	struct stats_page page;
};

static bool begin_stats_as(struct admin_request *request, enum stats_format format)
{
	struct stats_taken *taken = malloc(sizeof *taken);

	invariant(taken);
	taken->stats = request->server->stats;
	if (stats_page_parse(request->query, format, &taken->page, &request->body)) {
		request->status = 400;
		free(taken);
		return false;
	}
	request->taken = taken;
	request->content_type = stats_page_content_type(&taken->page);
	/* A filter may take its time with each name. */
	request->is_large =
		taken->page.filter.len || stats_scope_count(taken->stats) > STATS_AT_ONCE;
	return true;
}

static bool begin_stats(struct admin_request *request)
{
	return begin_stats_as(request, STATS_TEXT);
}

static bool begin_stats_prometheus(struct admin_request *request)
{
	return begin_stats_as(request, STATS_PROMETHEUS);
}

static void fill_stats(struct admin_request *request)
{
	const struct stats_taken *taken = request->taken;

	stats_page_write(taken->stats, &taken->page, &request->body);
}

static void end_stats(void *taken)
{
	free(taken);
}

/* --- words to the server --- */

static void say_ok(struct admin_request *request)
{
	text_add(&request->body, SLICE("OK\n"));
}

static void fill_quit(struct admin_request *request)
{
	say_ok(request);
	server_stop(request->server);
}

static void fill_reset_counters(struct admin_request *request)
{
	stats_reset_counters(request->server->stats);
	say_ok(request);
}

static void fill_reopen_logs(struct admin_request *request)
{
	server_reopen_logs(request->server);
	say_ok(request);
}

static void fill_drain_listeners(struct admin_request *request)
{
	bool inbound_only = admin_query(request, SLICE("inboundonly")).data;
	bool stops = !admin_query(request, SLICE("skip_exit")).data;

	if (stops && giver_shares_sockets(&request->server->upgrade.giver)) {
		request->status = 409;
		text_add(&request->body,
			 SLICE("not now: an upgrade is under way, and the listeners' sockets are "
			       "the successor's, too\n"));
		return;
	}
	drain_manager_listeners(&request->server->drains, inbound_only ? DRAIN_INBOUND : DRAIN_ALL,
				admin_query(request, SLICE("graceful")).data, !stops);
	say_ok(request);
}

static void fill_health_fail(struct admin_request *request)
{
	server_set_failing(request->server, true);
	say_ok(request);
}

static void fill_health_ok(struct admin_request *request)
{
	server_set_failing(request->server, false);
	say_ok(request);
}

static void fill_hot_restart_version(struct admin_request *request)
{
	text_add(&request->body, SLICE("disabled"));
}

static void fill_certs(struct admin_request *request)
{
	request->content_type = "application/json";
	text_add(&request->body, SLICE("{\n \"certificates\": []\n}\n"));
}

static void fill_contention(struct admin_request *request)
{
	text_add(&request->body, SLICE("Mutex contention tracing is not enabled. To enable, run "
				       "Envoy with flag --enable-mutex-tracing."));
}

static void fill_help(struct admin_request *request)
{
	admin_fill_index(request);
}

/* Parameters: what /help shows below the page, a line each. */
#define PARAMS(...) ((const struct admin_param[]){__VA_ARGS__, {NULL, NULL}})
#define REGEX_HELP "regular expression that names must match"

#define PAGE(...)                                                                                  \
	{                                                                                          \
		__VA_ARGS__, NULL, NULL                                                            \
	}
#define TAKING_PAGE(...)                                                                           \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	} /* with begin and end */

const struct admin_page admin_pages[] = {
	PAGE("/certs", "certificates in use", ADMIN_GET, fill_certs, NULL),
	TAKING_PAGE("/clusters", "clusters, their limits and hosts", ADMIN_GET_HOSTS,
		    admin_fill_clusters,
		    PARAMS({"filter", REGEX_HELP}, {"format", "One of (text, json)"}),
		    admin_begin_clusters, admin_end_clusters),
	TAKING_PAGE("/config_dump", "configuration in force", ADMIN_GET, admin_fill_config_dump,
		    PARAMS({"resource", "only the items of this list, such as static_clusters"},
			   {"mask", "only these fields, separated by commas"},
			   {"name_regex", REGEX_HELP}, {"include_eds", "endpoints too"}),
		    admin_begin_config_dump, admin_end_config_dump),
	PAGE("/contention", "mutex contention (not traced)", ADMIN_GET, fill_contention, NULL),
	PAGE("/drain_listeners", "stop accepting connections", ADMIN_POST, fill_drain_listeners,
	     PARAMS({"inboundonly", "only listeners whose traffic_direction is INBOUND"},
		    {"graceful", "after the drain time, in which clients are asked to leave"},
		    {"skip_exit", "never: clients are only asked to leave"})),
	PAGE("/healthcheck/fail", "answer health checks as if the server failed", ADMIN_POST,
	     fill_health_fail, NULL),
	PAGE("/healthcheck/ok", "take that back", ADMIN_POST, fill_health_ok, NULL),
	PAGE("/help", "this list", ADMIN_GET, fill_help, NULL),
	PAGE("/hot_restart_version", "version of the hot restart protocol", ADMIN_GET,
	     fill_hot_restart_version, NULL),
	PAGE("/init_dump", "what the start still waits for", ADMIN_GET, admin_fill_init_dump, NULL),
	PAGE("/listeners", "listeners and their addresses", ADMIN_GET, admin_fill_listeners,
	     PARAMS({"format", "One of (text, json)"})),
	PAGE("/logging", "show or change log levels", ADMIN_POST, admin_fill_logging,
	     PARAMS({"paths", "several loggers: <name>:<level>,..."}, {"level", "all loggers"},
		    {"<name>", "this logger"})),
	PAGE("/memory", "use of memory", ADMIN_GET, admin_fill_memory, NULL),
	PAGE("/quitquitquit", "end the process", ADMIN_POST, fill_quit, NULL),
	PAGE("/ready", "state of the server: 200 if it is LIVE, otherwise 503", ADMIN_GET,
	     fill_ready, NULL),
	PAGE("/reopen_logs", "open log files anew", ADMIN_POST, fill_reopen_logs, NULL),
	PAGE("/reset_counters", "set all counters to zero", ADMIN_POST, fill_reset_counters, NULL),
	PAGE("/runtime", "runtime layers", ADMIN_GET, admin_fill_runtime, NULL),
	PAGE("/sentinel", "Sentinel's applications, rules and resources", ADMIN_GET,
	     admin_fill_sentinel,
	     PARAMS({"application", "only this one"}, {"filter", "resources with a match of it"},
		    {"format", "One of (json, html)"})),
	PAGE("/server_info", "version, state and options", ADMIN_GET, admin_fill_server_info, NULL),
	TAKING_PAGE(
		"/stats", "stats", ADMIN_GET, fill_stats,
		PARAMS({"usedonly", "only what was ever counted"}, {"filter", REGEX_HELP},
		       {"format", "One of (text, json, prometheus)"},
		       {"type", "One of (All, Counters, Histograms, Gauges, TextReadouts)"},
		       {"histogram_buckets", "One of (cumulative, disjoint, detailed, summary)"}),
		begin_stats, end_stats),
	TAKING_PAGE("/stats/prometheus", "stats in the format of Prometheus", ADMIN_GET, fill_stats,
		    PARAMS({"usedonly", "only what was ever counted"},
			   {"text_readouts", "texts too"}, {"filter", REGEX_HELP},
			   {"histogram_buckets", "One of (cumulative, summary)"}),
		    begin_stats_prometheus, end_stats),
	PAGE("/upgrade", "how it stands with a successor; POST starts one", ADMIN_GET,
	     admin_fill_upgrade, NULL),
};

const unsigned admin_page_count = COUNT_OF(admin_pages);

#include "base/log.h"
#include "server/admin.h"
#include "server/server.h"
#include "telemetry/stats_page.h"

static void fill_ready(struct admin_request *request)
{
	static const char *const names[] = {"LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING"};
	const struct server *server = request->server;
	enum server_state state = server->state;

	if (state == SERVER_LIVE && server->is_health_check_failing)
		state = SERVER_DRAINING;
	if (state != SERVER_LIVE)
		request->status = 503;
	text_printf(&request->body, "%s\n", names[state]);
}

static void stats(struct admin_request *request, enum stats_format format)
{
	struct stats_page page = {0};

	if (stats_page_parse(request->query, format, &page, &request->body)) {
		request->status = 400;
		return;
	}
	request->content_type = stats_page_content_type(&page);
	stats_page_write(request->server->stats, &page, &request->body);
}

static void fill_stats(struct admin_request *request)
{
	stats(request, STATS_TEXT);
}

static void fill_stats_prometheus(struct admin_request *request)
{
	stats(request, STATS_PROMETHEUS);
}

static void fill_quit(struct admin_request *request)
{
	text_add(&request->body, SLICE("OK\n"));
	server_stop(request->server);
}

static void fill_reset_counters(struct admin_request *request)
{
	stats_reset_counters(request->server->stats);
	text_add(&request->body, SLICE("OK\n"));
}

static void fill_drain_listeners(struct admin_request *request)
{
	server_drain_listeners(request->server, admin_query(request, SLICE("inboundonly")).data,
			       admin_query(request, SLICE("graceful")).data);
	text_add(&request->body, SLICE("OK\n"));
}

static void fill_health_fail(struct admin_request *request)
{
	request->server->is_health_check_failing = true;
	text_add(&request->body, SLICE("OK\n"));
}

static void fill_health_ok(struct admin_request *request)
{
	request->server->is_health_check_failing = false;
	text_add(&request->body, SLICE("OK\n"));
}

const struct admin_page admin_pages[] = {
	{"/drain_listeners", "drain listeners", true, fill_drain_listeners},
	{"/healthcheck/fail", "cause the server to fail health checks", true, fill_health_fail},
	{"/healthcheck/ok", "cause the server to pass health checks", true, fill_health_ok},
	{"/quitquitquit", "exit the server", true, fill_quit},
	{"/ready", "print server state, return 200 if LIVE, otherwise return 503", false,
	 fill_ready},
	{"/reset_counters", "reset all counters to zero", true, fill_reset_counters},
	{"/stats", "print server stats", false, fill_stats},
	{"/stats/prometheus", "print server stats in prometheus format", false,
	 fill_stats_prometheus},
};

const unsigned admin_page_count = COUNT_OF(admin_pages);

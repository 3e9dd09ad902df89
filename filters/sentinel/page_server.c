/* The token server that an application is, as both kinds of the admin page /sentinel show it. */
#include "filters/sentinel/application.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster/token_server.h"
#include "filters/sentinel/cluster_client.h"
#include "filters/sentinel/ops/command.h"
#include "filters/sentinel/page.h"

static const char *state_name(enum token_server_state state)
{
	switch (state) {
	case TOKEN_SERVER_OFF:
		return "OFF";
	case TOKEN_SERVER_STARTING:
		return "STARTING";
	case TOKEN_SERVER_STARTED:
		break;
	}
	return "STARTED";
}

static void note_name_space(struct sentinel_page_name_space *seen, struct token_name_space *own,
			    struct arena *arena, int64_t now_ms)
{
	*seen = (struct sentinel_page_name_space){
		.name = arena_slice(arena, own->name),
		.is_served = own->is_served,
		.clients = own->connected,
		.qps = token_name_space_qps(own, now_ms),
	};
	for (int kind = 0; kind < TOKEN_KINDS; kind++) {
		const struct token_rules *rules = own->rules[kind];
		seen->rules += rules ? rules->count : 0;
		seen->rejected += rules ? rules->rejected : 0;
		if (rules && rules->rejected && !seen->fault.len)
			seen->fault = arena_slice(arena, slice_of(rules->first_fault));
	}
}

static void note_name_spaces(struct sentinel_page_server *server, struct token_arbiter *arbiter,
			     struct arena *arena, int64_t now_ms)
{
	struct list_node *list = &arbiter->name_spaces;
	struct sentinel_page_name_space *seen =
		ARENA_NEW_ARRAY(arena, struct sentinel_page_name_space, arbiter->by_name.count);

	for (struct list_node *n = list->next; n != list; n = n->next)
		note_name_space(&seen[server->name_space_count++],
				container_of(n, struct token_name_space, link), arena, now_ms);
	server->name_spaces = seen;
}

static void note_flow(struct sentinel_page_flow *seen, struct token_flow *flow, struct arena *arena,
		      int64_t now_ms)
{
	*seen = (struct sentinel_page_flow){
		.kind = flow->kind == TOKEN_KIND_FLOW ? RULE_FLOW : RULE_PARAM_FLOW,
		.id = flow->rule.flow_id,
		.resource = arena_slice(arena, flow->rule.resource),
		.name_space = arena_slice(arena, flow->name_space->name),
		.count = flow->rule.count,
		.is_for_each = flow->rule.threshold_type != TOKEN_THRESHOLD_GLOBAL,
		.pass = flow->totals.pass,
		.block = flow->totals.block,
		.waiting = flow->totals.waiting,
	};
	if (flow->metric) {
		seen->pass_qps = token_metric_average(flow->metric, TOKEN_EVENT_PASS, now_ms);
		seen->block_qps = token_metric_average(flow->metric, TOKEN_EVENT_BLOCK, now_ms);
	}
}

static void note_flows(struct sentinel_page_server *server, struct token_arbiter *arbiter,
		       const struct regex *names, struct arena *arena, int64_t now_ms)
{
	struct list_node *list = &arbiter->flows.list;
	struct sentinel_page_flow *seen =
		ARENA_NEW_ARRAY(arena, struct sentinel_page_flow, arbiter->flows.count);

	for (struct list_node *n = list->next; n != list; n = n->next) {
		struct token_flow *flow = container_of(n, struct token_flow, link);
		if (sentinel_page_shows(names, flow->rule.resource))
			note_flow(&seen[server->flow_count++], flow, arena, now_ms);
	}
	server->flows = seen;
}

bool sentinel_page_find_server(struct sentinel_page_server *server,
			       const struct sentinel_application *application,
			       const struct regex *names, struct arena *arena)
{
	struct command_cluster cluster;
	char address[ADDR_TEXT_MAX];

	*server = (struct sentinel_page_server){.state = NULL};
	cluster_client_view(application->cluster, &cluster);
	if (!cluster.is_server_available)
		return false;
	struct token_server *tokens = cluster.tokens;
	int64_t now_ms = token_server_now_ms(tokens);
	token_server_lock(tokens);
	size_t len = addr_format(tokens->state == TOKEN_SERVER_STARTED ? &tokens->bound
								       : &tokens->wanted.addr,
				 address);
	server->state = state_name(tokens->state);
	server->address = arena_slice(arena, slice_make(address, len));
	server->connections = tokens->session_count;
	note_name_spaces(server, &tokens->arbiter, arena, now_ms);
	note_flows(server, &tokens->arbiter, names, arena, now_ms);
	token_server_unlock(tokens);
	return true;
}

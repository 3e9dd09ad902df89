/* Commands that show the token server which the application may be: what it serves and for whom, as
 * Java's embedded one does. */
#include <inttypes.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster/token_server.h"
#include "filters/sentinel/cluster/token_values.h"
#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/ops/java_text.h"
#include "filters/sentinel/ops/rule_text.h"

enum { TOP_VALUES = 5 };

/* A comma, unless the array or object has just begun. */
static void next(struct text *out)
{
	char last = out->len ? out->data[out->len - 1] : '[';

	if (last != '[' && last != '{')
		text_add(out, SLICE(","));
}

/* --- what it is told --- */

static void put_flow_config(struct text *out, const struct token_arbiter_config *config)
{
	text_add(out, SLICE("\"flow\":{\"exceedCount\":"));
	java_text_double(out, config->exceed_count);
	text_printf(out, ",\"intervalMs\":%d,\"maxAllowedQps\":", config->interval_ms);
	java_text_double(out, config->max_allowed_qps);
	text_add(out, SLICE(",\"maxOccupyRatio\":"));
	java_text_double(out, config->max_occupy_ratio);
	text_printf(out, ",\"namespace\":\"default\",\"sampleCount\":%d}", config->sample_count);
}

/* The port that is listened on, if there is one. */
static unsigned port_of(const struct token_server *tokens)
{
	return tokens->state == TOKEN_SERVER_STARTED ? tokens->bound.port
						     : tokens->wanted.addr.port;
}

static void put_transport(struct text *out, const struct token_server *tokens)
{
	text_printf(out, "\"transport\":{\"idleSeconds\":%u,\"port\":%u}",
		    tokens->wanted.idle_ms / 1000, port_of(tokens));
}

/* The next name space that is served. */
static struct token_name_space *next_served(struct token_arbiter *arbiter, struct list_node **at)
{
	while ((*at = (*at)->next) != &arbiter->name_spaces) {
		struct token_name_space *own = container_of(*at, struct token_name_space, link);
		if (own->is_served)
			return own;
	}
	return NULL;
}

static void put_name_spaces(struct text *out, struct token_arbiter *arbiter)
{
	struct list_node *at = &arbiter->name_spaces;
	const struct token_name_space *own;

	text_add(out, SLICE("\"namespaceSet\":["));
	while ((own = next_served(arbiter, &at))) {
		next(out);
		text_add_json(out, own->name);
	}
	text_add(out, SLICE("]"));
}

/* Of all name spaces: Java has none for a single one either. */
void command_fetch_server_config(const struct command_context *context,
				 const struct command_request *request,
				 struct command_answer *answer)
{
	struct token_server *tokens = context->cluster.tokens;
	struct text *out = &answer->body;
	bool is_global = !command_parameter(request, SLICE("namespace")).len;

	token_server_lock(tokens);
	text_add(out, SLICE("{"));
	put_flow_config(out, &tokens->arbiter.config);
	if (is_global) {
		text_add(out, SLICE(","));
		put_transport(out, tokens);
		text_add(out, SLICE(","));
		put_name_spaces(out, &tokens->arbiter);
	}
	text_add(out, SLICE("}"));
	token_server_unlock(tokens);
}

/* --- whom it serves --- */

static void put_client(struct text *out, struct slice address, struct slice host)
{
	next(out);
	text_add(out, SLICE("{\"address\":"));
	text_add_json(out, address);
	text_add(out, SLICE(",\"host\":"));
	text_add_json(out, host);
	text_add(out, SLICE("}"));
}

/* ip: the application's own, by which it is shown as its own client. */
static void put_group(struct text *out, const struct token_server *tokens,
		      const struct token_name_space *own, const char *ip)
{
	next(out);
	text_printf(out, "{\"connectedCount\":%u,\"connectionSet\":[", own->connected);
	if (tokens->own == own)
		put_client(out, slice_of(ip), slice_of(ip));
	for (const struct list_node *n = tokens->sessions.next; n != &tokens->sessions;
	     n = n->next) {
		const struct token_session *session = container_of(n, struct token_session, link);
		char address[ADDR_TEXT_MAX], host[ADDR_TEXT_MAX];
		if (session->name_space != own)
			continue;
		size_t len = addr_format(&session->remote, address);
		put_client(out, slice_make(address, len),
			   slice_make(host, addr_format_ip(&session->remote, host)));
	}
	text_add(out, SLICE("],\"namespace\":"));
	text_add_json(out, own->name);
	text_add(out, SLICE("}"));
}

static void put_limit(struct text *out, const struct token_arbiter *arbiter,
		      struct token_name_space *own, int64_t now_ms)
{
	next(out);
	text_add(out, SLICE("{\"currentQps\":"));
	java_text_double(out, token_name_space_qps(own, now_ms));
	text_add(out, SLICE(",\"maxAllowedQps\":"));
	java_text_double(out, arbiter->config.max_allowed_qps);
	text_add(out, SLICE(",\"namespace\":"));
	text_add_json(out, own->name);
	text_add(out, SLICE("}"));
}

static void put_clients(struct text *out, struct token_server *tokens, const char *ip)
{
	struct token_arbiter *arbiter = &tokens->arbiter;
	struct list_node *at = &arbiter->name_spaces;
	int64_t now_ms = token_server_now_ms(tokens);
	struct token_name_space *own;

	text_add(out, SLICE("\"connection\":["));
	while ((own = next_served(arbiter, &at)))
		put_group(out, tokens, own, ip);
	text_add(out, SLICE("],\"requestLimitData\":["));
	at = &arbiter->name_spaces;
	while ((own = next_served(arbiter, &at)))
		put_limit(out, arbiter, own, now_ms);
	text_add(out, SLICE("],"));
}

void command_server_info(const struct command_context *context,
			 const struct command_request *request, struct command_answer *answer)
{
	struct token_server *tokens = context->cluster.tokens;
	struct text *out = &answer->body;

	(void)request;
	token_server_lock(tokens);
	text_add(out, SLICE("{\"appName\":"));
	text_add_json(out, context->cluster.application);
	text_add(out, SLICE(","));
	put_clients(out, tokens, context->ip);
	text_add(out, SLICE("\"embedded\":true,"));
	put_flow_config(out, &tokens->arbiter.config);
	text_add(out, SLICE(","));
	put_name_spaces(out, &tokens->arbiter);
	text_printf(out, ",\"port\":%u,", port_of(tokens));
	put_transport(out, tokens);
	text_add(out, SLICE("}"));
	token_server_unlock(tokens);
}

/* --- rules and what they did --- */

/* The next flow of that kind, and of that name space if one is named. */
static struct token_flow *next_flow(struct token_arbiter *arbiter, struct list_node **at,
				    enum token_kind kind, struct slice name)
{
	while ((*at = (*at)->next) != &arbiter->flows.list) {
		struct token_flow *flow = container_of(*at, struct token_flow, link);
		if (flow->kind == kind && (!name.len || slice_equal(flow->name_space->name, name)))
			return flow;
	}
	return NULL;
}

static void put_rules(struct token_server *tokens, enum token_kind kind, struct slice name,
		      struct text *out)
{
	struct token_arbiter *arbiter = &tokens->arbiter;
	struct list_node *at = &arbiter->flows.list;
	struct rule_list list = {0};
	struct token_flow *flow;
	struct arena arena;

	arena_init(&arena, 4096);
	token_server_lock(tokens);
	struct flow_rule *flows = ARENA_NEW_ARRAY(&arena, struct flow_rule, arbiter->flows.count);
	struct param_flow_rule *params =
		ARENA_NEW_ARRAY(&arena, struct param_flow_rule, arbiter->flows.count);
	while ((flow = next_flow(arbiter, &at, kind, name)))
		if (kind == TOKEN_KIND_FLOW)
			flows[list.flow_count++] = *flow->rule.flow;
		else
			params[list.param_count++] = *flow->rule.param;
	list.flow = flows;
	list.param = params;
	rule_text_put(out, kind == TOKEN_KIND_FLOW ? RULE_FLOW : RULE_PARAM_FLOW, &list);
	token_server_unlock(tokens);
	arena_free(&arena);
}

void command_server_flow_rules(const struct command_context *context,
			       const struct command_request *request, struct command_answer *answer)
{
	put_rules(context->cluster.tokens, TOKEN_KIND_FLOW,
		  command_parameter(request, SLICE("namespace")), &answer->body);
}

void command_server_param_rules(const struct command_context *context,
				const struct command_request *request,
				struct command_answer *answer)
{
	put_rules(context->cluster.tokens, TOKEN_KIND_PARAM,
		  command_parameter(request, SLICE("namespace")), &answer->body);
}

static void put_top_values(struct text *out, const struct token_flow *flow, int64_t now_ms)
{
	struct token_top_value top[TOP_VALUES];
	size_t count = token_values_top(flow->values, now_ms, top, TOP_VALUES);

	text_add(out, SLICE(",\"topParams\":{"));
	for (size_t i = 0; i < count; i++) {
		next(out);
		text_add_json(out, slice_of(top[i].text));
		text_add(out, SLICE(":"));
		java_text_double(out, top[i].average);
	}
	text_add(out, SLICE("}"));
}

static void put_metric(struct text *out, struct token_flow *flow, int64_t now_ms)
{
	double pass = 0, block = 0;

	if (flow->metric) {
		pass = token_metric_average(flow->metric, TOKEN_EVENT_PASS, now_ms);
		block = token_metric_average(flow->metric, TOKEN_EVENT_BLOCK, now_ms);
	}
	next(out);
	text_add(out, SLICE("{\"blockQps\":"));
	java_text_double(out, block);
	text_printf(out, ",\"flowId\":%" PRId64 ",\"passQps\":", flow->rule.flow_id);
	java_text_double(out, pass);
	text_add(out, SLICE(",\"resourceName\":"));
	text_add_json(out, flow->rule.resource);
	text_printf(out, ",\"rt\":0,\"timestamp\":%" PRId64, now_ms);
	if (flow->values)
		put_top_values(out, flow, now_ms);
	text_add(out, SLICE("}"));
}

/* The flows of a resource. */
struct flow_group {
	struct token_flow *flow;
	struct flow_group *next;
};

static void group(struct token_arbiter *arbiter, struct slice name, struct map *by_resource)
{
	struct token_flow *flow;

	for (int kind = 0; kind < TOKEN_KINDS; kind++) {
		struct list_node *at = &arbiter->flows.list;
		while ((flow = next_flow(arbiter, &at, (enum token_kind)kind, name))) {
			struct map_entry *entry = map_at(by_resource, flow->rule.resource, NULL);
			struct flow_group *own = ARENA_NEW(by_resource->arena, struct flow_group);
			*own = (struct flow_group){flow, entry->value};
			entry->value = own;
		}
	}
}

static void put_metrics(struct text *out, struct token_server *tokens, struct slice name)
{
	int64_t now_ms = token_server_now_ms(tokens);
	struct map by_resource;
	struct arena arena;

	arena_init(&arena, 4096);
	map_init(&by_resource, &arena);
	group(&tokens->arbiter, name, &by_resource);
	text_add(out, SLICE("{"));
	for (struct map_entry *e = NULL; (e = map_next(&by_resource, e));) {
		next(out);
		text_add_json(out, e->key);
		text_add(out, SLICE(":["));
		for (const struct flow_group *own = e->value; own; own = own->next)
			put_metric(out, own->flow, now_ms);
		text_add(out, SLICE("]"));
	}
	text_add(out, SLICE("}"));
	arena_free(&arena);
}

void command_server_metrics(const struct command_context *context,
			    const struct command_request *request, struct command_answer *answer)
{
	struct slice name = command_parameter(request, SLICE("namespace"));
	struct token_server *tokens = context->cluster.tokens;

	if (!name.len) {
		command_fail(answer, SLICE("failed: namespace cannot be empty"));
		return;
	}
	token_server_lock(tokens);
	put_metrics(&answer->body, tokens, name);
	token_server_unlock(tokens);
}

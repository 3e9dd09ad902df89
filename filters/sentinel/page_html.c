/* The admin page /sentinel as tables. */
#include <stdlib.h>

#include "filters/sentinel/application.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/page.h"
#include "filters/sentinel/rules.h"

#define HEAD                                                                                       \
	"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Sentinel</title><style>"      \
	"body{font-family:sans-serif}table{border-collapse:collapse}"                              \
	"td,th{border:1px solid #ccc;padding:2px 8px;text-align:right}"                            \
	"td:first-child,th:first-child{text-align:left}</style></head><body>\n"
#define COLUMNS                                                                                    \
	"<table>\n<tr><th>resource</th><th>threads</th><th>pass/s</th><th>block/s</th>"            \
	"<th>errors/s</th><th>rt ms</th><th>pass/min</th><th>block/min</th><th>errors/min</th>"    \
	"<th>rules</th><th>breakers</th></tr>\n"
#define RULE_COLUMNS                                                                               \
	"<table>\n<tr><th>resource</th><th>kind</th><th>limit app</th><th>rule</th>"               \
	"<th>blocked</th></tr>\n"

#define NAME_SPACE_COLUMNS                                                                         \
	"<table>\n<tr><th>namespace</th><th>clients</th><th>questions/s</th><th>rules</th>"        \
	"<th>left out</th></tr>\n"
#define FLOW_COLUMNS                                                                               \
	"<table>\n<tr><th>resource</th><th>kind</th><th>flow id</th><th>namespace</th>"            \
	"<th>count</th><th>pass/s</th><th>block/s</th><th>pass</th><th>block</th><th>waiting</th>" \
	"</tr>\n"

static void put_html(struct text *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		switch (text.data[i]) {
		case '<':
			text_add(out, SLICE("&lt;"));
			break;
		case '>':
			text_add(out, SLICE("&gt;"));
			break;
		case '&':
			text_add(out, SLICE("&amp;"));
			break;
		case '"':
			text_add(out, SLICE("&quot;"));
			break;
		default:
			text_add(out, slice_sub(text, i, i + 1));
			break;
		}
}

static void put_breakers(struct text *out, const struct resource_rules *rules)
{
	for (uint32_t i = 0; i < rules->degrade_count; i++)
		text_printf(out, "%s%s", i ? ", " : "",
			    breaker_state_name(circuit_breaker_state(rules->degrade[i].breaker)));
}

/* rules NULL: it has none of its own. */
static void put_row(struct text *out, struct slice name, struct node *node,
		    const struct resource_rules *rules, int64_t now_ms)
{
	struct node_view view;

	node_view(node, now_ms, &view);
	text_add(out, SLICE("<tr><td>"));
	put_html(out, name);
	text_printf(out, "</td><td>%lld</td><td>%.0f</td><td>%.0f</td><td>%.0f</td><td>%.1f</td>",
		    (long long)view.threads, view.pass_qps, view.block_qps, view.exception_qps,
		    view.avg_rt);
	text_printf(out, "<td>%llu</td><td>%llu</td><td>%llu</td>",
		    (unsigned long long)view.minute_pass, (unsigned long long)view.minute_block,
		    (unsigned long long)view.minute_exception);
	text_printf(out, "<td>%u</td><td>",
		    rules ? rules->flow_count + rules->degrade_count + rules->param_count +
				    rules->authority_count
			  : 0);
	if (rules)
		put_breakers(out, rules);
	text_add(out, SLICE("</td></tr>\n"));
}

static void put_rejections(struct text *out, const struct sentinel_rules *rules)
{
	text_printf(out, "<p>%u rules, %u left out</p>\n", rules->loaded, rules->rejected);
	if (!rules->rejections)
		return;
	text_add(out, SLICE("<ul>\n"));
	for (const struct sentinel_rejection *r = rules->rejections; r; r = r->next) {
		text_printf(out, "<li>rule %u of ", r->index);
		put_html(out, slice_of(r->source));
		text_add(out, SLICE(": "));
		put_html(out, slice_of(r->reason));
		text_add(out, SLICE("</li>\n"));
	}
	text_add(out, SLICE("</ul>\n"));
}

static void put_rule(void *arg, const struct sentinel_page_rule *rule)
{
	struct text *out = arg;

	text_add(out, SLICE("<tr><td>"));
	put_html(out, rule->resource);
	text_printf(out, "</td><td>%s</td><td>", rule_kind_name(rule->kind));
	put_html(out, rule->limit_app);
	text_add(out, SLICE("</td><td>"));
	put_html(out, rule->text);
	text_add(out, SLICE("</td><td>"));
	if (rule->is_counted)
		text_add_number(out, rule->blocked);
	text_add(out, SLICE("</td></tr>\n"));
}

static void put_name_space(struct text *out, const struct sentinel_page_name_space *own)
{
	text_add(out, SLICE("<tr><td>"));
	put_html(out, own->name);
	text_printf(out, "%s</td><td>%u</td><td>%.0f</td><td>%u</td><td>%u ",
		    own->is_served ? "" : " (not served)", own->clients, own->qps, own->rules,
		    own->rejected);
	put_html(out, own->fault);
	text_add(out, SLICE("</td></tr>\n"));
}

static void put_flow(struct text *out, const struct sentinel_page_flow *flow)
{
	text_add(out, SLICE("<tr><td>"));
	put_html(out, flow->resource);
	text_printf(out, "</td><td>%s</td><td>%lld</td><td>", rule_kind_name(flow->kind),
		    (long long)flow->id);
	put_html(out, flow->name_space);
	text_printf(out, "</td><td>%g%s</td><td>%.0f</td><td>%.0f</td>", flow->count,
		    flow->is_for_each ? " for each client" : "", flow->pass_qps, flow->block_qps);
	text_printf(out, "<td>%llu</td><td>%llu</td><td>%llu</td></tr>\n",
		    (unsigned long long)flow->pass, (unsigned long long)flow->block,
		    (unsigned long long)flow->waiting);
}

static void put_server(struct text *out, const struct sentinel_application *application,
		       const struct regex *names)
{
	struct sentinel_page_server server;
	struct arena arena;

	arena_init(&arena, 4096);
	if (sentinel_page_find_server(&server, application, names, &arena)) {
		text_printf(out, "<h3>token server</h3>\n<p>%s, %.*s, %u connections</p>\n",
			    server.state, SLICE_FMT(server.address), server.connections);
		text_add(out, SLICE(NAME_SPACE_COLUMNS));
		for (size_t i = 0; i < server.name_space_count; i++)
			put_name_space(out, &server.name_spaces[i]);
		text_add(out, SLICE("</table>\n" FLOW_COLUMNS));
		for (size_t i = 0; i < server.flow_count; i++)
			put_flow(out, &server.flows[i]);
		text_add(out, SLICE("</table>\n"));
	}
	arena_free(&arena);
}

static void put_application(struct text *out, const struct sentinel_application *application,
			    const struct sentinel_page_options *options)
{
	struct sentinel *core = application->core;
	const struct sentinel_rules *rules = application->rules;
	int64_t now_ms = (int64_t)(*application->all->wall_ns / 1000000);
	struct sentinel_page_resources found;

	text_add(out, SLICE("<h2>"));
	put_html(out, application->name);
	text_add(out, SLICE("</h2>\n"));
	if (rules)
		put_rejections(out, rules);
	text_add(out, SLICE(COLUMNS));
	put_row(out, SLICE("(inbound)"), core->entrance, NULL, now_ms);
	sentinel_page_find(&found, core, options->names);
	for (size_t i = 0; i < found.count; i++)
		put_row(out, found.items[i]->entry.name, found.items[i]->cluster,
			rules ? rule_set_of(rules->set, found.items[i]) : NULL, now_ms);
	free(found.items);
	text_add(out, SLICE("</table>\n"));
	if (rules) {
		text_add(out, SLICE(RULE_COLUMNS));
		sentinel_page_each_rule(application, options->names, put_rule, out);
		text_add(out, SLICE("</table>\n"));
	}
	put_server(out, application, options->names);
}

void sentinel_page_write_html(struct text *out, const struct sentinel_applications *all,
			      const struct sentinel_page_options *options)
{
	text_add(out, SLICE(HEAD));
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		const struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		if (!options->application.data ||
		    slice_equal(options->application, application->name))
			put_application(out, application, options);
	}
	text_add(out, SLICE("</body></html>\n"));
}

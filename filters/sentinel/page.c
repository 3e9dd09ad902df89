#include "filters/sentinel/page.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "filters/sentinel/application.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/rules.h"

struct page {
	struct text *out;
	const struct sentinel_page_options *options;
	int64_t now_ms;
	bool has_items; /* in the list or object that is open */
};

/* --- JSON --- */

static void put_key(struct page *page, const char *key)
{
	text_printf(page->out, page->has_items ? "," : "");
	page->has_items = true;
	if (key)
		text_printf(page->out, "\"%s\":", key);
}

static void open_item(struct page *page, const char *key, const char *bracket)
{
	put_key(page, key);
	text_add(page->out, slice_of(bracket));
	page->has_items = false;
}

static void close_item(struct page *page, const char *bracket)
{
	text_add(page->out, slice_of(bracket));
	page->has_items = true;
}

static void put_text(struct page *page, const char *key, struct slice value)
{
	put_key(page, key);
	text_add_json(page->out, value);
}

static void put_count(struct page *page, const char *key, uint64_t value)
{
	put_key(page, key);
	text_add_number(page->out, value);
}

static void put_real(struct page *page, const char *key, double value)
{
	put_key(page, key);
	text_add_double(page->out, isfinite(value) ? value : 0);
}

static void put_bool(struct page *page, const char *key, bool value)
{
	put_key(page, key);
	text_add(page->out, value ? SLICE("true") : SLICE("false"));
}

/* --- resources --- */

static void put_node(struct page *page, struct node *node)
{
	struct node_view view;

	node_view(node, page->now_ms, &view);
	put_count(page, "threads", (uint64_t)(view.threads > 0 ? view.threads : 0));
	put_real(page, "pass_qps", view.pass_qps);
	put_real(page, "block_qps", view.block_qps);
	put_real(page, "success_qps", view.success_qps);
	put_real(page, "exception_qps", view.exception_qps);
	put_real(page, "average_rt_ms", view.avg_rt);
	put_count(page, "minute_pass", view.minute_pass);
	put_count(page, "minute_block", view.minute_block);
	put_count(page, "minute_exception", view.minute_exception);
}

static void put_rules(struct page *page, const struct resource_rules *rules)
{
	put_count(page, "flow_rules", rules->flow_count);
	put_count(page, "degrade_rules", rules->degrade_count);
	put_count(page, "param_flow_rules", rules->param_count);
	put_count(page, "authority_rules", rules->authority_count);
	if (!rules->degrade_count)
		return;
	open_item(page, "breakers", "[");
	for (uint32_t i = 0; i < rules->degrade_count; i++) {
		put_key(page, NULL);
		text_add_json(page->out, slice_of(breaker_state_name(circuit_breaker_state(
						 rules->degrade[i].breaker))));
	}
	close_item(page, "]");
}

static void put_resource(struct page *page, const struct resource *resource, struct rule_set *set)
{
	open_item(page, NULL, "\n   {");
	put_text(page, "name", resource->entry.name);
	put_count(page, "type", resource->type);
	put_node(page, resource->cluster);
	if (set)
		put_rules(page, rule_set_of(set, resource));
	close_item(page, "}");
}

static int by_id(const void *a, const void *b)
{
	const struct resource *const *x = a, *const *y = b;
	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

void sentinel_page_find(struct sentinel_page_resources *found, const struct sentinel *core,
			const struct regex *names)
{
	size_t room = core->options.resources_max;

	*found = (struct sentinel_page_resources){
		.items = calloc(room, sizeof(struct resource *)),
	};
	invariant(found->items);
	for (struct name_entry *e = NULL;
	     found->count < room && (e = name_table_next(&core->resources, e));)
		if (sentinel_page_shows(names, e->name))
			found->items[found->count++] = (const struct resource *)(const void *)e;
	if (found->count)
		qsort(found->items, found->count, sizeof *found->items, by_id);
}

static void put_resources(struct page *page, const struct sentinel *core, struct rule_set *set)
{
	struct sentinel_page_resources found;

	sentinel_page_find(&found, core, page->options->names);
	open_item(page, "resources", "[");
	for (size_t i = 0; i < found.count; i++)
		put_resource(page, found.items[i], set);
	close_item(page, "]");
	free(found.items);
}

/* --- applications --- */

static void put_rejections(struct page *page, const struct sentinel_rules *rules)
{
	open_item(page, "rejected", "[");
	for (const struct sentinel_rejection *r = rules->rejections; r; r = r->next) {
		open_item(page, NULL, "\n   {");
		put_text(page, "kind", slice_of(rule_kind_name(r->kind)));
		put_text(page, "source", slice_of(r->source));
		put_count(page, "index", r->index);
		put_text(page, "reason", slice_of(r->reason));
		close_item(page, "}");
	}
	close_item(page, "]");
}

static void put_rule(void *arg, const struct sentinel_page_rule *rule)
{
	struct page *page = arg;

	open_item(page, NULL, "\n   {");
	put_text(page, "kind", slice_of(rule_kind_name(rule->kind)));
	put_text(page, "resource", rule->resource);
	put_text(page, "limit_app", rule->limit_app);
	put_key(page, "rule");
	text_add(page->out, rule->text);
	if (rule->is_counted)
		put_count(page, "blocked", rule->blocked);
	close_item(page, "}");
}

static void put_name_space(struct page *page, const struct sentinel_page_name_space *own)
{
	open_item(page, NULL, "\n   {");
	put_text(page, "name", own->name);
	put_bool(page, "served", own->is_served);
	put_count(page, "clients", own->clients);
	put_real(page, "qps", own->qps);
	put_count(page, "rules", own->rules);
	put_count(page, "rejected", own->rejected);
	if (own->fault.len)
		put_text(page, "fault", own->fault);
	close_item(page, "}");
}

static void put_flow(struct page *page, const struct sentinel_page_flow *flow)
{
	open_item(page, NULL, "\n   {");
	put_text(page, "kind", slice_of(rule_kind_name(flow->kind)));
	put_key(page, "flow_id");
	text_printf(page->out, "%" PRId64, flow->id);
	put_text(page, "namespace", flow->name_space);
	put_text(page, "resource", flow->resource);
	put_real(page, "count", flow->count);
	put_bool(page, "for_each_client", flow->is_for_each);
	put_count(page, "pass", flow->pass);
	put_count(page, "block", flow->block);
	put_count(page, "waiting", flow->waiting);
	if (flow->kind == RULE_FLOW) {
		put_real(page, "pass_qps", flow->pass_qps);
		put_real(page, "block_qps", flow->block_qps);
	}
	close_item(page, "}");
}

static void put_server(struct page *page, const struct sentinel_application *application)
{
	struct sentinel_page_server server;
	struct arena arena;

	arena_init(&arena, 4096);
	if (sentinel_page_find_server(&server, application, page->options->names, &arena)) {
		open_item(page, "token_server", "\n  {");
		put_text(page, "state", slice_of(server.state));
		put_text(page, "address", server.address);
		put_count(page, "connections", server.connections);
		open_item(page, "namespaces", "[");
		for (size_t i = 0; i < server.name_space_count; i++)
			put_name_space(page, &server.name_spaces[i]);
		close_item(page, "]");
		open_item(page, "flows", "[");
		for (size_t i = 0; i < server.flow_count; i++)
			put_flow(page, &server.flows[i]);
		close_item(page, "]");
		close_item(page, "}");
	}
	arena_free(&arena);
}

static void put_application(struct page *page, const struct sentinel_application *application)
{
	struct sentinel *core = application->core;
	const struct sentinel_rules *rules = application->rules;
	struct system_status status = sentinel_status(core);

	open_item(page, NULL, "\n {");
	put_text(page, "application", application->name);
	put_bool(page, "on", sentinel_is_on(core));
	put_real(page, "load", status.load);
	put_real(page, "cpu", status.cpu);
	put_count(page, "overflow", atomic_load_explicit(&core->overflows, memory_order_relaxed));
	open_item(page, "inbound", "\n  {");
	put_node(page, core->entrance);
	close_item(page, "}");
	if (rules) {
		open_item(page, "rules", "\n  {");
		put_count(page, "loaded", rules->loaded);
		put_rejections(page, rules);
		open_item(page, "in_force", "[");
		sentinel_page_each_rule(application, page->options->names, put_rule, page);
		close_item(page, "]");
		close_item(page, "}");
	}
	put_server(page, application);
	text_add(page->out, SLICE("\n "));
	put_resources(page, core, rules ? rules->set : NULL);
	close_item(page, "}");
}

void sentinel_page_write(struct text *out, const struct sentinel_applications *all,
			 const struct sentinel_page_options *options)
{
	struct page page = {
		.out = out, .options = options, .now_ms = (int64_t)(*all->wall_ns / 1000000)};

	open_item(&page, NULL, "{");
	open_item(&page, "applications", "[");
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		const struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		if (!options->application.data ||
		    slice_equal(options->application, application->name))
			put_application(&page, application);
	}
	close_item(&page, "]");
	close_item(&page, "}");
	text_add(out, SLICE("\n"));
}

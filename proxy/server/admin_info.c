/* Pages about the process: /server_info, /memory, /listeners, /runtime, /init_dump, /logging. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>

#include "base/log.h"
#include "message/percent.h"
#include "server/admin_json.h"
#include "server/admin_pages.h"
#include "server/server.h"
#include "server/version.h"

static void finish(struct admin_request *request, struct json *json)
{
	while (json->depth)
		json_close(json);
	text_add(&request->body, SLICE("\n"));
	request->content_type = "application/json";
}

/* --- /server_info --- */

static void put_seconds(struct json *json, const char *key, uint64_t seconds)
{
	char text[32];

	snprintf(text, sizeof text, "%llus", (unsigned long long)seconds);
	json_text(json, key, slice_of(text));
}

static void put_string(struct json *json, const char *key, const char *value)
{
	json_text(json, key, slice_of(value ? value : ""));
}

static void put_options(struct json *json, const struct server *server)
{
	static const char *const modes[] = {"Serve", "Validate", "InitOnly"};
	const struct options *options = server->options;
	char base_id[16];

	snprintf(base_id, sizeof base_id, "%u", options->base_id);
	json_open(json, "command_line_options", '{');
	put_string(json, "base_id", base_id);
	json_number(json, "concurrency", server->worker_count);
	put_string(json, "config_path", options->config_path);
	put_string(json, "config_yaml", options->config_yaml);
	json_bool(json, "allow_unknown_static_fields", options->allows_unknown_static);
	put_string(json, "admin_address_path", options->admin_address_path);
	put_string(json, "log_level", log_level_name(options->log_level));
	put_string(json, "component_log_level", options->component_log_level);
	put_string(json, "log_format",
		   options->log_format ? options->log_format : LOG_DEFAULT_FORMAT);
	put_string(json, "log_path", options->log_path);
	put_string(json, "service_cluster", options->service_cluster);
	put_string(json, "service_node", options->service_node);
	put_string(json, "service_zone", options->service_zone);
	put_seconds(json, "file_flush_interval", options->file_flush_interval_ms / 1000);
	put_seconds(json, "drain_time", options->drain_time_s);
	put_seconds(json, "parent_shutdown_time", options->parent_shutdown_time_s);
	put_string(json, "mode", modes[options->mode]);
	json_bool(json, "disable_hot_restart", options->disables_hot_restart);
	json_number(json, "restart_epoch", options->restart_epoch);
	json_bool(json, "reject_unknown_dynamic_fields", options->rejects_unknown_dynamic);
	json_bool(json, "ignore_unknown_dynamic_fields", options->ignores_unknown_dynamic);
	put_string(json, "drain_strategy", options->is_drain_gradual ? "Gradual" : "Immediate");
	json_number(json, "file_flush_min_size", options->file_flush_min_size_kb);
	json_close(json);
}

/* Ours: what the end waits for. */
static void put_drain(struct json *json, const struct drain_manager *drains)
{
	uint64_t now_ms = drains->wheel->now_ms;

	json_open(json, "drain", '{');
	put_seconds(json, "since", (now_ms - drains->began_ms) / 1000);
	put_seconds(json, "ends_within",
		    drains->deadline_ms > now_ms ? (drains->deadline_ms - now_ms + 999) / 1000 : 0);
	json_bool(json, "accepts", drains->state == DRAIN_ASKING);
	json_number(json, "connections_open", drains->look.open);
	json_open(json, "open", '{');
	for (unsigned i = 0; i < SERVED_PROTOCOLS; i++)
		json_number(json, drain_protocol_name(i), drains->look.by_protocol[i]);
	json_close(json);
	json_open(json, "waiting", '{');
	for (unsigned i = 0; i < SERVED_WAITS; i++)
		json_number(json, drain_wait_name(i), drains->look.by_wait[i]);
	json_close(json);
	json_close(json);
}

void admin_fill_server_info(struct admin_request *request)
{
	const struct server *server = request->server;
	const Envoy__Config__Core__V3__Node *node = server->bootstrap.message->node;
	struct json json = {.out = &request->body};
	uint64_t uptime = (server->loop.now_ns - server->start_ns) / 1000000000;

	json_open(&json, NULL, '{');
#ifdef NDEBUG
	put_string(&json, "version", "outrigger/" OUTRIGGER_VERSION "/Clean/RELEASE/OpenSSL");
#else
	put_string(&json, "version", "outrigger/" OUTRIGGER_VERSION "/Clean/DEBUG/OpenSSL");
#endif
	put_string(&json, "state", admin_state_name(server));
	put_seconds(&json, "uptime_current_epoch", uptime);
	put_seconds(&json, "uptime_all_epochs", uptime);
	put_string(&json, "hot_restart_version", "disabled");
	put_options(&json, server);
	if (node)
		json_message(&json, "node", &node->base, false);
	if (drain_manager_is_ending(&server->drains))
		put_drain(&json, &server->drains);
	finish(request, &json);
}

/* --- /memory --- */

/* 64-bit numbers are texts in the JSON form of protobuf. */
static void put_bytes(struct json *json, const char *key, uint64_t bytes)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
	json_text(json, key, slice_of(text));
}

static uint64_t resident_bytes(void)
{
	unsigned long long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%llu %llu", &pages, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void admin_fill_memory(struct admin_request *request)
{
	struct json json = {.out = &request->body};
	struct mallinfo2 heap = mallinfo2();

	json_open(&json, NULL, '{');
	put_bytes(&json, "allocated", heap.uordblks + heap.hblkhd);
	put_bytes(&json, "heap_size", heap.arena + heap.hblkhd);
	put_bytes(&json, "pageheap_unmapped", 0);
	put_bytes(&json, "pageheap_free", heap.keepcost);
	put_bytes(&json, "total_thread_cache", heap.fsmblks);
	put_bytes(&json, "total_physical_bytes", resident_bytes());
	finish(request, &json);
}

/* --- /listeners --- */

static void put_json_listener(struct json *json, const struct listener_record *record)
{
	const struct listener *listener = record->listener;

	json_open(json, NULL, '{');
	json_text(json, "name", record->name);
	json_address(json, "local_address", &listener->addrs[0]);
	if (listener->addr_count > 1) {
		json_open(json, "additional_local_addresses", '[');
		for (unsigned i = 1; i < listener->addr_count; i++)
			json_address(json, NULL, &listener->addrs[i]);
		json_close(json);
	}
	json_close(json);
}

static void put_listener(struct text *out, const struct listener_record *record)
{
	char address[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < record->listener->addr_count; i++) {
		addr_format(&record->listener->addrs[i], address);
		text_printf(out, "%.*s::%s\n", SLICE_FMT(record->name), address);
	}
}

void admin_fill_listeners(struct admin_request *request)
{
	const struct list_node *all = &request->server->listeners.records;
	bool is_json = slice_equal(admin_query(request, SLICE("format")), SLICE("json"));
	struct json json = {.out = &request->body};

	if (is_json)
		json_open(&json, NULL, '{');
	if (is_json && all->next != all)
		json_open(&json, "listener_statuses", '[');
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct listener_record *record =
			container_of(n, struct listener_record, link);
		if (is_json)
			put_json_listener(&json, record);
		else
			put_listener(&request->body, record);
	}
	if (is_json)
		finish(request, &json);
}

/* --- /runtime --- */

void admin_fill_runtime(struct admin_request *request)
{
	const Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime =
		request->server->bootstrap.message->layered_runtime;
	struct json json = {.out = &request->body};

	json_open(&json, NULL, '{');
	json_open(&json, "layers", '[');
	for (size_t i = 0; runtime && i < runtime->n_layers; i++)
		put_string(&json, NULL, runtime->layers[i]->name);
	json_close(&json);
	json_open(&json, "entries", '{'); /* no value is read at run time */
	finish(request, &json);
}

/* --- /init_dump --- */

static void open_targets(struct json *json, const char *manager, bool *is_open)
{
	if (*is_open)
		return;
	*is_open = true;
	json_open(json, NULL, '{');
	put_string(json, "name", manager);
	json_open(json, "target_names", '[');
}

static void close_targets(struct json *json, bool *is_open)
{
	if (!*is_open)
		return;
	*is_open = false;
	json_close(json);
	json_close(json);
}

static void put_target(struct json *json, const char *kind, struct slice name)
{
	char text[512];

	snprintf(text, sizeof text, "target %s%s%.*s", kind, name.len ? " " : "", SLICE_FMT(name));
	json_text(json, NULL, slice_of(text));
}

/* What hasn't had its first answer: subscriptions, and clusters without hosts. */
static void put_unready(struct json *json, const struct server *server)
{
	const struct list_node *all = &server->dynamic.subscriptions.list;
	bool is_open = false;

	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct subscription *sub = container_of(n, struct subscription, link);
		if (sub->is_known)
			continue;
		open_targets(json, "init manager Server", &is_open);
		put_target(json, sub->type->what, sub->name);
	}
	all = &server->clusters.records;
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct cluster_record *record = container_of(n, struct cluster_record, link);
		if (!record->is_warming)
			continue;
		open_targets(json, "init manager Server", &is_open);
		put_target(json, "cluster", record->name);
	}
	close_targets(json, &is_open);
}

void admin_fill_init_dump(struct admin_request *request)
{
	struct json json = {.out = &request->body};

	json_open(&json, NULL, '{');
	if (request->server->dynamic.subscriptions.due || request->server->clusters.warming) {
		json_open(&json, "unready_targets_dumps", '[');
		put_unready(&json, request->server);
	}
	finish(request, &json);
}

/* --- /logging --- */

static void put_levels(struct text *out)
{
	text_add(out, SLICE("active loggers:\n"));
	for (unsigned i = 0; i < LOG_COMPONENT_COUNT; i++)
		text_printf(out, "  %s: %s\n", log_component_name((enum log_component)i),
			    log_level_name(log_level_of((enum log_component)i)));
	text_add(out, SLICE("\n"));
}

static void refuse_logging(struct admin_request *request, const char *why)
{
	struct text *out = &request->body;

	request->status = 400;
	text_printf(out, "error: %s\n\n", why);
	text_add(out, SLICE("usage: /logging?<name>=<level> (one logger)\n"
			    "usage: /logging?paths=<name>:<level>,... (several loggers)\n"
			    "usage: /logging?level=<level> (all loggers)\n"
			    "levels: "));
	for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++)
		text_printf(out, "%s ", log_level_name((enum log_level)i));
	text_add(out, SLICE("\n"));
	put_levels(out);
}

static void set_one(struct admin_request *request, struct slice name, struct slice value)
{
	enum log_component component;
	enum log_level level;

	if (!log_component_parse(name, &component))
		refuse_logging(request, "unknown logger name");
	else if (!log_level_parse(value, &level))
		refuse_logging(request, "unknown logger level");
	else
		log_set_component_level(component, level);
}

static void set_levels(struct admin_request *request, struct slice name, struct slice value)
{
	struct diag diag = {0};
	enum log_level level;

	if (slice_equal(name, SLICE("level"))) {
		if (log_level_parse(value, &level))
			log_set_level(level);
		else
			refuse_logging(request, "unknown logger level");
	} else if (slice_equal(name, SLICE("paths")) || slice_equal(name, SLICE("group"))) {
		if (log_set_component_levels(value, &diag))
			refuse_logging(request, diag.text);
	} else {
		set_one(request, name, value);
	}
}

void admin_fill_logging(struct admin_request *request)
{
	struct slice query = request->query;
	struct arena arena;

	arena_init(&arena, 512);
	if (slice_find_char(query, '&', 0) < query.len) {
		refuse_logging(request, "invalid number of parameters");
	} else if (query.len) {
		size_t equals = slice_find_char(query, '=', 0);
		struct slice value =
			slice_sub(query, equals < query.len ? equals + 1 : equals, query.len);
		set_levels(request, slice_sub(query, 0, equals), percent_decode(value, &arena));
	}
	if (request->status == 200)
		put_levels(&request->body);
	arena_free(&arena);
}

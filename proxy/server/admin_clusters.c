/* /clusters: every cluster with its limits and its hosts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/regex.h"
#include "message/percent.h"
#include "server/admin_hosts.h"
#include "server/admin_json.h"
#include "server/admin_pages.h"
#include "server/server.h"
#include "upstream/host_set.h"
#include "upstream/labels.h"

enum status admin_regex(struct admin_request *request, struct slice name, struct arena *arena,
			const struct regex **regex)
{
	struct slice pattern = percent_decode(admin_query(request, name), arena);
	struct diag diag = {0};

	*regex = NULL;
	if (!pattern.len ||
	    !regex_compile(pattern, REGEX_MATCH | REGEX_REPLACE, arena, regex, &diag))
		return STATUS_OK;
	request->status = 400;
	request->content_type = "text/plain";
	text_printf(&request->body, "Error while parsing %.*s from %.*s: %s", SLICE_FMT(name),
		    SLICE_FMT(pattern), diag.text);
	return STATUS_INVALID;
}

static bool is_canary(const struct host_set *hosts, uint32_t index)
{
	const struct labels *labels = host_set_labels(hosts, index);
	const struct label *label =
		labels ? labels_find(labels, SLICE("envoy.lb"), SLICE("canary")) : NULL;
	return label && label->kind == LABEL_BOOL && label->truth;
}

/* --- text --- */

static void put_limits(struct text *out, struct slice name, const char *priority,
		       const struct breaker_limits *limits)
{
	text_printf(out, "%.*s::%s_priority::max_connections::%u\n", SLICE_FMT(name), priority,
		    limits->max_connections);
	text_printf(out, "%.*s::%s_priority::max_pending_requests::%u\n", SLICE_FMT(name), priority,
		    limits->max_pending);
	text_printf(out, "%.*s::%s_priority::max_requests::%u\n", SLICE_FMT(name), priority,
		    limits->max_requests);
	text_printf(out, "%.*s::%s_priority::max_retries::%u\n", SLICE_FMT(name), priority,
		    limits->max_retries);
}

/* Counters and gauges, in the order of their names. */
struct shown_count {
	const char *name;
	bool is_gauge;
	uint64_t value;
};

enum { SHOWN_COUNTS = 9 };

static void show_counts(const struct host_query *query, const struct host *host,
			struct shown_count *shown)
{
	struct host_counts c = host_query_find(query, host);
	const struct shown_count all[SHOWN_COUNTS] = {
		{"cx_active", true, c.cx_active},    {"cx_connect_fail", false, c.cx_connect_fail},
		{"cx_total", false, c.cx_total},     {"rq_active", true, c.rq_active},
		{"rq_error", false, c.rq_error},     {"rq_pending_active", true, c.rq_pending},
		{"rq_success", false, c.rq_success}, {"rq_timeout", false, c.rq_timeout},
		{"rq_total", false, c.rq_total},
	};
	memcpy(shown, all, sizeof all);
}

static void put_host(struct text *out, struct slice name, const struct host_set *hosts,
		     uint32_t index, const struct host_query *query)
{
	struct shown_count shown[SHOWN_COUNTS];
	const struct host *host = hosts->hosts[index];
	const struct locality *locality = host_set_locality(hosts, index);
	char address[ADDR_TEXT_MAX], flags[HOST_FLAGS_TEXT_MAX], prefix[ADDR_TEXT_MAX + 512];

	addr_format(&host->addr, address);
	host_flags_format(host_health(host), flags);
	snprintf(prefix, sizeof prefix, "%.*s::%s::", SLICE_FMT(name), address);
	show_counts(query, host, shown);
	for (unsigned i = 0; i < SHOWN_COUNTS; i++)
		text_printf(out, "%s%s::%llu\n", prefix, shown[i].name,
			    (unsigned long long)shown[i].value);
	text_printf(out, "%shostname::%.*s\n", prefix, SLICE_FMT(host_hostname(host)));
	text_printf(out, "%shealth_flags::%s\n", prefix, flags);
	text_printf(out, "%sweight::%u\n", prefix, host_set_shown_weight(hosts, index));
	text_printf(out, "%sregion::%.*s\n", prefix, SLICE_FMT(locality->region));
	text_printf(out, "%szone::%.*s\n", prefix, SLICE_FMT(locality->zone));
	text_printf(out, "%ssub_zone::%.*s\n", prefix, SLICE_FMT(locality->sub_zone));
	text_printf(out, "%scanary::%s\n", prefix, is_canary(hosts, index) ? "true" : "false");
	text_printf(out, "%spriority::%u\n", prefix, locality->priority);
	text_printf(out, "%ssuccess_rate::-1\n", prefix);
	text_printf(out, "%slocal_origin_success_rate::-1\n", prefix);
}

/* A cluster as it was when the page was asked for. */
struct shown_cluster {
	struct cluster *cluster; /* a reference */
	struct host_set *hosts;  /* likewise; NULL: none yet */
	bool is_static;
};

static void put_cluster(struct text *out, const struct shown_cluster *shown,
			const struct host_query *query)
{
	const struct cluster *cluster = shown->cluster;
	struct slice name = cluster->published.name;

	text_printf(out, "%.*s::observability_name::%.*s\n", SLICE_FMT(name),
		    SLICE_FMT(cluster->stat_name));
	put_limits(out, name, "default", &cluster->breakers[CLUSTER_PRIORITY_DEFAULT]);
	put_limits(out, name, "high", &cluster->breakers[CLUSTER_PRIORITY_HIGH]);
	text_printf(out, "%.*s::added_via_api::%s\n", SLICE_FMT(name),
		    shown->is_static ? "false" : "true");
	for (uint32_t i = 0; shown->hosts && i < shown->hosts->count; i++)
		put_host(out, name, shown->hosts, i, query);
}

/* --- JSON --- */

static void put_flag(struct json *json, const char *key, uint32_t health, uint32_t flag)
{
	if (health & flag)
		json_bool(json, key, true);
}

static void put_json_health(struct json *json, uint32_t health)
{
	const char *eds = health & HOST_DRAINING_EDS   ? "DRAINING"
			  : health & HOST_FAILED_EDS   ? "UNHEALTHY"
			  : health & HOST_DEGRADED_EDS ? "DEGRADED"
						       : "HEALTHY";

	json_open(json, "health_status", '{');
	put_flag(json, "failed_active_health_check", health, HOST_FAILED_ACTIVE_CHECK);
	put_flag(json, "failed_outlier_check", health, HOST_FAILED_OUTLIER_CHECK);
	json_text(json, "eds_health_status", slice_of(eds));
	put_flag(json, "failed_active_degraded_check", health, HOST_DEGRADED_ACTIVE_CHECK);
	put_flag(json, "pending_active_hc", health, HOST_PENDING_ACTIVE_CHECK);
	put_flag(json, "excluded_via_immediate_hc_fail", health, HOST_EXCLUDED);
	put_flag(json, "active_hc_timeout", health, HOST_CHECK_TIMEOUT);
	json_close(json);
}

static void put_name(struct json *json, const char *key, struct slice name)
{
	if (name.len)
		json_text(json, key, name);
}

/* Counters first, then gauges. */
static void put_json_counts(struct json *json, const struct host *host,
			    const struct host_query *query)
{
	struct shown_count shown[SHOWN_COUNTS];
	char value[24];

	show_counts(query, host, shown);
	json_open(json, "stats", '[');
	for (unsigned i = 0; i < 2 * SHOWN_COUNTS; i++) {
		const struct shown_count *count = &shown[i % SHOWN_COUNTS];
		if (count->is_gauge != (i >= SHOWN_COUNTS))
			continue;
		json_open(json, NULL, '{');
		if (count->is_gauge)
			json_text(json, "type", SLICE("GAUGE"));
		snprintf(value, sizeof value, "%llu", (unsigned long long)count->value);
		if (count->value)
			json_text(json, "value", slice_of(value));
		json_text(json, "name", slice_of(count->name));
		json_close(json);
	}
	json_close(json);
}

static void put_json_host(struct json *json, const struct host_set *hosts, uint32_t index,
			  const struct host_query *query)
{
	const struct host *host = hosts->hosts[index];
	const struct locality *locality = host_set_locality(hosts, index);

	json_open(json, NULL, '{');
	json_address(json, "address", &host->addr);
	put_json_counts(json, host, query);
	put_json_health(json, host_health(host));
	put_name(json, "hostname", host_hostname(host));
	json_number(json, "weight", host_set_shown_weight(hosts, index));
	if (locality->priority)
		json_number(json, "priority", locality->priority);
	json_open(json, "locality", '{');
	put_name(json, "region", locality->region);
	put_name(json, "zone", locality->zone);
	put_name(json, "sub_zone", locality->sub_zone);
	json_close(json);
	json_close(json);
}

static void put_json_limits(struct json *json, const char *priority,
			    const struct breaker_limits *limits)
{
	json_open(json, NULL, '{');
	if (priority)
		json_text(json, "priority", slice_of(priority));
	json_number(json, "max_connections", limits->max_connections);
	json_number(json, "max_pending_requests", limits->max_pending);
	json_number(json, "max_requests", limits->max_requests);
	json_number(json, "max_retries", limits->max_retries);
	json_close(json);
}

static void put_json_cluster(struct json *json, const struct shown_cluster *shown,
			     const struct host_query *query)
{
	const struct cluster *cluster = shown->cluster;
	struct slice name = cluster->published.name;

	json_open(json, NULL, '{');
	json_text(json, "name", name);
	if (!shown->is_static)
		json_bool(json, "added_via_api", true);
	if (shown->hosts && shown->hosts->count) {
		json_open(json, "host_statuses", '[');
		for (uint32_t i = 0; i < shown->hosts->count; i++)
			put_json_host(json, shown->hosts, i, query);
		json_close(json);
	}
	json_open(json, "circuit_breakers", '{');
	json_open(json, "thresholds", '[');
	put_json_limits(json, NULL, &cluster->breakers[CLUSTER_PRIORITY_DEFAULT]);
	put_json_limits(json, "HIGH", &cluster->breakers[CLUSTER_PRIORITY_HIGH]);
	json_close(json);
	json_close(json);
	json_text(json, "observability_name", cluster->stat_name);
	if (cluster->type == CLUSTER_EDS && !slice_equal(cluster->service_name, name))
		json_text(json, "eds_service_name", cluster->service_name);
	json_close(json);
}

/* --- the page --- */

enum { SHOWN_AT_ONCE = 256 }; /* clusters and hosts: 2 ms or so */

struct clusters_taken {
	struct arena arena; /* holds it */
	bool is_json;
	const struct regex *filter; /* NULL: none */
	unsigned count;
	struct shown_cluster clusters[];
};

bool admin_begin_clusters(struct admin_request *request)
{
	const struct cluster_manager *manager = &request->server->clusters;
	const struct regex *filter;
	struct arena arena;
	uint64_t size = 0;

	arena_init(&arena, 4096);
	if (admin_regex(request, SLICE("filter"), &arena, &filter)) {
		arena_free(&arena);
		return false;
	}
	size_t room = (size_t)manager->active + manager->warming;
	struct clusters_taken *taken =
		arena_zalloc(&arena, sizeof *taken + room * sizeof(struct shown_cluster));
	taken->is_json = slice_equal(admin_query(request, SLICE("format")), SLICE("json"));
	taken->filter = filter;
	for (struct list_node *n = manager->records.next; n != &manager->records; n = n->next) {
		const struct cluster_record *record = container_of(n, struct cluster_record, link);
		struct shown_cluster *shown = &taken->clusters[taken->count++];
		*shown = (struct shown_cluster){record->cluster, record->hosts, record->is_static};
		shown->cluster->published.references++;
		if (shown->hosts)
			shown->hosts->published.references++;
		size += 1 + (shown->hosts ? shown->hosts->count : 0);
	}
	invariant(taken->count <= room);
	taken->arena = arena;
	request->taken = taken;
	request->is_large = filter || size > SHOWN_AT_ONCE;
	if (taken->is_json)
		request->content_type = "application/json";
	return true;
}

void admin_end_clusters(void *data)
{
	struct clusters_taken *taken = data;
	struct arena arena = taken->arena;

	for (unsigned i = 0; i < taken->count; i++) {
		if (taken->clusters[i].hosts)
			published_drop(&taken->clusters[i].hosts->published);
		published_drop(&taken->clusters[i].cluster->published);
	}
	arena_free(&arena);
}

static int by_shown_name(const void *left, const void *right)
{
	const struct shown_cluster *a = left, *b = right;
	return slice_compare(a->cluster->published.name, b->cluster->published.name);
}

void admin_fill_clusters(struct admin_request *request)
{
	struct clusters_taken *taken = request->taken;
	struct json json = {.out = &request->body};
	static const struct host_query nothing;
	const struct host_query *query = request->hosts ? request->hosts : &nothing;
	struct slice found;

	if (taken->count)
		qsort(taken->clusters, taken->count, sizeof *taken->clusters, by_shown_name);
	if (taken->is_json) {
		json_open(&json, NULL, '{');
		if (taken->count)
			json_open(&json, "cluster_statuses", '[');
	}
	for (unsigned i = 0; i < taken->count; i++) {
		const struct shown_cluster *shown = &taken->clusters[i];
		if (taken->filter &&
		    regex_find(taken->filter, shown->cluster->published.name, &found, 1))
			continue;
		if (taken->is_json)
			put_json_cluster(&json, shown, query);
		else
			put_cluster(&request->body, shown, query);
	}
	while (json.depth)
		json_close(&json);
	if (taken->is_json)
		text_add(&request->body, SLICE("\n"));
}

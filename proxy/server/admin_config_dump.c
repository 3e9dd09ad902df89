/* /config_dump: the configuration in force, in the form of Envoy's admin.v3.ConfigDump.
 *
 *   section (ClustersConfigDump) ─ fields ─┬─ single ones (bootstrap)
 *                                          └─ lists of items (static_clusters)
 *
 * Without `resource` all sections; with it, the items of one list. `mask` cuts the text down to
 * paths of fields, `name_regex` to resources of such names. Made on the builder's thread, of what
 * was taken on main (admin_dump_taken.h). */
#include <stdio.h>

#include <envoy/config/listener/v3/listener.pb-c.h>
#include <envoy/config/route/v3/route.pb-c.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>

#include "base/regex.h"
#include "message/percent.h"
#include "server/admin_dump_taken.h"
#include "server/admin_json.h"
#include "server/admin_mask.h"
#include "server/admin_pages.h"
#include "upstream/cluster.h"
#include "upstream/host_set.h"
#include "xds/proto/any_message.h"

/* Types of sections and items: Envoy's, or our own by their full names. */
#define OWN_PACKAGE "outrigger."

struct dump {
	const struct dump_taken *taken;
	struct json json;
	const struct regex *names; /* NULL: all */
	const char *item_type;     /* items show it; NULL: they stand in their section */
};

struct dump_list {
	const char *name, *item_type; /* item_type NULL: no list, the field itself */
	void (*fill)(struct dump *dump);
};

struct dump_section {
	const char *type;
	const struct dump_list *lists;
	unsigned list_count;
	void (*head)(struct dump *dump); /* further fields before the lists. NULL: none */
	bool is_eds;                     /* only with include_eds */
	bool is_optional;                /* left out when it has no item */
};

static bool is_wanted(const struct dump *dump, struct slice name)
{
	return !dump->names || regex_match(dump->names, name);
}

static void open_item(struct dump *dump)
{
	json_open(&dump->json, NULL, '{');
	if (dump->item_type)
		json_text(&dump->json, "@type", slice_of(dump->item_type));
}

static struct slice type_of(const char *name, char buffer[static 128])
{
	bool is_own = !strncmp(name, OWN_PACKAGE, sizeof OWN_PACKAGE - 1);

	snprintf(buffer, 128, "type.googleapis.com/%s%s", is_own ? "" : "envoy.admin.v3.", name);
	return slice_of(buffer);
}

/* version_info, the resource, when it came into force. */
static void put_origin(struct dump *dump, const char *key, const struct origin *origin)
{
	if (origin->version_info && origin->version_info[0])
		json_text(&dump->json, "version_info", slice_of(origin->version_info));
	json_message(&dump->json, key, origin->message, true);
	json_time(&dump->json, "last_updated", origin->updated_wall_ns);
}

static void put_version(struct dump *dump, const char *version)
{
	if (version[0])
		json_text(&dump->json, "version_info", slice_of(version));
}

/* --- bootstrap --- */

static void fill_bootstrap(struct dump *dump)
{
	json_message(&dump->json, "bootstrap", dump->taken->bootstrap, false);
	json_time(&dump->json, "last_updated", dump->taken->start_wall_ns);
}

/* --- clusters --- */

static void put_clusters(struct dump *dump, bool is_static, bool is_warming)
{
	const struct dump_items *all = &dump->taken->clusters;

	for (size_t i = 0; i < all->count; i++) {
		const struct dump_item *record = &all->items[i];
		if (record->is_static != is_static ||
		    (!is_static && record->is_warming != is_warming) ||
		    !is_wanted(dump, record->name))
			continue;
		open_item(dump);
		put_origin(dump, "cluster", &record->origin);
		json_close(&dump->json);
	}
}

static void fill_static_clusters(struct dump *dump)
{
	put_clusters(dump, true, false);
}

static void fill_dynamic_active_clusters(struct dump *dump)
{
	put_clusters(dump, false, false);
}

static void fill_dynamic_warming_clusters(struct dump *dump)
{
	put_clusters(dump, false, true);
}

static void head_clusters(struct dump *dump)
{
	put_version(dump, dump->taken->clusters_version);
}

/* --- endpoints --- */

static const char *health_name(uint32_t health)
{
	if (health & HOST_DRAINING_EDS)
		return "DRAINING";
	if (health & HOST_UNHEALTHY)
		return "UNHEALTHY";
	return health & HOST_DEGRADED ? "DEGRADED" : "HEALTHY";
}

static void put_endpoint(struct json *json, const struct host_set *hosts, uint32_t index)
{
	const struct host *host = hosts->hosts[index];

	json_open(json, NULL, '{');
	json_open(json, "endpoint", '{');
	json_address(json, "address", &host->addr);
	json_open(json, "health_check_config", '{');
	json_close(json);
	if (host->hostname_len)
		json_text(json, "hostname", host_hostname(host));
	json_close(json);
	json_text(json, "health_status", slice_of(health_name(host_health(host))));
	json_number(json, "load_balancing_weight", host_set_shown_weight(hosts, index));
	json_close(json);
}

static void put_name(struct json *json, const char *key, struct slice name)
{
	if (name.len)
		json_text(json, key, name);
}

static void put_locality(struct json *json, const struct host_set *hosts,
			 const struct locality *locality)
{
	json_open(json, NULL, '{');
	json_open(json, "locality", '{');
	put_name(json, "region", locality->region);
	put_name(json, "zone", locality->zone);
	put_name(json, "sub_zone", locality->sub_zone);
	json_close(json);
	json_open(json, "lb_endpoints", '[');
	for (uint32_t i = 0; i < locality->count; i++)
		put_endpoint(json, hosts, locality->first + i);
	json_close(json);
	json_number(json, "load_balancing_weight", locality->has_weight ? locality->weight : 0);
	if (locality->priority)
		json_number(json, "priority", locality->priority);
	json_close(json);
}

static void put_assignment(struct json *json, struct slice name, const struct host_set *hosts)
{
	json_open(json, "endpoint_config", '{');
	json_text(json, "@type",
		  SLICE("type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"));
	json_text(json, "cluster_name", name);
	json_open(json, "endpoints", '[');
	for (uint32_t i = 0; hosts && i < hosts->locality_count; i++)
		put_locality(json, hosts, &hosts->localities[i]);
	json_close(json);
	json_open(json, "policy", '{');
	json_number(json, "overprovisioning_factor",
		    hosts ? hosts->overprovisioning : ASSIGNMENT_OVERPROVISIONING);
	json_close(json);
	json_close(json);
}

static void put_endpoints(struct dump *dump, bool is_eds)
{
	const struct dump_items *all = &dump->taken->clusters;

	for (size_t i = 0; i < all->count; i++) {
		const struct dump_item *record = &all->items[i];
		if ((record->cluster->type == CLUSTER_EDS) != is_eds ||
		    !is_wanted(dump, record->name))
			continue;
		open_item(dump);
		put_assignment(&dump->json, record->cluster->service_name, record->hosts);
		json_close(&dump->json);
	}
}

static void fill_static_endpoints(struct dump *dump)
{
	put_endpoints(dump, false);
}

static void fill_dynamic_endpoints(struct dump *dump)
{
	put_endpoints(dump, true);
}

/* --- listeners --- */

static void put_refusal(struct json *json, const struct dump_item *refusal)
{
	if (!refusal)
		return;
	json_open(json, "error_state", '{');
	json_message(json, "failed_configuration", refusal->origin.message, true);
	json_time(json, "last_update_attempt", refusal->origin.updated_wall_ns);
	json_text(json, "details", slice_of(refusal->details));
	if (refusal->origin.version_info && refusal->origin.version_info[0])
		json_text(json, "version_info", slice_of(refusal->origin.version_info));
	json_close(json);
}

static void put_listeners(struct dump *dump, bool is_static)
{
	const struct dump_items *all = &dump->taken->listeners;

	for (size_t i = 0; i < all->count; i++) {
		const struct dump_item *record = &all->items[i];
		if (record->is_static != is_static || !is_wanted(dump, record->name))
			continue;
		open_item(dump);
		if (is_static) {
			put_origin(dump, "listener", &record->origin);
		} else {
			json_text(&dump->json, "name", record->name);
			json_open(&dump->json, "active_state", '{');
			put_origin(dump, "listener", &record->origin);
			json_close(&dump->json);
			put_refusal(&dump->json, dump_find(&dump->taken->refusals, record->name));
		}
		json_close(&dump->json);
	}
}

static void fill_static_listeners(struct dump *dump)
{
	put_listeners(dump, true);
}

/* Those that were refused and have no version in force stand at the end. */
static void fill_dynamic_listeners(struct dump *dump)
{
	const struct dump_items *all = &dump->taken->refusals;

	put_listeners(dump, false);
	for (size_t i = 0; i < all->count; i++) {
		const struct dump_item *refusal = &all->items[i];
		struct slice name = refusal->name;
		if (dump_find(&dump->taken->listeners, name) || !is_wanted(dump, name))
			continue;
		open_item(dump);
		json_text(&dump->json, "name", name);
		put_refusal(&dump->json, refusal);
		json_close(&dump->json);
	}
}

static void head_listeners(struct dump *dump)
{
	put_version(dump, dump->taken->listeners_version);
}

/* --- routes --- */

typedef Envoy__Config__Listener__V3__FilterChain FilterChain;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;

static void put_inline_routes(struct dump *dump, const FilterChain *chain,
			      const struct origin *origin)
{
	for (size_t i = 0; chain && i < chain->n_filters; i++) {
		if (chain->filters[i]->config_type_case !=
		    ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG)
			continue;
		const Hcm *hcm = any_message_of(
			chain->filters[i]->typed_config,
			&envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor);
		if (!hcm ||
		    hcm->route_specifier_case !=
			    ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG ||
		    !is_wanted(dump, slice_of(hcm->route_config->name)))
			continue;
		open_item(dump);
		json_message(&dump->json, "route_config", &hcm->route_config->base, true);
		json_time(&dump->json, "last_updated", origin->updated_wall_ns);
		json_close(&dump->json);
	}
}

static void fill_static_routes(struct dump *dump)
{
	const struct dump_items *all = &dump->taken->listeners;

	for (size_t l = 0; l < all->count; l++) {
		const struct origin *origin = &all->items[l].origin;
		const Envoy__Config__Listener__V3__Listener *message =
			(const void *)origin->message;
		for (size_t i = 0; i < message->n_filter_chains; i++)
			put_inline_routes(dump, message->filter_chains[i], origin);
		put_inline_routes(dump, message->default_filter_chain, origin);
	}
}

/* The last answer, if it was refused: what it said isn't kept. */
static void put_error(struct json *json, const struct dump_item *item)
{
	if (!item->details)
		return;
	json_open(json, "error_state", '{');
	json_time(json, "last_update_attempt", item->refused_wall_ns);
	json_text(json, "details", slice_of(item->details));
	json_close(json);
}

static void put_named(struct dump *dump, const struct dump_items *all, const char *field,
		      bool shows_name)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct dump_item *item = &all->items[i];
		if (!is_wanted(dump, item->name))
			continue;
		open_item(dump);
		if (shows_name)
			json_text(&dump->json, "name", item->name);
		if (item->origin.message)
			put_origin(dump, field, &item->origin);
		put_error(&dump->json, item);
		json_close(&dump->json);
	}
}

static void fill_dynamic_routes(struct dump *dump)
{
	put_named(dump, &dump->taken->routes, "route_config", false);
}

/* --- filters that are discovered --- */

static void fill_ecds_filters(struct dump *dump)
{
	put_named(dump, &dump->taken->extensions, "ecds_filter", false);
}

/* --- Dubbo's rules --- */

static void fill_dubbo_rules(struct dump *dump)
{
	put_named(dump, &dump->taken->rules, "dubbo_rules", true);
}

/* --- all of it --- */

static const struct dump_list bootstrap_lists[] = {{"bootstrap", NULL, fill_bootstrap}};
static const struct dump_list cluster_lists[] = {
	{"static_clusters", "ClustersConfigDump.StaticCluster", fill_static_clusters},
	{"dynamic_active_clusters", "ClustersConfigDump.DynamicCluster",
	 fill_dynamic_active_clusters},
	{"dynamic_warming_clusters", "ClustersConfigDump.DynamicCluster",
	 fill_dynamic_warming_clusters},
};
static const struct dump_list endpoint_lists[] = {
	{"static_endpoint_configs", "EndpointsConfigDump.StaticEndpointConfig",
	 fill_static_endpoints},
	{"dynamic_endpoint_configs", "EndpointsConfigDump.DynamicEndpointConfig",
	 fill_dynamic_endpoints},
};
static const struct dump_list listener_lists[] = {
	{"static_listeners", "ListenersConfigDump.StaticListener", fill_static_listeners},
	{"dynamic_listeners", "ListenersConfigDump.DynamicListener", fill_dynamic_listeners},
};
static const struct dump_list route_lists[] = {
	{"static_route_configs", "RoutesConfigDump.StaticRouteConfig", fill_static_routes},
	{"dynamic_route_configs", "RoutesConfigDump.DynamicRouteConfig", fill_dynamic_routes},
};
static const struct dump_list ecds_lists[] = {
	{"ecds_filters", "EcdsConfigDump.EcdsFilterConfig", fill_ecds_filters},
};
static const struct dump_list dubbo_rules_lists[] = {
	{"dynamic_dubbo_rules", "outrigger.admin.v1.DubboRulesConfigDump.DynamicDubboRules",
	 fill_dubbo_rules},
};

static const struct dump_section sections[] = {
	{"BootstrapConfigDump", bootstrap_lists, COUNT_OF(bootstrap_lists), NULL, false, false},
	{"ClustersConfigDump", cluster_lists, COUNT_OF(cluster_lists), head_clusters, false, false},
	{"EcdsConfigDump", ecds_lists, COUNT_OF(ecds_lists), NULL, false, true},
	{"EndpointsConfigDump", endpoint_lists, COUNT_OF(endpoint_lists), NULL, true, false},
	{"ListenersConfigDump", listener_lists, COUNT_OF(listener_lists), head_listeners, false,
	 false},
	{"ScopedRoutesConfigDump", NULL, 0, NULL, false, false},
	{"RoutesConfigDump", route_lists, COUNT_OF(route_lists), NULL, false, false},
	{"SecretsConfigDump", NULL, 0, NULL, false, false},
	{"outrigger.admin.v1.DubboRulesConfigDump", dubbo_rules_lists, COUNT_OF(dubbo_rules_lists),
	 NULL, false, true},
};

/* A list without items is left out: what was written for it is taken back. */
static void put_list(struct dump *dump, const struct dump_list *list)
{
	struct json *json = &dump->json;
	size_t before = json->out->len;
	bool had_items = json->has_items[json->depth];

	json_open(json, list->name, '[');
	list->fill(dump);
	if (json->has_items[json->depth]) {
		json_close(json);
		return;
	}
	json_close(json);
	json->out->len = before;
	json->has_items[json->depth] = had_items;
}

static void put_section(struct dump *dump, const struct dump_section *section)
{
	size_t before = dump->json.out->len;
	bool had_items = dump->json.has_items[dump->json.depth];
	char type[128];

	json_open(&dump->json, NULL, '{');
	json_text(&dump->json, "@type", type_of(section->type, type));
	size_t empty = dump->json.out->len;
	if (section->head)
		section->head(dump);
	for (unsigned i = 0; i < section->list_count; i++) {
		if (section->lists[i].item_type)
			put_list(dump, &section->lists[i]);
		else
			section->lists[i].fill(dump);
	}
	bool is_empty = dump->json.out->len == empty;
	json_close(&dump->json);
	if (is_empty && section->is_optional) {
		dump->json.out->len = before;
		dump->json.has_items[dump->json.depth] = had_items;
	}
}

/* --- the page --- */

static void refuse(struct admin_request *request, unsigned status)
{
	text_free(&request->body);
	request->status = status;
	request->content_type = "text/plain";
}

static const struct dump_list *find_list(struct slice name)
{
	for (unsigned s = 0; s < COUNT_OF(sections); s++)
		for (unsigned i = 0; i < sections[s].list_count; i++)
			if (slice_equal(slice_of(sections[s].lists[i].name), name))
				return &sections[s].lists[i];
	return NULL;
}

static void put_resource(struct dump *dump, const struct dump_list *list)
{
	char type[128];

	dump->item_type = type_of(list->item_type, type).data;
	list->fill(dump);
	dump->item_type = NULL;
}

static void fill_body(struct dump *dump, const struct dump_list *list, bool has_eds)
{
	json_open(&dump->json, NULL, '{');
	json_open(&dump->json, "configs", '[');
	if (list)
		put_resource(dump, list);
	for (unsigned i = 0; !list && i < COUNT_OF(sections); i++)
		if (!sections[i].is_eds || has_eds)
			put_section(dump, &sections[i]);
	bool has_items = dump->json.has_items[dump->json.depth];
	json_close(&dump->json);
	json_close(&dump->json);
	if (!has_items) { /* what is empty isn't shown */
		text_free(dump->json.out);
		text_add(dump->json.out, SLICE("{}"));
	}
	text_add(dump->json.out, SLICE("\n"));
}

/* Its parts may be few and large (a route table): it is always the builder's. */
bool admin_begin_config_dump(struct admin_request *request)
{
	request->taken = dump_take(request->server);
	request->is_large = true;
	return true;
}

void admin_end_config_dump(void *taken)
{
	dump_give_back(taken);
}

void admin_fill_config_dump(struct admin_request *request)
{
	struct dump_taken *taken = request->taken;
	struct dump dump = {.taken = taken, .json = {.out = &request->body}};
	struct slice resource = admin_query(request, SLICE("resource")),
		     mask = admin_query(request, SLICE("mask"));
	const struct dump_list *list = resource.len ? find_list(resource) : NULL;
	struct arena arena;

	if (resource.len && (!list || !list->item_type)) {
		refuse(request, list ? 400 : 404);
		text_printf(&request->body,
			    list ? "%.*s is not a repeated field. Use ?mask=%.*s to get only this "
				   "field"
				 : "%.*s not found in config dump",
			    SLICE_FMT(resource), SLICE_FMT(resource));
		return;
	}
	arena_init(&arena, 4096);
	if (!admin_regex(request, SLICE("name_regex"), &arena, &dump.names)) {
		dump_sort(&taken->clusters);
		fill_body(&dump, list, admin_query(request, SLICE("include_eds")).data);
		request->content_type = "application/json";
		mask = percent_decode(mask, &arena);
		if (mask.len && !admin_mask(&request->body, mask, list)) {
			refuse(request, 400);
			text_printf(&request->body, "FieldMask %.*s could not be successfully %s.",
				    SLICE_FMT(mask), list ? "used" : "applied to any configs");
		}
	}
	arena_free(&arena);
}

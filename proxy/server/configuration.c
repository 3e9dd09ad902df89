#include <ifaddrs.h>
#include <netinet/in.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>
#include <envoy/config/cluster/v3/cluster.pb-c.h>
#include <envoy/config/listener/v3/listener.pb-c.h>

#include "filters/registry.h"
#include "server/server.h"
#include "stream/filter.h"
#include "xds/any.h"
#include "xds/dubbo_yaml.h"

static uint32_t slot(const struct config_context *context, enum published_kind kind,
		     struct slice name)
{
	struct server *server = context->owner;
	return publisher_slot(&server->publisher, kind, name);
}

static bool is_known(const struct config_context *context, enum published_kind kind,
		     struct slice name)
{
	struct server *server = context->owner;
	return kind != PUBLISHED_CLUSTER || cluster_manager_find(&server->clusters, name);
}

static enum status read_dubbo_rules(const struct config_context *context, struct slice text,
				    const char *file, const ProtobufCMessage *const **messages,
				    size_t *count, struct diag *diag)
{
	return dubbo_yaml_read(text, file, context->arena, messages, count, diag);
}

static const struct filter_type *filter_type_by_url(struct slice type_url)
{
	const ProtobufCMessageDescriptor *message = any_type_find(any_type_name(type_url));
	const struct filter_type *type = message ? filter_type_find(message) : NULL;

	return type && type->message == message ? type : NULL;
}

static struct slice text_or(const char *given, const char *configured)
{
	return slice_of(given ? given : configured ? configured : "");
}

static struct addr host_address(void)
{
	struct addr found = {0};
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return found;
	for (const struct ifaddrs *i = all; i && !found.family; i = i->ifa_next) {
		struct sockaddr_storage name;
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&name, i->ifa_addr, sizeof(struct sockaddr_in));
		addr_from_sockaddr(&name, sizeof(struct sockaddr_in), &found, NULL);
		if (addr_is_loopback(&found))
			found = (struct addr){0};
	}
	freeifaddrs(all);
	found.port = 0;
	return found;
}

void server_config_context(struct server *server, struct config_context *context)
{
	const Envoy__Config__Core__V3__Node *node = server->bootstrap.message->node;

	*context = (struct config_context){
		.stats = server->stats,
		.runtime = server->bootstrap.message->layered_runtime,
		.log_files = server->log_files,
		.sentinel = &server->sentinel,
		.spools = server->options->mode == MODE_SERVE ? &server->spools : NULL,
		.owner = server,
		.slot = slot,
		.is_known = is_known,
		.filter_type = filter_type_find,
		.conn_filter_type = conn_filter_type_find,
		.filter_type_by_url = filter_type_by_url,
		.subscribe_routes = dynamic_subscribe_routes,
		.subscribe_rules = dynamic_subscribe_rules,
		.subscribe_extension = dynamic_subscribe_extension,
		.read_dubbo_rules = read_dubbo_rules,
		.host_address = host_address(),
		.service_cluster =
			text_or(server->options->service_cluster, node ? node->cluster : NULL),
		.service_node = text_or(server->options->service_node, node ? node->id : NULL),
	};
}

static enum status load_clusters(struct server *server, struct diag *diag)
{
	const Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *resources =
		server->bootstrap.message->static_resources;
	bool is_changed;

	for (size_t i = 0; i < resources->n_clusters; i++) {
		struct cluster_offer offer = {.message = resources->clusters[i], .is_static = true};
		enum status status =
			dynamic_put_cluster(&server->dynamic, &offer, NULL, &is_changed, diag);
		if (status) {
			diag_prefix(diag, "static_resources.clusters[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_listeners(struct server *server, bool opens, struct diag *diag)
{
	const Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *resources =
		server->bootstrap.message->static_resources;
	bool is_changed;

	for (size_t i = 0; i < resources->n_listeners; i++) {
		enum status status = dynamic_put_listener(&server->dynamic, resources->listeners[i],
							  0, NULL, opens, &is_changed, diag);
		if (status) {
			diag_prefix(diag, "static_resources.listeners[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

enum status server_load_static(struct server *server, bool opens, struct diag *diag)
{
	bool has_static = server->bootstrap.message->static_resources;
	enum status status = has_static ? load_clusters(server, diag) : STATUS_OK;

	if (!status && has_static)
		status = load_listeners(server, opens, diag);
	if (!status)
		status = dynamic_start(&server->dynamic, opens, diag);
	if (status)
		bootstrap_place(&server->bootstrap, diag);
	return status;
}

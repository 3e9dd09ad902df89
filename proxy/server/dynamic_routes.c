/* RDS: route tables by their names. */
#include <envoy/config/route/v3/route.pb-c.h>

#include "manager/routes.h"
#include "server/dynamic_named.h"
#include "server/server.h"

static enum status build(const struct dynamic_named *named, const ProtobufCMessage *message,
			 struct published **built, struct diag *diag)
{
	struct config_context context;
	struct routes *routes;

	server_config_context(named->dynamic->server, &context);
	context.stat_prefix = named->stat_prefix;
	enum status status =
		routes_build((const Envoy__Config__Route__V3__RouteConfiguration *)message,
			     &context, &routes, diag);
	if (!status)
		*built = &routes->published;
	return status;
}

const struct dynamic_named_kind dynamic_routes_kind = {
	.published = PUBLISHED_ROUTES,
	.message = "RouteConfiguration",
	.field = "route_config_name",
	.stats = "rds",
	.stat_type = &rds_stats,
	.is_asker_s = true,
	.must_be_alone = true,
	.subscription = DYNAMIC_NAMED_SUBSCRIPTION(
		"routes", &envoy__config__route__v3__route_configuration__descriptor),
	.build = build,
};

enum status dynamic_subscribe_routes(const struct config_context *context,
				     const struct Envoy__Config__Core__V3__ConfigSource *source,
				     struct slice name, struct diag *diag)
{
	return dynamic_named_subscribe(&dynamic_routes_kind, context, source, name, diag);
}

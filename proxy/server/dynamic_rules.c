/* Dubbo's rules by their names: those of a response, or of a file that has nothing but rules, in
 * Dubbo's own YAML. */
#include <outrigger/config/route/v1/dubbo_rules.pb-c.h>

#include "filters/dubbo_rules/rule_set.h"
#include "server/dynamic_named.h"
#include "server/server.h"

static enum status build(const struct dynamic_named *named, const ProtobufCMessage *message,
			 struct published **built, struct diag *diag)
{
	struct config_context context;

	server_config_context(named->dynamic->server, &context);
	return dubbo_rule_set_build((const Outrigger__Config__Route__V1__DubboRules *)message,
				    named->subscription->name, &context, built, diag);
}

const struct dynamic_named_kind dynamic_rules_kind = {
	.published = PUBLISHED_RULES,
	.message = "DubboRules",
	.field = "rules_name",
	.stats = "dubbo_rules",
	.stat_type = &rds_stats,
	.may_be_nameless = true,
	.subscription = DYNAMIC_NAMED_SUBSCRIPTION(
		"rules", &outrigger__config__route__v1__dubbo_rules__descriptor),
	.build = build,
};

enum status dynamic_subscribe_rules(const struct config_context *context,
				    const struct Envoy__Config__Core__V3__ConfigSource *source,
				    struct slice name, struct diag *diag)
{
	return dynamic_named_subscribe(&dynamic_rules_kind, context, source, name, diag);
}

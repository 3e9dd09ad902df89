/* Dubbo's rules from one configuration: in line in a filter's, or a resource that main publishes.
 *
 * Owner: its arena, of the filter's published object or its own. Immutable. Thread: any. */
#ifndef FILTERS_DUBBO_RULES_RULE_SET_H
#define FILTERS_DUBBO_RULES_RULE_SET_H

#include "base/published.h"
#include "routing/dubbo_rules.h"
#include "stream/config_context.h"

struct Envoy__Config__Core__V3__DataSource;
struct Google__Protobuf__Any;
struct Outrigger__Config__Route__V1__DubboRules;

struct dubbo_rule_set {
	uint64_t id; /* random: no two have the same */
	uint32_t count;
	struct dubbo_rules rules;
};

/* Checks and compiles rules and the texts of sources. STATUS_INVALID or _UNSUPPORTED and a diag
 * whose path begins with "rules[i]" or "sources[i]". */
enum status MUST_CHECK
dubbo_rule_set_load(struct dubbo_rule_set *set, struct Google__Protobuf__Any *const *rules,
		    size_t rule_count, struct Envoy__Config__Core__V3__DataSource *const *sources,
		    size_t source_count, const struct config_context *context, struct diag *diag);

/* A set to be published under a name. Returns owned, by one reference. */
enum status MUST_CHECK dubbo_rule_set_build(
	const struct Outrigger__Config__Route__V1__DubboRules *message, struct slice name,
	const struct config_context *context, struct published **built, struct diag *diag);

/* What an object of PUBLISHED_RULES holds. */
const struct dubbo_rule_set *dubbo_rule_set_of(const struct published *object);

#endif

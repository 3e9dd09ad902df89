/* Dubbo's own rules, compiled: tag rules, condition rules of v3.0 and v3.1, and the mesh kinds
 * VirtualService and DestinationRule. Which providers are left for a call is in dubbo_choice.h.
 *
 *   messages (dubbo_rules.proto: Dubbo's YAML) ─ load ─> tags by application
 *                                                        conditions by service, by application
 *                                                        mesh: services, subsets
 *
 * Owner: the arena it is loaded into; immutable. Thread: built by the builder, read by workers. */
#ifndef ROUTING_DUBBO_RULES_H
#define ROUTING_DUBBO_RULES_H

#include "base/map.h"
#include "routing/dubbo_condition.h"
#include "routing/dubbo_mesh.h"

struct ProtobufCMessage;

/* --- tags --- */

struct dubbo_tag_match {
	struct slice key; /* of a provider's parameter */
	struct dubbo_text value;
};

/* Providers under one name: by address, or by what all of matches say. Neither: none. */
struct dubbo_tag {
	struct slice name;
	const struct dubbo_address *addresses;
	uint32_t address_count;
	const struct dubbo_tag_match *matches;
	uint32_t match_count;
};

struct dubbo_tag_rule {
	struct slice application;
	bool force;
	const struct dubbo_tag *tags;
	uint32_t tag_count;
};

/* --- conditions --- */

struct dubbo_destination {
	struct dubbo_side side;
	uint32_t weight;
};

/* One entry of `conditions`. Without destinations, what it matches is denied. */
struct dubbo_branch {
	struct dubbo_side when;
	const struct dubbo_destination *destinations;
	uint32_t destination_count;
};

struct dubbo_condition_rule {
	const struct dubbo_condition_rule *next; /* of the same key, with a lower priority */
	int32_t priority;
	uint32_t ordinal; /* of its first branch, among those of all rules */
	bool force;
	bool asks_arguments;
	const struct dubbo_branch *branches;
	uint32_t branch_count;
};

/* --- all --- */

struct dubbo_rules {
	struct map tags;         /* application -> struct dubbo_tag_rule */
	struct map services;     /* "interface:version:group" -> struct dubbo_condition_rule */
	struct map applications; /* application -> struct dubbo_condition_rule */
	struct dubbo_mesh mesh;
	uint64_t arguments[4]; /* bit n: some rule asks for the n-th argument */
	bool asks_arguments;   /* a rule that isn't a service's does */
};

enum {
	DUBBO_RULES_MAX = 100000,
	DUBBO_TAGS_MAX = 10000,       /* of a rule */
	DUBBO_BRANCHES_MAX = 1000000, /* of all rules */
};

/* Compiles the messages, each of a type of dubbo_rules.proto. STATUS_INVALID, _UNSUPPORTED or
 * _TOO_LARGE and a diag whose path begins inside messages[*at]. */
enum status MUST_CHECK dubbo_rules_load(struct dubbo_rules *rules,
					const struct ProtobufCMessage *const *messages,
					size_t count, struct arena *arena, size_t *at,
					struct diag *diag);

/* Whether the call's arguments have to be at hand: those of dubbo_rules.arguments. */
bool dubbo_rules_ask_arguments(const struct dubbo_rules *rules, const struct dubbo_call *call);

/* The rules of a service's calls, the first of a list; NULL: none. */
const struct dubbo_condition_rule *dubbo_rules_of_service(const struct dubbo_rules *rules,
							  const struct dubbo_call *call);

#endif

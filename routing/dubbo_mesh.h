/* Dubbo's mesh rules: which subset of an application's providers serves a call.
 *
 *   VirtualService    services ─> route ─> details: match ─> destinations
 *                     (weight, subset ─ fallback ─> subset …)
 *   DestinationRule   subset ─> labels of a provider
 *
 * The first service that fits decides; of its details the first whose matches all hold. A rule is
 * for the providers whose application its hosts name; without hosts, for all.
 *
 * Owner: the arena it is loaded into; immutable. Thread: any. */
#ifndef ROUTING_DUBBO_MESH_H
#define ROUTING_DUBBO_MESH_H

#include "routing/dubbo_call.h"
#include "routing/dubbo_value.h"

struct Outrigger__Config__Route__V1__DubboVirtualService;
struct Outrigger__Config__Route__V1__DubboDestinationRule;

enum {
	DUBBO_MESH_FALLBACKS = 16,
	DUBBO_MESH_WEIGHT_MAX = 1000000,
};

enum dubbo_number_kind {
	DUBBO_NUMBER_EXACT,
	DUBBO_NUMBER_RANGE,  /* from <= n < to */
	DUBBO_NUMBER_MODULO, /* n % from == to */
};

struct dubbo_number {
	uint8_t kind; /* enum dubbo_number_kind */
	double from, to;
};

enum dubbo_argument_test {
	DUBBO_TEST_STRING,
	DUBBO_TEST_NUMBER,
	DUBBO_TEST_BOOL,
};

/* One of the list must hold. */
struct dubbo_mesh_argument {
	uint32_t index;
	uint8_t test; /* enum dubbo_argument_test */
	bool truth;
	const struct dubbo_text *texts;
	const struct dubbo_number *numbers;
	uint32_t count;
};

struct dubbo_mesh_pair {
	struct slice name;
	struct dubbo_text value;
};

struct dubbo_mesh_match {
	bool has_method, has_count;
	struct dubbo_text method;
	uint32_t argument_count;
	const struct dubbo_text *types; /* of the parameters; type_count 0: not asked */
	uint32_t type_count;
	const struct dubbo_mesh_argument *arguments;
	uint32_t test_count;                   /* of arguments */
	const struct dubbo_parameter *sources; /* of the consumer */
	uint32_t source_count;
	const struct dubbo_mesh_pair *attachments;
	uint32_t attachment_count;
};

struct dubbo_mesh_destination {
	const struct slice *subsets; /* the first that has providers */
	uint32_t subset_count;
	uint32_t weight; /* at least 1 */
};

struct dubbo_mesh_detail {
	uint32_t ordinal; /* among those of all rules */
	const struct dubbo_mesh_match *matches;
	uint32_t match_count;
	const struct dubbo_mesh_destination *destinations;
	uint32_t destination_count;
	uint64_t weight; /* of all destinations */
};

struct dubbo_mesh_route {
	const struct dubbo_text *services;
	uint32_t service_count; /* 0: all */
	const struct dubbo_mesh_detail *details;
	uint32_t detail_count;
};

struct dubbo_mesh_service {
	const struct slice *hosts;
	uint32_t host_count; /* 0: all */
	const struct dubbo_mesh_route *routes;
	uint32_t route_count;
};

struct dubbo_mesh_subset {
	struct slice host, name; /* host "": all */
	const struct dubbo_parameter *labels;
	uint32_t label_count;
};

struct dubbo_mesh {
	struct dubbo_mesh_service *services;
	uint32_t service_count;
	struct dubbo_mesh_subset *subsets;
	uint32_t subset_count;
	uint32_t detail_count;
	uint64_t arguments[4]; /* bit n: some rule asks for the n-th */
};

/* Add one message's rules; room for them in services or subsets is the caller's to make.
 * STATUS_INVALID or _UNSUPPORTED with the path from inside the message. */
enum status MUST_CHECK
dubbo_mesh_add_service(struct dubbo_mesh *mesh,
		       const struct Outrigger__Config__Route__V1__DubboVirtualService *message,
		       struct arena *arena, struct diag *diag);
enum status MUST_CHECK
dubbo_mesh_add_subsets(struct dubbo_mesh *mesh,
		       const struct Outrigger__Config__Route__V1__DubboDestinationRule *message,
		       struct arena *arena, struct diag *diag);

/* Where a call to providers of the application goes; NULL: no rule says. */
const struct dubbo_mesh_detail *dubbo_mesh_find(const struct dubbo_mesh *mesh,
						struct slice application,
						const struct dubbo_call *call);

/* Whether the i-th provider is in the application's subset of that name. Its application is the
 * caller's to compare. */
bool dubbo_mesh_subset_has(const struct dubbo_mesh *mesh, struct slice application,
			   struct slice name, const struct host_facts *providers, uint32_t i);

#endif

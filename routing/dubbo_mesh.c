/* Mesh rules, from message to struct. */
#include "routing/dubbo_mesh.h"

#include <math.h>

#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"

#define MESSAGE(name) Outrigger__Config__Route__V1__Dubbo##name

/* --- matches --- */

static enum status load_number(struct dubbo_number *number,
			       const MESSAGE(VirtualService__NumberMatch) * message,
			       struct diag *diag)
{
	const MESSAGE(VirtualService__NumberRange) *range = message->range;

	*number = (struct dubbo_number){0};
	if (message->mod && !message->exact)
		return diag_at(diag, "exact", "is what the remainder is compared with: required");
	if (message->exact && range)
		return diag_at(diag, "range", "can't be given together with exact");
	if (message->mod && !(fabs(message->mod->value) > 0))
		return diag_at(diag, "mod", "must not be 0");
	if (message->mod) {
		*number = (struct dubbo_number){DUBBO_NUMBER_MODULO, message->mod->value,
						message->exact->value};
	} else if (message->exact) {
		*number = (struct dubbo_number){DUBBO_NUMBER_EXACT, message->exact->value, 0};
	} else if (range && (range->start || range->end)) {
		*number = (struct dubbo_number){DUBBO_NUMBER_RANGE,
						range->start ? range->start->value : -INFINITY,
						range->end ? range->end->value : INFINITY};
	} else {
		return diag_set(diag, "one of exact, range and mod is required");
	}
	return STATUS_OK;
}

static enum status load_texts(const struct dubbo_text **loaded, uint32_t *count, const char *field,
			      Outrigger__Config__Route__V1__DubboStringMatch *const *messages,
			      size_t n, struct arena *arena, struct diag *diag)
{
	struct dubbo_text *texts = ARENA_NEW_ARRAY(arena, struct dubbo_text, n);

	for (size_t i = 0; i < n; i++) {
		enum status status = dubbo_text_load(&texts[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	*loaded = texts;
	*count = (uint32_t)n;
	return STATUS_OK;
}

static enum status load_numbers(struct dubbo_mesh_argument *argument,
				const MESSAGE(VirtualService__NumberList) * message,
				struct arena *arena, struct diag *diag)
{
	struct dubbo_number *numbers =
		ARENA_NEW_ARRAY(arena, struct dubbo_number, message->n_oneof);

	for (size_t i = 0; i < message->n_oneof; i++) {
		enum status status = load_number(&numbers[i], message->oneof[i], diag);
		if (status) {
			diag_prefix(diag, "num_value.oneof[%zu]", i);
			return status;
		}
	}
	argument->numbers = numbers;
	argument->count = (uint32_t)message->n_oneof;
	return STATUS_OK;
}

static enum status load_argument(struct dubbo_mesh_argument *argument,
				 const MESSAGE(VirtualService__Argument) * message,
				 struct arena *arena, struct diag *diag)
{
	int given = !!message->str_value + !!message->num_value + !!message->bool_value;
	enum status status = STATUS_OK;

	*argument = (struct dubbo_mesh_argument){.index = message->index};
	if (message->index > 255)
		return diag_at(diag, "index", "a method has no such argument");
	if (given != 1)
		return diag_set(diag, "one of str_value, num_value and bool_value is required");
	if (message->str_value) {
		argument->test = DUBBO_TEST_STRING;
		return load_texts(&argument->texts, &argument->count, "str_value.oneof",
				  message->str_value->oneof, message->str_value->n_oneof, arena,
				  diag);
	}
	if (message->num_value) {
		argument->test = DUBBO_TEST_NUMBER;
		return load_numbers(argument, message->num_value, arena, diag);
	}
	if (!message->bool_value->exact)
		return diag_at(diag, "bool_value.exact", "is required");
	argument->test = DUBBO_TEST_BOOL;
	argument->truth = message->bool_value->exact->value;
	return status;
}

static enum status load_method(struct dubbo_mesh *mesh, struct dubbo_mesh_match *match,
			       const MESSAGE(VirtualService__Method) * message, struct arena *arena,
			       struct diag *diag)
{
	enum status status = STATUS_OK;

	if (message->n_headers) {
		(void)diag_at(diag, "headers",
			      "Dubbo knows no headers of a method; "
			      "attachments.dubboContext compares attachments");
		return STATUS_UNSUPPORTED;
	}
	match->has_method = message->name_match;
	if (message->name_match)
		status = dubbo_text_load(&match->method, message->name_match, arena, diag);
	if (status) {
		diag_prefix(diag, "name_match");
		return status;
	}
	match->has_count = message->argc;
	match->argument_count = message->argc ? message->argc->value : 0;
	struct dubbo_mesh_argument *arguments =
		ARENA_NEW_ARRAY(arena, struct dubbo_mesh_argument, message->n_args);
	for (size_t i = 0; i < message->n_args; i++) {
		status = load_argument(&arguments[i], message->args[i], arena, diag);
		if (status) {
			diag_prefix(diag, "args[%zu]", i);
			return status;
		}
		mesh->arguments[arguments[i].index >> 6] |= UINT64_C(1)
							    << (arguments[i].index & 63);
	}
	match->arguments = arguments;
	match->test_count = (uint32_t)message->n_args;
	return load_texts(&match->types, &match->type_count, "argp", message->argp, message->n_argp,
			  arena, diag);
}

static enum status load_attachments(struct dubbo_mesh_match *match,
				    const MESSAGE(VirtualService__Attachments) * message,
				    struct arena *arena, struct diag *diag)
{
	struct dubbo_mesh_pair *pairs =
		ARENA_NEW_ARRAY(arena, struct dubbo_mesh_pair, message->n_dubbo_context);

	if (message->n_tracing_context) {
		(void)diag_at(diag, "tracing_context",
			      "needs a tracing library in the consumer's process; dubboContext "
			      "compares the attachments of the call");
		return STATUS_UNSUPPORTED;
	}
	for (size_t i = 0; i < message->n_dubbo_context; i++) {
		const char *key = message->dubbo_context[i]->key;
		enum status status = dubbo_text_load(&pairs[i].value,
						     message->dubbo_context[i]->value, arena, diag);
		if (status) {
			diag_prefix(diag, "dubbo_context[\"%s\"]", key);
			return status;
		}
		pairs[i].name = arena_slice(arena, slice_of(key));
	}
	match->attachments = pairs;
	match->attachment_count = (uint32_t)message->n_dubbo_context;
	return STATUS_OK;
}

static enum status load_match(struct dubbo_mesh *mesh, struct dubbo_mesh_match *match,
			      const MESSAGE(VirtualService__Match) * message, struct arena *arena,
			      struct diag *diag)
{
	struct dubbo_parameter *sources =
		ARENA_NEW_ARRAY(arena, struct dubbo_parameter, message->n_source_labels);
	enum status status = STATUS_OK;

	if (message->n_headers) {
		(void)diag_at(diag, "headers",
			      "Dubbo doesn't compare headers; "
			      "attachments.dubboContext compares attachments");
		return STATUS_UNSUPPORTED;
	}
	for (size_t i = 0; i < message->n_source_labels; i++)
		sources[i] = (struct dubbo_parameter){
			arena_slice(arena, slice_of(message->source_labels[i]->key)),
			arena_slice(arena, slice_of(message->source_labels[i]->value))};
	match->sources = sources;
	match->source_count = (uint32_t)message->n_source_labels;
	if (message->method && (status = load_method(mesh, match, message->method, arena, diag)))
		diag_prefix(diag, "method");
	else if (message->attachments &&
		 (status = load_attachments(match, message->attachments, arena, diag)))
		diag_prefix(diag, "attachments");
	return status;
}

/* --- routes --- */

static enum status load_destination(struct dubbo_mesh_destination *destination,
				    const MESSAGE(VirtualService__RouteDestination) * message,
				    struct arena *arena, struct diag *diag)
{
	struct slice *subsets = ARENA_NEW_ARRAY(arena, struct slice, DUBBO_MESH_FALLBACKS);
	uint32_t count = 0;

	destination->weight = message->weight ? message->weight : 1; /* as Java */
	if (message->weight > DUBBO_MESH_WEIGHT_MAX)
		return diag_at(diag, "weight", "must be at most %d", DUBBO_MESH_WEIGHT_MAX);
	for (; message; message = message->destination->fallback) {
		if (!message->destination)
			return diag_at(diag, "destination", "is required");
		if (count == DUBBO_MESH_FALLBACKS)
			return diag_at(diag, "destination.fallback", "more than %d in a row",
				       DUBBO_MESH_FALLBACKS);
		subsets[count++] = arena_slice(arena, slice_of(message->destination->subset));
	}
	destination->subsets = subsets;
	destination->subset_count = count;
	return STATUS_OK;
}

static enum status load_detail(struct dubbo_mesh *mesh, struct dubbo_mesh_detail *detail,
			       const MESSAGE(VirtualService__RouteDetail) * message,
			       struct arena *arena, struct diag *diag)
{
	struct dubbo_mesh_match *matches =
		ARENA_NEW_ARRAY(arena, struct dubbo_mesh_match, message->n_match);
	struct dubbo_mesh_destination *destinations =
		ARENA_NEW_ARRAY(arena, struct dubbo_mesh_destination, message->n_route);
	enum status status;

	*detail = (struct dubbo_mesh_detail){
		.ordinal = mesh->detail_count++,
		.matches = matches,
		.match_count = (uint32_t)message->n_match,
		.destinations = destinations,
		.destination_count = (uint32_t)message->n_route,
	};
	if (!message->n_route)
		return diag_at(diag, "route", "is required");
	for (size_t i = 0; i < message->n_match; i++) {
		status = load_match(mesh, &matches[i], message->match[i], arena, diag);
		if (status) {
			diag_prefix(diag, "match[%zu]", i);
			return status;
		}
	}
	for (size_t i = 0; i < message->n_route; i++) {
		status = load_destination(&destinations[i], message->route[i], arena, diag);
		if (status) {
			diag_prefix(diag, "route[%zu]", i);
			return status;
		}
		detail->weight += destinations[i].weight;
	}
	return STATUS_OK;
}

static enum status load_route(struct dubbo_mesh *mesh, struct dubbo_mesh_route *route,
			      const MESSAGE(VirtualService__Route) * message, struct arena *arena,
			      struct diag *diag)
{
	struct dubbo_mesh_detail *details =
		ARENA_NEW_ARRAY(arena, struct dubbo_mesh_detail, message->n_routedetail);
	enum status status = load_texts(&route->services, &route->service_count, "services",
					message->services, message->n_services, arena, diag);

	for (size_t i = 0; !status && i < message->n_routedetail; i++) {
		status = load_detail(mesh, &details[i], message->routedetail[i], arena, diag);
		if (status)
			diag_prefix(diag, "routedetail[%zu]", i);
	}
	route->details = details;
	route->detail_count = (uint32_t)message->n_routedetail;
	return status;
}

/* --- resources --- */

static enum status check_kind(const char *api_version, const char *kind, const char *wanted,
			      struct diag *diag)
{
	if (api_version[0] &&
	    !slice_equal(slice_of(api_version), SLICE("service.dubbo.apache.org/v1alpha1")))
		return diag_at(diag, "api_version",
			       "must be service.dubbo.apache.org/v1alpha1, not '%s'", api_version);
	if (kind[0] && !slice_equal(slice_of(kind), slice_of(wanted)))
		return diag_at(diag, "kind", "must be %s, not '%s'", wanted, kind);
	return STATUS_OK;
}

enum status dubbo_mesh_add_service(struct dubbo_mesh *mesh, const MESSAGE(VirtualService) * message,
				   struct arena *arena, struct diag *diag)
{
	struct dubbo_mesh_service *service = &mesh->services[mesh->service_count];
	enum status status =
		check_kind(message->api_version, message->kind, "VirtualService", diag);

	if (status)
		return status;
	if (!message->spec)
		return diag_at(diag, "spec", "is required");
	struct slice *hosts = ARENA_NEW_ARRAY(arena, struct slice, message->spec->n_hosts);
	struct dubbo_mesh_route *routes =
		ARENA_NEW_ARRAY(arena, struct dubbo_mesh_route, message->spec->n_dubbo);
	for (size_t i = 0; i < message->spec->n_hosts; i++)
		hosts[i] = arena_slice(arena, slice_of(message->spec->hosts[i]));
	for (size_t i = 0; i < message->spec->n_dubbo; i++) {
		status = load_route(mesh, &routes[i], message->spec->dubbo[i], arena, diag);
		if (status) {
			diag_prefix(diag, "spec.dubbo[%zu]", i);
			return status;
		}
	}
	*service = (struct dubbo_mesh_service){hosts, (uint32_t)message->spec->n_hosts, routes,
					       (uint32_t)message->spec->n_dubbo};
	mesh->service_count++;
	return STATUS_OK;
}

enum status dubbo_mesh_add_subsets(struct dubbo_mesh *mesh,
				   const MESSAGE(DestinationRule) * message, struct arena *arena,
				   struct diag *diag)
{
	enum status status =
		check_kind(message->api_version, message->kind, "DestinationRule", diag);

	if (status)
		return status;
	if (!message->spec)
		return diag_at(diag, "spec", "is required");
	for (size_t i = 0; i < message->spec->n_subsets; i++) {
		const MESSAGE(DestinationRule__Subset) *from = message->spec->subsets[i];
		struct dubbo_mesh_subset *subset = &mesh->subsets[mesh->subset_count++];
		struct dubbo_parameter *labels =
			ARENA_NEW_ARRAY(arena, struct dubbo_parameter, from->n_labels);
		if (!from->name[0])
			return diag_at(diag, "name", "is required"),
			       diag_prefix(diag, "spec.subsets[%zu]", i), STATUS_INVALID;
		for (size_t k = 0; k < from->n_labels; k++)
			labels[k] = (struct dubbo_parameter){
				arena_slice(arena, slice_of(from->labels[k]->key)),
				arena_slice(arena, slice_of(from->labels[k]->value))};
		*subset = (struct dubbo_mesh_subset){
			.host = arena_slice(arena, slice_of(message->spec->host)),
			.name = arena_slice(arena, slice_of(from->name)),
			.labels = labels,
			.label_count = (uint32_t)from->n_labels,
		};
	}
	return STATUS_OK;
}

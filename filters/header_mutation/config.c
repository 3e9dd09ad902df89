#include <envoy/config/common/mutation_rules/v3/mutation_rules.pb-c.h>
#include <envoy/extensions/filters/http/header_mutation/v3/header_mutation.pb-c.h>

#include "filters/header_mutation/header_mutation.h"

typedef Envoy__Extensions__Filters__Http__HeaderMutation__V3__HeaderMutation Message;
typedef Envoy__Extensions__Filters__Http__HeaderMutation__V3__HeaderMutationPerRoute PerRoute;
typedef Envoy__Extensions__Filters__Http__HeaderMutation__V3__Mutations Mutations;
typedef Envoy__Config__Common__MutationRules__V3__HeaderMutation HeaderMutation;

#define ACTION(kind) ENVOY__CONFIG__COMMON__MUTATION_RULES__V3__HEADER_MUTATION__ACTION_##kind

static enum status load_remove(struct mutation_step *step, const char *name, struct arena *arena,
			       struct diag *diag)
{
	struct slice *copy = ARENA_NEW(arena, struct slice);

	if (!header_name_is_valid(slice_of(name)))
		return diag_at(diag, "remove", "not a header name");
	if (name[0] == ':' || slice_equal_nocase(slice_of(name), SLICE("host")))
		return diag_at(diag, "remove", "pseudo headers and host may not be removed");
	char *lower = arena_string(arena, slice_of(name));
	slice_copy_lower(lower, slice_of(name));
	*copy = slice_of(lower);
	step->plain = (struct header_mutations){.removes = copy, .remove_count = 1};
	return STATUS_OK;
}

static enum status load_append(struct mutation_step *step, const HeaderMutation *message,
			       struct arena *arena, struct diag *diag)
{
	struct header_add *add = ARENA_NEW(arena, struct header_add);
	enum status status = header_add_load(add, message->append, arena, diag);

	if (status)
		diag_prefix(diag, "append");
	step->plain = (struct header_mutations){.adds = add, .add_count = 1};
	return status;
}

static enum status load_remove_on_match(struct mutation_step *step, const HeaderMutation *message,
					struct arena *arena, struct diag *diag)
{
	struct string_matcher *matcher = ARENA_NEW(arena, struct string_matcher);

	if (!message->remove_on_match->key_matcher)
		return diag_at(diag, "remove_on_match.key_matcher", "is required");
	enum status status =
		string_matcher_load(matcher, message->remove_on_match->key_matcher, arena, diag);
	if (status)
		diag_prefix(diag, "remove_on_match.key_matcher");
	step->remove = matcher;
	return status;
}

static enum status load_step(struct mutation_step *step, const HeaderMutation *message,
			     struct arena *arena, struct diag *diag)
{
	switch (message->action_case) {
	case ACTION(REMOVE):
		return load_remove(step, message->remove, arena, diag);
	case ACTION(APPEND):
		return load_append(step, message, arena, diag);
	case ACTION(REMOVE_ON_MATCH):
		return load_remove_on_match(step, message, arena, diag);
	case ENVOY__CONFIG__COMMON__MUTATION_RULES__V3__HEADER_MUTATION__ACTION__NOT_SET:
	case _ENVOY__CONFIG__COMMON__MUTATION_RULES__V3__HEADER_MUTATION__ACTION__CASE_IS_INT_SIZE:
		break;
	}
	return diag_at(diag, "remove", "remove, append or remove_on_match is required");
}

static enum status load_steps(struct mutation_steps *steps, const char *field,
			      HeaderMutation *const *messages, size_t count, struct arena *arena,
			      struct diag *diag)
{
	struct mutation_step *items = ARENA_NEW_ARRAY(arena, struct mutation_step, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load_step(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "mutations.%s[%zu]", field, i);
			return status;
		}
	}
	*steps = (struct mutation_steps){items, (uint32_t)count};
	return STATUS_OK;
}

static enum status load_mutations(struct header_mutation_config *config, const Mutations *m,
				  struct arena *arena, struct diag *diag)
{
	const struct {
		const char *field;
		HeaderMutation **messages;
		size_t count;
	} lists[MUTATION_PLACES] = {
		[MUTATION_REQUEST] = {"request_mutations", m->request_mutations,
				      m->n_request_mutations},
		[MUTATION_RESPONSE] = {"response_mutations", m->response_mutations,
				       m->n_response_mutations},
		[MUTATION_REQUEST_TRAILERS] = {"request_trailers_mutations",
					       m->request_trailers_mutations,
					       m->n_request_trailers_mutations},
		[MUTATION_RESPONSE_TRAILERS] = {"response_trailers_mutations",
						m->response_trailers_mutations,
						m->n_response_trailers_mutations},
	};

	for (unsigned i = 0; i < MUTATION_PLACES; i++) {
		enum status status = load_steps(&config->steps[i], lists[i].field,
						lists[i].messages, lists[i].count, arena, diag);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	struct header_mutation_config *config =
		ARENA_NEW(context->arena, struct header_mutation_config);
	const Mutations *mutations;

	if (is_per_route) {
		mutations = ((const PerRoute *)base)->mutations;
	} else {
		mutations = ((const Message *)base)->mutations;
		config->most_specific_wins =
			((const Message *)base)->most_specific_header_mutations_wins;
	}
	*loaded = config;
	return mutations ? load_mutations(config, mutations, context->arena, diag) : STATUS_OK;
}

static bool asks_attachments(const void *loaded, enum direction direction)
{
	const struct header_mutation_config *config = loaded;
	enum mutation_place place =
		direction == DIRECTION_REQUEST ? MUTATION_REQUEST : MUTATION_RESPONSE;

	return !config || config->steps[place].count > 0; /* NULL: it isn't known yet */
}

const struct filter_type header_mutation_filter = {
	.name = "envoy.filters.http.header_mutation",
	.message =
		&envoy__extensions__filters__http__header_mutation__v3__header_mutation__descriptor,
	.per_route =
		&envoy__extensions__filters__http__header_mutation__v3__header_mutation_per_route__descriptor,
	.config_load = config_load,
	.asks_attachments = asks_attachments,
	.request_headers = header_mutation_request_headers,
	.request_trailers = header_mutation_request_trailers,
	.response_headers = header_mutation_response_headers,
	.response_trailers = header_mutation_response_trailers,
};

#include "routing/rate_limit.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"

#define ACTION(kind) ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_##kind

typedef Envoy__Config__Route__V3__RateLimit__Action action_message;

static struct slice text_or(const char *text, struct slice otherwise, struct arena *arena)
{
	return text[0] ? arena_slice(arena, slice_of(text)) : otherwise;
}

static uint8_t mask_load(const Google__Protobuf__UInt32Value *message, uint8_t most)
{
	return message && message->value < most ? (uint8_t)message->value : most;
}

static enum status load_match(struct rate_limit_action *action, const action_message *message,
			      struct arena *arena, struct diag *diag)
{
	const Envoy__Config__Route__V3__RateLimit__Action__HeaderValueMatch *header;
	const Envoy__Config__Route__V3__RateLimit__Action__QueryParameterValueMatch *query;
	enum status status;

	if (message->action_specifier_case == ACTION(HEADER_VALUE_MATCH)) {
		header = message->header_value_match;
		action->source = RATE_LIMIT_HEADER_MATCH;
		action->key = text_or(header->descriptor_key, SLICE("header_match"), arena);
		action->value = arena_slice(arena, slice_of(header->descriptor_value));
		action->expects_match = !header->expect_match || header->expect_match->value;
		status = header_matches_load(&action->headers, "headers", header->headers,
					     header->n_headers, arena, diag);
		if (status)
			diag_prefix(diag, "header_value_match");
		return status;
	}
	query = message->query_parameter_value_match;
	action->source = RATE_LIMIT_QUERY_MATCH;
	action->key = text_or(query->descriptor_key, SLICE("query_match"), arena);
	action->value = arena_slice(arena, slice_of(query->descriptor_value));
	action->expects_match = !query->expect_match || query->expect_match->value;
	status = query_matches_load(&action->query, query->query_parameters,
				    query->n_query_parameters, arena, diag);
	if (status)
		diag_prefix(diag, "query_parameter_value_match");
	return status;
}

static enum status load_action(struct rate_limit_action *action, const action_message *m,
			       struct arena *arena, struct diag *diag)
{
	switch ((int)m->action_specifier_case) {
	case ACTION(SOURCE_CLUSTER):
		action->source = RATE_LIMIT_SOURCE_CLUSTER;
		action->key = SLICE("source_cluster");
		return STATUS_OK;
	case ACTION(DESTINATION_CLUSTER):
		action->source = RATE_LIMIT_DESTINATION_CLUSTER;
		action->key = SLICE("destination_cluster");
		return STATUS_OK;
	case ACTION(REQUEST_HEADERS):
		if (!m->request_headers->header_name[0] || !m->request_headers->descriptor_key[0])
			return diag_at(diag, "request_headers",
				       "header_name and descriptor_key are required");
		action->source = RATE_LIMIT_REQUEST_HEADER;
		action->name = header_name_of_config(m->request_headers->header_name, arena);
		action->key = text_or(m->request_headers->descriptor_key, SLICE(""), arena);
		action->skips_if_absent = m->request_headers->skip_if_absent;
		return STATUS_OK;
	case ACTION(QUERY_PARAMETERS):
		if (!m->query_parameters->query_parameter_name[0])
			return diag_at(diag, "query_parameters",
				       "query_parameter_name is required");
		action->source = RATE_LIMIT_QUERY_PARAMETER;
		action->name = text_or(m->query_parameters->query_parameter_name, SLICE(""), arena);
		action->key = text_or(m->query_parameters->descriptor_key, action->name, arena);
		action->skips_if_absent = m->query_parameters->skip_if_absent;
		return STATUS_OK;
	case ACTION(REMOTE_ADDRESS):
		action->source = RATE_LIMIT_REMOTE_ADDRESS;
		action->key = SLICE("remote_address");
		return STATUS_OK;
	case ACTION(MASKED_REMOTE_ADDRESS):
		action->source = RATE_LIMIT_MASKED_ADDRESS;
		action->key = SLICE("masked_remote_address");
		action->mask_ipv4 = mask_load(m->masked_remote_address->v4_prefix_mask_len, 32);
		action->mask_ipv6 = mask_load(m->masked_remote_address->v6_prefix_mask_len, 128);
		return STATUS_OK;
	case ACTION(GENERIC_KEY):
		if (!m->generic_key->descriptor_value[0])
			return diag_at(diag, "generic_key.descriptor_value", "must not be empty");
		action->source = RATE_LIMIT_CONSTANT;
		action->key = text_or(m->generic_key->descriptor_key, SLICE("generic_key"), arena);
		action->value = text_or(m->generic_key->descriptor_value, SLICE(""), arena);
		return STATUS_OK;
	case ACTION(HEADER_VALUE_MATCH):
	case ACTION(QUERY_PARAMETER_VALUE_MATCH):
		return load_match(action, m, arena, diag);
	case ACTION(METADATA):
	case ACTION(EXTENSION):
		diag_set(diag, "this kind of action is not supported");
		return STATUS_UNSUPPORTED;
	}
	return diag_set(diag, "an action is required");
}

static enum status load_limit(struct rate_limit *limit,
			      const Envoy__Config__Route__V3__RateLimit *message,
			      struct arena *arena, struct diag *diag)
{
	struct rate_limit_action *actions =
		ARENA_NEW_ARRAY(arena, struct rate_limit_action, message->n_actions);

	if (!message->n_actions || message->n_actions > RATE_LIMIT_ACTIONS_MAX)
		return diag_at(diag, "actions", "must be 1 to %d", RATE_LIMIT_ACTIONS_MAX);
	if (message->stage && message->stage->value > 10)
		return diag_at(diag, "stage", "must be at most 10");
	if (message->limit) {
		diag_at(diag, "limit", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	for (size_t i = 0; i < message->n_actions; i++) {
		enum status status = load_action(&actions[i], message->actions[i], arena, diag);
		if (status) {
			diag_prefix(diag, "actions[%zu]", i);
			return status;
		}
	}
	*limit = (struct rate_limit){
		.stage = message->stage ? message->stage->value : 0,
		.hits = 1,
		.disable_key = text_or(message->disable_key, SLICE(""), arena),
		.actions = actions,
		.action_count = (uint32_t)message->n_actions,
	};
	if (message->hits_addend && message->hits_addend->number)
		limit->hits = message->hits_addend->number->value;
	return STATUS_OK;
}

enum status rate_limits_load(struct rate_limits *limits,
			     Envoy__Config__Route__V3__RateLimit *const *messages, size_t count,
			     struct arena *arena, struct diag *diag)
{
	struct rate_limit *items = ARENA_NEW_ARRAY(arena, struct rate_limit, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load_limit(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "rate_limits[%zu]", i);
			return status;
		}
	}
	*limits = (struct rate_limits){items, (uint32_t)count};
	return STATUS_OK;
}

/* "10.1.2.0/24" */
static struct slice masked(const struct addr *client, const struct rate_limit_action *action,
			   struct arena *arena)
{
	struct addr addr = *client;
	unsigned bits = addr.family == ADDR_IPV4 ? action->mask_ipv4 : action->mask_ipv6;
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < sizeof addr.ip; i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;
		if (keep < 8)
			addr.ip[i] &= (uint8_t)(0xff00 >> keep);
	}
	size_t len = addr_format_ip(&addr, text);
	return slice_of(arena_printf(arena, "%.*s/%u", (int)len, text, bits));
}

enum outcome { HAS_VALUE, IS_SKIPPED, HAS_NONE };

static enum outcome value_of(const struct rate_limit_action *action,
			     const struct rate_limit_input *input, struct slice *value)
{
	const struct header *h;
	char text[ADDR_TEXT_MAX];
	enum outcome absent = action->skips_if_absent ? IS_SKIPPED : HAS_NONE;
	bool has_ip = input->client &&
		      (input->client->family == ADDR_IPV4 || input->client->family == ADDR_IPV6);

	*value = action->value;
	switch ((enum rate_limit_source)action->source) {
	case RATE_LIMIT_SOURCE_CLUSTER:
		*value = input->source_cluster;
		return HAS_VALUE;
	case RATE_LIMIT_DESTINATION_CLUSTER:
		*value = input->destination_cluster;
		return HAS_VALUE;
	case RATE_LIMIT_REQUEST_HEADER:
		h = headers_find(input->headers, action->name);
		if (h)
			*value = header_value(h);
		return h ? HAS_VALUE : absent;
	case RATE_LIMIT_QUERY_PARAMETER:
		return query_find(input->query, action->name, value) ? HAS_VALUE : absent;
	case RATE_LIMIT_REMOTE_ADDRESS:
		if (has_ip)
			*value = arena_slice(input->arena,
					     slice_make(text, addr_format_ip(input->client, text)));
		return has_ip ? HAS_VALUE : HAS_NONE;
	case RATE_LIMIT_MASKED_ADDRESS:
		if (has_ip)
			*value = masked(input->client, action, input->arena);
		return has_ip ? HAS_VALUE : HAS_NONE;
	case RATE_LIMIT_CONSTANT:
		return HAS_VALUE;
	case RATE_LIMIT_HEADER_MATCH:
		return header_matches_test(&action->headers, input->headers) ==
				       action->expects_match
			       ? HAS_VALUE
			       : HAS_NONE;
	case RATE_LIMIT_QUERY_MATCH:
		return query_matches_test(&action->query, input->query) == action->expects_match
			       ? HAS_VALUE
			       : HAS_NONE;
	}
	return HAS_NONE;
}

bool rate_limit_describe(const struct rate_limit *limit, const struct rate_limit_input *input,
			 struct rate_limit_entry entries[RATE_LIMIT_ACTIONS_MAX], unsigned *count)
{
	*count = 0;
	for (uint32_t i = 0; i < limit->action_count; i++) {
		struct slice value;
		switch (value_of(&limit->actions[i], input, &value)) {
		case HAS_VALUE:
			entries[(*count)++] =
				(struct rate_limit_entry){limit->actions[i].key, value};
			break;
		case IS_SKIPPED:
			break;
		case HAS_NONE:
			return false;
		}
	}
	return *count > 0;
}

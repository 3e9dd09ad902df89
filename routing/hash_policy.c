#include "routing/hash_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/regex.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "message/cookie.h"
#include "routing/header_match.h"
#include "routing/query_match.h"
#include "routing/rewrite.h"

#define POLICY(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HASH_POLICY__POLICY_SPECIFIER_##kind

enum { HEADER_VALUES_MAX = 64 }; /* further values of one field don't count */

typedef Envoy__Config__Route__V3__RouteAction__HashPolicy policy_message;

static enum status load_header(struct hash_policy *policy,
			       const Envoy__Config__Route__V3__RouteAction__HashPolicy__Header *m,
			       struct arena *arena, struct diag *diag)
{
	if (!m->header_name[0])
		return diag_at(diag, "header.header_name", "must not be empty");
	policy->source = HASH_HEADER;
	policy->name = header_name_of_config(m->header_name, arena);
	if (!m->regex_rewrite)
		return STATUS_OK;
	enum status status = regex_rewrite_load(&policy->regex, &policy->substitution,
						m->regex_rewrite, arena, diag);
	if (status)
		diag_prefix(diag, "header.regex_rewrite");
	return status;
}

static enum status load_cookie(struct hash_policy *policy,
			       const Envoy__Config__Route__V3__RouteAction__HashPolicy__Cookie *m,
			       struct arena *arena, struct diag *diag)
{
	struct slice tail = SLICE("");

	if (!m->name[0])
		return diag_at(diag, "cookie.name", "must not be empty");
	policy->source = HASH_COOKIE;
	policy->name = arena_slice(arena, slice_of(m->name));
	policy->makes_cookie = m->ttl != NULL;
	if (m->ttl && m->ttl->seconds)
		tail = slice_of(arena_printf(arena, "; Max-Age=%lld", (long long)m->ttl->seconds));
	if (m->path[0])
		tail = slice_of(arena_printf(arena, "%.*s; Path=%s", SLICE_FMT(tail), m->path));
	for (size_t i = 0; i < m->n_attributes; i++)
		tail = slice_of(arena_printf(
			arena, "%.*s; %s%s%s", SLICE_FMT(tail), m->attributes[i]->name,
			m->attributes[i]->value[0] ? "=" : "", m->attributes[i]->value));
	policy->cookie_tail = slice_of(arena_printf(arena, "%.*s; HttpOnly", SLICE_FMT(tail)));
	return STATUS_OK;
}

static enum status load(struct hash_policy *policy, const policy_message *message,
			struct arena *arena, struct diag *diag)
{
	policy->is_terminal = message->terminal;
	switch ((int)message->policy_specifier_case) {
	case POLICY(HEADER):
		return load_header(policy, message->header, arena, diag);
	case POLICY(COOKIE):
		return load_cookie(policy, message->cookie, arena, diag);
	case POLICY(CONNECTION_PROPERTIES):
		if (!message->connection_properties->source_ip)
			return diag_at(diag, "connection_properties", "source_ip is required");
		policy->source = HASH_SOURCE_IP;
		return STATUS_OK;
	case POLICY(QUERY_PARAMETER):
		if (!message->query_parameter->name[0])
			return diag_at(diag, "query_parameter.name", "must not be empty");
		policy->source = HASH_QUERY_PARAMETER;
		policy->name = arena_slice(arena, slice_of(message->query_parameter->name));
		return STATUS_OK;
	case POLICY(FILTER_STATE):
		diag_at(diag, "filter_state", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	return diag_set(diag, "one of header, cookie, connection_properties, query_parameter is "
			      "required");
}

enum status hash_policies_load(struct hash_policies *policies, policy_message *const *messages,
			       size_t count, struct arena *arena, struct diag *diag)
{
	struct hash_policy *items = ARENA_NEW_ARRAY(arena, struct hash_policy, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "hash_policy[%zu]", i);
			return status;
		}
	}
	*policies = (struct hash_policies){items, (uint32_t)count};
	return STATUS_OK;
}

static int compare_slices(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* The values of a field count in sorted order, so that their order on the wire doesn't. */
static bool hash_header(const struct hash_policy *policy, const struct hash_input *input,
			uint64_t *hash)
{
	const struct header *h = headers_find(input->headers, policy->name);
	struct slice values[HEADER_VALUES_MAX];
	size_t count = 0;

	if (!h)
		return false;
	for (; h && count < HEADER_VALUES_MAX; h = headers_find_next(input->headers, h)) {
		values[count] = header_value(h);
		if (policy->regex)
			values[count] = regex_replace_all(policy->regex, values[count],
							  policy->substitution, input->arena);
		count++;
	}
	if (count > 1)
		qsort(values, count, sizeof *values, compare_slices);
	*hash = 0;
	for (size_t i = 0; i < count; i++)
		*hash = hash_seeded(values[i], *hash);
	return true;
}

/* What stands for a client that has no cookie yet: its and our address, hashed. */
static uint64_t make_cookie(const struct hash_policy *policy, const struct hash_input *input,
			    struct made_cookie ***cookies)
{
	struct made_cookie *cookie = ARENA_NEW(input->arena, struct made_cookie);
	char text[2 * ADDR_TEXT_MAX], value[17];
	size_t len = input->client ? addr_format(input->client, text) : 0;

	len += input->local ? addr_format(input->local, text + len) : 0;
	snprintf(value, sizeof value, "%016llx",
		 (unsigned long long)hash_bytes(slice_make(text, len)));
	cookie->set_cookie =
		slice_of(arena_printf(input->arena, "%.*s=\"%s\"%.*s", SLICE_FMT(policy->name),
				      value, SLICE_FMT(policy->cookie_tail)));
	**cookies = cookie;
	*cookies = &cookie->next;
	return hash_bytes(slice_make(value, 16));
}

static bool hash_one(const struct hash_policy *policy, const struct hash_input *input,
		     uint64_t *hash, struct made_cookie ***cookies)
{
	char text[ADDR_TEXT_MAX];
	struct slice value;

	switch ((enum hash_source)policy->source) {
	case HASH_HEADER:
		return hash_header(policy, input, hash);
	case HASH_COOKIE:
		value = cookie_find(input->headers, policy->name);
		if (value.len) {
			*hash = hash_bytes(value);
			return true;
		}
		if (!policy->makes_cookie)
			return false;
		*hash = make_cookie(policy, input, cookies);
		return true;
	case HASH_SOURCE_IP:
		if (!input->client ||
		    (input->client->family != ADDR_IPV4 && input->client->family != ADDR_IPV6))
			return false;
		*hash = hash_bytes(slice_make(text, addr_format_ip(input->client, text)));
		return true;
	case HASH_QUERY_PARAMETER:
		if (!query_find(input->query, policy->name, &value))
			return false;
		*hash = hash_bytes(value);
		return true;
	}
	return false;
}

struct hash_result hash_policies_hash(const struct hash_policies *policies,
				      const struct hash_input *input)
{
	struct hash_result result = {.cookies = NULL};
	struct made_cookie **cookies = &result.cookies; /* where the next one goes */

	for (uint32_t i = 0; i < policies->count; i++) {
		uint64_t hash;
		if (hash_one(&policies->items[i], input, &hash, &cookies)) {
			result.hash = result.is_found
					      ? ((result.hash << 1) | (result.hash >> 63)) ^ hash
					      : hash;
			result.is_found = true;
		}
		if (result.is_found && policies->items[i].is_terminal)
			break;
	}
	return result;
}

#include <stdlib.h>

#include <envoy/config/core/v3/address.pb-c.h>
#include <envoy/config/rbac/v3/rbac.pb-c.h>
#include <envoy/type/matcher/v3/path.pb-c.h>
#include <envoy/type/v3/range.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "filters/rbac/policy.h"

typedef Envoy__Config__Rbac__V3__RBAC Message;
typedef Envoy__Config__Rbac__V3__Permission Permission;
typedef Envoy__Config__Rbac__V3__Principal Principal;
typedef Envoy__Config__Core__V3__CidrRange CidrRange;
typedef Envoy__Type__Matcher__V3__PathMatcher PathMatcher;
typedef Envoy__Type__Matcher__V3__StringMatcher StringMatcher;

#define RULE(kind) ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE_##kind
#define IDENTIFIER(kind) ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER_##kind

static enum status load_range(struct rbac_test *test, enum rbac_test_kind kind,
			      const CidrRange *message, const char *field, struct diag *diag)
{
	test->kind = (uint8_t)kind;
	if (addr_parse_ip(slice_of(message->address_prefix), 0, &test->range.base)) {
		diag_set(diag, "'%s' is no address", message->address_prefix);
		diag_prefix(diag, "%s.address_prefix", field);
		return STATUS_INVALID;
	}
	test->range.prefix_len = message->prefix_len ? message->prefix_len->value : 0;
	return STATUS_OK;
}

static enum status load_text(struct rbac_test *test, enum rbac_test_kind kind,
			     const StringMatcher *message, const char *field, struct arena *arena,
			     struct diag *diag)
{
	test->kind = (uint8_t)kind;
	test->has_text = message;
	if (!message)
		return STATUS_OK;
	enum status status = string_matcher_load(&test->text, message, arena, diag);
	if (status)
		diag_prefix(diag, "%s", field);
	return status;
}

static enum status load_path(struct rbac_test *test, const PathMatcher *message,
			     struct arena *arena, struct diag *diag)
{
	if (message->rule_case != ENVOY__TYPE__MATCHER__V3__PATH_MATCHER__RULE_PATH)
		return diag_at(diag, "url_path.path", "is required");
	return load_text(test, RBAC_PATH, message->path, "url_path.path", arena, diag);
}

static enum status load_header(struct rbac_test *test,
			       Envoy__Config__Route__V3__HeaderMatcher *message,
			       struct arena *arena, struct diag *diag)
{
	test->kind = RBAC_HEADER;
	return header_matches_load(&test->header, "header", &message, 1, arena, diag);
}

static enum status load_ports(struct rbac_test *test, uint32_t from, uint32_t to)
{
	test->kind = RBAC_DESTINATION_PORT;
	test->from = from;
	test->to = to;
	return STATUS_OK;
}

static enum status too_deep(struct diag *diag)
{
	return diag_set(diag, "is nested more than %d deep", RBAC_DEPTH_MAX);
}

static enum status unsupported(const char *field, struct diag *diag)
{
	diag_at(diag, field, "is not supported");
	return STATUS_UNSUPPORTED;
}

/* --- what is done --- */

static enum status load_permission(struct rbac_test *test, const Permission *message,
				   unsigned depth, struct arena *arena, struct diag *diag);

static enum status load_permissions(struct rbac_test *test, enum rbac_test_kind kind,
				    const char *field, Permission *const *messages, size_t count,
				    unsigned depth, struct arena *arena, struct diag *diag)
{
	struct rbac_test *children = ARENA_NEW_ARRAY(arena, struct rbac_test, count);

	test->kind = (uint8_t)kind;
	test->children = children;
	test->child_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		enum status status = load_permission(&children[i], messages[i], depth, arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_permission(struct rbac_test *test, const Permission *message,
				   unsigned depth, struct arena *arena, struct diag *diag)
{
	if (depth >= RBAC_DEPTH_MAX)
		return too_deep(diag);
	switch (message->rule_case) {
	case RULE(AND_RULES):
		return load_permissions(test, RBAC_ALL_OF, "and_rules.rules",
					message->and_rules->rules, message->and_rules->n_rules,
					depth + 1, arena, diag);
	case RULE(OR_RULES):
		return load_permissions(test, RBAC_ANY_OF, "or_rules.rules",
					message->or_rules->rules, message->or_rules->n_rules,
					depth + 1, arena, diag);
	case RULE(NOT_RULE):
		return load_permissions(test, RBAC_NOT, "not_rule", &message->not_rule, 1,
					depth + 1, arena, diag);
	case RULE(ANY):
		test->kind = RBAC_ALWAYS;
		return STATUS_OK;
	case RULE(HEADER):
		return load_header(test, message->header, arena, diag);
	case RULE(DESTINATION_IP):
		return load_range(test, RBAC_DESTINATION_IP, message->destination_ip,
				  "destination_ip", diag);
	case RULE(DESTINATION_PORT):
		return load_ports(test, message->destination_port, message->destination_port + 1);
	case RULE(DESTINATION_PORT_RANGE):
		if (message->destination_port_range->start < 0 ||
		    message->destination_port_range->end < message->destination_port_range->start)
			return diag_at(diag, "destination_port_range", "is empty or negative");
		return load_ports(test, (uint32_t)message->destination_port_range->start,
				  (uint32_t)message->destination_port_range->end);
	case RULE(REQUESTED_SERVER_NAME):
		return load_text(test, RBAC_SERVER_NAME, message->requested_server_name,
				 "requested_server_name", arena, diag);
	case RULE(URL_PATH):
		return load_path(test, message->url_path, arena, diag);
	case RULE(METADATA):
		return unsupported("metadata", diag);
	case RULE(MATCHER):
		return unsupported("matcher", diag);
	case RULE(URI_TEMPLATE):
		return unsupported("uri_template", diag);
	case RULE(SOURCED_METADATA):
		return unsupported("sourced_metadata", diag);
	case ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE__NOT_SET:
	case _ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(diag, "a rule is required");
}

/* --- who does it --- */

static enum status load_principal(struct rbac_test *test, const Principal *message, unsigned depth,
				  struct arena *arena, struct diag *diag);

static enum status load_principals(struct rbac_test *test, enum rbac_test_kind kind,
				   const char *field, Principal *const *messages, size_t count,
				   unsigned depth, struct arena *arena, struct diag *diag)
{
	struct rbac_test *children = ARENA_NEW_ARRAY(arena, struct rbac_test, count);

	test->kind = (uint8_t)kind;
	test->children = children;
	test->child_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		enum status status = load_principal(&children[i], messages[i], depth, arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_principal(struct rbac_test *test, const Principal *message, unsigned depth,
				  struct arena *arena, struct diag *diag)
{
	if (depth >= RBAC_DEPTH_MAX)
		return too_deep(diag);
	switch (message->identifier_case) {
	case IDENTIFIER(AND_IDS):
		return load_principals(test, RBAC_ALL_OF, "and_ids.ids", message->and_ids->ids,
				       message->and_ids->n_ids, depth + 1, arena, diag);
	case IDENTIFIER(OR_IDS):
		return load_principals(test, RBAC_ANY_OF, "or_ids.ids", message->or_ids->ids,
				       message->or_ids->n_ids, depth + 1, arena, diag);
	case IDENTIFIER(NOT_ID):
		return load_principals(test, RBAC_NOT, "not_id", &message->not_id, 1, depth + 1,
				       arena, diag);
	case IDENTIFIER(ANY):
		test->kind = RBAC_ALWAYS;
		return STATUS_OK;
	case IDENTIFIER(AUTHENTICATED):
		return load_text(test, RBAC_AUTHENTICATED, message->authenticated->principal_name,
				 "authenticated.principal_name", arena, diag);
	case IDENTIFIER(SOURCE_IP):
		return load_range(test, RBAC_DIRECT_IP, message->source_ip, "source_ip", diag);
	case IDENTIFIER(DIRECT_REMOTE_IP):
		return load_range(test, RBAC_DIRECT_IP, message->direct_remote_ip,
				  "direct_remote_ip", diag);
	case IDENTIFIER(REMOTE_IP):
		return load_range(test, RBAC_REMOTE_IP, message->remote_ip, "remote_ip", diag);
	case IDENTIFIER(HEADER):
		return load_header(test, message->header, arena, diag);
	case IDENTIFIER(URL_PATH):
		return load_path(test, message->url_path, arena, diag);
	case IDENTIFIER(METADATA):
		return unsupported("metadata", diag);
	case IDENTIFIER(FILTER_STATE):
		return unsupported("filter_state", diag);
	case IDENTIFIER(SOURCED_METADATA):
		return unsupported("sourced_metadata", diag);
	case IDENTIFIER(CUSTOM):
		return unsupported("custom", diag);
	case ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER__NOT_SET:
	case _ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(diag, "an identifier is required");
}

/* --- policies --- */

static enum status load_policy(struct rbac_policy *policy,
			       const Envoy__Config__Rbac__V3__RBAC__PoliciesEntry *entry,
			       struct arena *arena, struct diag *diag)
{
	const Envoy__Config__Rbac__V3__Policy *message = entry->value;
	enum status status = STATUS_OK;

	policy->name = arena_slice(arena, slice_of(entry->key));
	if (!message || !message->n_permissions || !message->n_principals)
		status = diag_set(diag, "permissions and principals are required");
	if (!status)
		status = load_permissions(&policy->permission, RBAC_ANY_OF, "permissions",
					  message->permissions, message->n_permissions, 0, arena,
					  diag);
	if (!status)
		status =
			load_principals(&policy->principal, RBAC_ANY_OF, "principals",
					message->principals, message->n_principals, 0, arena, diag);
	if (status)
		diag_prefix(diag, "policies[\"%s\"]", entry->key);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return slice_compare(((const struct rbac_policy *)a)->name,
			     ((const struct rbac_policy *)b)->name);
}

enum status rbac_rules_load(const struct rbac_rules **loaded, const Message *message,
			    struct arena *arena, struct diag *diag)
{
	*loaded = NULL;
	if (!message)
		return STATUS_OK;
	struct rbac_rules *rules = ARENA_NEW(arena, struct rbac_rules);
	struct rbac_policy *policies =
		ARENA_NEW_ARRAY(arena, struct rbac_policy, message->n_policies);
	for (size_t i = 0; i < message->n_policies; i++) {
		enum status status = load_policy(&policies[i], message->policies[i], arena, diag);
		if (status)
			return status;
	}
	if (message->n_policies > 1)
		qsort(policies, message->n_policies, sizeof *policies, by_name);
	rules->action = (uint8_t)message->action; /* the same order */
	rules->policies = policies;
	rules->policy_count = (uint32_t)message->n_policies;
	*loaded = rules;
	return STATUS_OK;
}

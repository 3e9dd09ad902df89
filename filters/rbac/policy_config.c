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
typedef Envoy__Type__Matcher__V3__MetadataMatcher MetadataMatcher;
typedef Envoy__Type__Matcher__V3__PathMatcher PathMatcher;
typedef Envoy__Type__Matcher__V3__StringMatcher StringMatcher;

#define RULE(kind) ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE_##kind
#define IDENTIFIER(kind) ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER_##kind

/* What every step needs. */
struct loading {
	struct arena *arena;
	struct diag *diag;
	unsigned depth; /* of the tree so far */
};

static enum status load_range(struct loading *l, struct rbac_test *test, enum rbac_test_kind kind,
			      const CidrRange *message, const char *field)
{
	unsigned prefix_len = message->prefix_len ? message->prefix_len->value : 0;

	test->kind = (uint8_t)kind;
	if (!addr_range_parse(slice_of(message->address_prefix), prefix_len, &test->range))
		return STATUS_OK;
	diag_set(l->diag, "'%s' is no address", message->address_prefix);
	diag_prefix(l->diag, "%s.address_prefix", field);
	return STATUS_INVALID;
}

static enum status load_text(struct loading *l, struct rbac_test *test, enum rbac_test_kind kind,
			     const StringMatcher *message, const char *field)
{
	test->kind = (uint8_t)kind;
	test->has_text = message;
	if (!message)
		return STATUS_OK;
	enum status status = string_matcher_load(&test->text, message, l->arena, l->diag);
	if (status)
		diag_prefix(l->diag, "%s", field);
	return status;
}

static enum status load_path(struct loading *l, struct rbac_test *test, const PathMatcher *message)
{
	if (message->rule_case != ENVOY__TYPE__MATCHER__V3__PATH_MATCHER__RULE_PATH)
		return diag_at(l->diag, "url_path.path", "is required");
	return load_text(l, test, RBAC_PATH, message->path, "url_path.path");
}

static enum status load_header(struct loading *l, struct rbac_test *test,
			       Envoy__Config__Route__V3__HeaderMatcher *message)
{
	test->kind = RBAC_HEADER;
	return header_matches_load(&test->header, "header", &message, 1, l->arena, l->diag);
}

static enum status load_ports(struct rbac_test *test, uint32_t from, uint32_t to)
{
	test->kind = RBAC_DESTINATION_PORT;
	test->from = from;
	test->to = to;
	return STATUS_OK;
}

static enum status load_metadata(struct loading *l, struct rbac_test *test,
				 const MetadataMatcher *message, const char *field)
{
	struct metadata_match *match = ARENA_NEW(l->arena, struct metadata_match);

	test->kind = RBAC_METADATA;
	test->metadata = match;
	enum status status = metadata_match_load(match, message, l->arena, l->diag);
	if (status)
		diag_prefix(l->diag, "%s", field);
	return status;
}

static enum status unsupported(struct loading *l, const char *field)
{
	diag_at(l->diag, field, "is not supported");
	return STATUS_UNSUPPORTED;
}

static enum status load_sourced(struct loading *l, struct rbac_test *test,
				const Envoy__Config__Rbac__V3__SourcedMetadata *message)
{
	if (message->metadata_source != ENVOY__CONFIG__RBAC__V3__METADATA_SOURCE__DYNAMIC)
		return unsupported(l, "sourced_metadata.metadata_source");
	if (!message->metadata_matcher)
		return diag_at(l->diag, "sourced_metadata.metadata_matcher", "is required");
	return load_metadata(l, test, message->metadata_matcher,
			     "sourced_metadata.metadata_matcher");
}

/* --- trees --- */

/* A test with `count` children, which are to be loaded now. NULL: it would be too deep. */
static struct rbac_test *open_children(struct loading *l, struct rbac_test *test,
				       enum rbac_test_kind kind, size_t count)
{
	if (l->depth == RBAC_DEPTH_MAX) {
		diag_set(l->diag, "is nested more than %d deep", RBAC_DEPTH_MAX);
		return NULL;
	}
	l->depth++;
	struct rbac_test *children = ARENA_NEW_ARRAY(l->arena, struct rbac_test, count);
	test->kind = (uint8_t)kind;
	test->children = children;
	test->child_count = (uint32_t)count;
	return children;
}

static enum status close_children(struct loading *l, enum status status, const char *field,
				  size_t at)
{
	l->depth--;
	if (status)
		diag_prefix(l->diag, "%s[%zu]", field, at);
	return status;
}

/* --- what is done --- */

static enum status load_permission(struct loading *l, struct rbac_test *test,
				   const Permission *message);

static enum status load_permissions(struct loading *l, struct rbac_test *test,
				    enum rbac_test_kind kind, const char *field,
				    Permission *const *messages, size_t count)
{
	struct rbac_test *children = open_children(l, test, kind, count);
	enum status status = STATUS_OK;
	size_t i = 0;

	if (!children)
		return STATUS_INVALID;
	while (i < count && !(status = load_permission(l, &children[i], messages[i])))
		i++;
	return close_children(l, status, field, i);
}

static enum status load_permission(struct loading *l, struct rbac_test *test,
				   const Permission *message)
{
	switch (message->rule_case) {
	case RULE(AND_RULES):
		return load_permissions(l, test, RBAC_ALL_OF, "and_rules.rules",
					message->and_rules->rules, message->and_rules->n_rules);
	case RULE(OR_RULES):
		return load_permissions(l, test, RBAC_ANY_OF, "or_rules.rules",
					message->or_rules->rules, message->or_rules->n_rules);
	case RULE(NOT_RULE):
		return load_permissions(l, test, RBAC_NOT, "not_rule", &message->not_rule, 1);
	case RULE(ANY):
		test->kind = RBAC_ALWAYS;
		return STATUS_OK;
	case RULE(HEADER):
		return load_header(l, test, message->header);
	case RULE(DESTINATION_IP):
		return load_range(l, test, RBAC_DESTINATION_IP, message->destination_ip,
				  "destination_ip");
	case RULE(DESTINATION_PORT):
		return load_ports(test, message->destination_port, message->destination_port + 1);
	case RULE(DESTINATION_PORT_RANGE):
		if (message->destination_port_range->start < 0 ||
		    message->destination_port_range->end < message->destination_port_range->start)
			return diag_at(l->diag, "destination_port_range", "is empty or negative");
		return load_ports(test, (uint32_t)message->destination_port_range->start,
				  (uint32_t)message->destination_port_range->end);
	case RULE(REQUESTED_SERVER_NAME):
		return load_text(l, test, RBAC_SERVER_NAME, message->requested_server_name,
				 "requested_server_name");
	case RULE(URL_PATH):
		return load_path(l, test, message->url_path);
	case RULE(METADATA):
		return load_metadata(l, test, message->metadata, "metadata");
	case RULE(SOURCED_METADATA):
		return load_sourced(l, test, message->sourced_metadata);
	case RULE(MATCHER):
		return unsupported(l, "matcher");
	case RULE(URI_TEMPLATE):
		return unsupported(l, "uri_template");
	case ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE__NOT_SET:
	case _ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(l->diag, "a rule is required");
}

/* --- who does it --- */

static enum status load_principal(struct loading *l, struct rbac_test *test,
				  const Principal *message);

static enum status load_principals(struct loading *l, struct rbac_test *test,
				   enum rbac_test_kind kind, const char *field,
				   Principal *const *messages, size_t count)
{
	struct rbac_test *children = open_children(l, test, kind, count);
	enum status status = STATUS_OK;
	size_t i = 0;

	if (!children)
		return STATUS_INVALID;
	while (i < count && !(status = load_principal(l, &children[i], messages[i])))
		i++;
	return close_children(l, status, field, i);
}

static enum status load_principal(struct loading *l, struct rbac_test *test,
				  const Principal *message)
{
	switch (message->identifier_case) {
	case IDENTIFIER(AND_IDS):
		return load_principals(l, test, RBAC_ALL_OF, "and_ids.ids", message->and_ids->ids,
				       message->and_ids->n_ids);
	case IDENTIFIER(OR_IDS):
		return load_principals(l, test, RBAC_ANY_OF, "or_ids.ids", message->or_ids->ids,
				       message->or_ids->n_ids);
	case IDENTIFIER(NOT_ID):
		return load_principals(l, test, RBAC_NOT, "not_id", &message->not_id, 1);
	case IDENTIFIER(ANY):
		test->kind = RBAC_ALWAYS;
		return STATUS_OK;
	case IDENTIFIER(AUTHENTICATED):
		return load_text(l, test, RBAC_AUTHENTICATED,
				 message->authenticated->principal_name,
				 "authenticated.principal_name");
	case IDENTIFIER(SOURCE_IP):
		return load_range(l, test, RBAC_DIRECT_IP, message->source_ip, "source_ip");
	case IDENTIFIER(DIRECT_REMOTE_IP):
		return load_range(l, test, RBAC_DIRECT_IP, message->direct_remote_ip,
				  "direct_remote_ip");
	case IDENTIFIER(REMOTE_IP):
		return load_range(l, test, RBAC_REMOTE_IP, message->remote_ip, "remote_ip");
	case IDENTIFIER(HEADER):
		return load_header(l, test, message->header);
	case IDENTIFIER(URL_PATH):
		return load_path(l, test, message->url_path);
	case IDENTIFIER(METADATA):
		return load_metadata(l, test, message->metadata, "metadata");
	case IDENTIFIER(SOURCED_METADATA):
		return load_sourced(l, test, message->sourced_metadata);
	case IDENTIFIER(FILTER_STATE):
		return unsupported(l, "filter_state");
	case IDENTIFIER(CUSTOM):
		return unsupported(l, "custom");
	case ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER__NOT_SET:
	case _ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(l->diag, "an identifier is required");
}

/* --- policies --- */

static enum status load_policy(struct loading *l, struct rbac_policy *policy,
			       const Envoy__Config__Rbac__V3__RBAC__PoliciesEntry *entry)
{
	const Envoy__Config__Rbac__V3__Policy *message = entry->value;
	enum status status = STATUS_OK;

	policy->name = arena_slice(l->arena, slice_of(entry->key));
	if (!message || !message->n_permissions || !message->n_principals)
		status = diag_set(l->diag, "permissions and principals are required");
	if (!status)
		status = load_permissions(l, &policy->permission, RBAC_ANY_OF, "permissions",
					  message->permissions, message->n_permissions);
	if (!status)
		status = load_principals(l, &policy->principal, RBAC_ANY_OF, "principals",
					 message->principals, message->n_principals);
	if (status)
		diag_prefix(l->diag, "policies[\"%s\"]", entry->key);
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
	struct loading l = {arena, diag, 0};

	*loaded = NULL;
	if (!message)
		return STATUS_OK;
	struct rbac_rules *rules = ARENA_NEW(arena, struct rbac_rules);
	struct rbac_policy *policies =
		ARENA_NEW_ARRAY(arena, struct rbac_policy, message->n_policies);
	for (size_t i = 0; i < message->n_policies; i++) {
		enum status status = load_policy(&l, &policies[i], message->policies[i]);
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

#include "filters/rbac/policy.h"

static bool is_met(const struct rbac_test *test, const struct rbac_input *input, bool *gave_up);

static bool any_is_met(const struct rbac_test *test, const struct rbac_input *input, bool *gave_up)
{
	for (uint32_t i = 0; i < test->child_count; i++)
		if (is_met(&test->children[i], input, gave_up))
			return true;
	return false;
}

static bool all_are_met(const struct rbac_test *test, const struct rbac_input *input, bool *gave_up)
{
	for (uint32_t i = 0; i < test->child_count; i++)
		if (!is_met(&test->children[i], input, gave_up))
			return false;
	return true;
}

static struct slice path_of(const struct rbac_input *input)
{
	struct slice path = headers_get(input->headers, HEADER_PATH);
	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] == '?' || path.data[i] == '#')
			path.len = i;
	return path;
}

static bool is_authenticated(const struct rbac_test *test, const struct rbac_input *input,
			     bool *gave_up)
{
	if (!input->is_authenticated || !test->has_text)
		return input->is_authenticated;
	for (uint32_t i = 0; i < input->peer_name_count; i++)
		if (string_matcher_try(&test->text, input->peer_names[i], gave_up))
			return true;
	return false;
}

static bool is_met(const struct rbac_test *test, const struct rbac_input *input, bool *gave_up)
{
	switch ((enum rbac_test_kind)test->kind) {
	case RBAC_ALL_OF:
		return all_are_met(test, input, gave_up);
	case RBAC_ANY_OF:
		return any_is_met(test, input, gave_up);
	case RBAC_NOT:
		return !is_met(test->children, input, gave_up);
	case RBAC_ALWAYS:
		return true;
	case RBAC_HEADER: /* one */
		return input->headers &&
		       header_match_try(test->header.items, input->headers, gave_up);
	case RBAC_PATH:
		return input->headers && headers_has(input->headers, HEADER_PATH) &&
		       string_matcher_try(&test->text, path_of(input), gave_up);
	case RBAC_DESTINATION_IP:
		return addr_in_range(input->local, &test->range);
	case RBAC_DESTINATION_PORT:
		return input->local->port >= test->from && input->local->port < test->to;
	case RBAC_DIRECT_IP:
		return addr_in_range(input->direct_remote, &test->range);
	case RBAC_REMOTE_IP:
		return addr_in_range(input->remote, &test->range);
	case RBAC_SERVER_NAME:
		return string_matcher_try(&test->text, input->server_name, gave_up);
	case RBAC_METADATA:
		return metadata_match_try(test->metadata, input->metadata, gave_up);
	case RBAC_AUTHENTICATED:
		return is_authenticated(test, input, gave_up);
	}
	return false;
}

/* A regex that gave up makes the answer unreliable: it is taken for the one that denies. */
static bool policy_matches(const struct rbac_rules *rules, const struct rbac_policy *policy,
			   const struct rbac_input *input)
{
	bool gave_up = false;
	bool matches = is_met(&policy->permission, input, &gave_up) &&
		       is_met(&policy->principal, input, &gave_up);

	return gave_up ? rules->action == RBAC_DENY : matches;
}

bool rbac_allows(const struct rbac_rules *rules, const struct rbac_input *input,
		 const struct rbac_policy **policy)
{
	*policy = NULL;
	for (uint32_t i = 0; i < rules->policy_count && !*policy; i++)
		if (policy_matches(rules, &rules->policies[i], input))
			*policy = &rules->policies[i];
	switch ((enum rbac_action)rules->action) {
	case RBAC_ALLOW:
		return *policy;
	case RBAC_DENY:
		return !*policy;
	case RBAC_LOG:
		return true;
	}
	return false;
}

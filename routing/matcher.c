#include "routing/matcher.h"

#include "base/regex.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/extensions/path/match/uri_template/v3/uri_template_match.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "message/grpc.h"
#include "outrigger/config/route/v1/rpc_route.pb-c.h"
#include "routing/path_template.h"
#include "routing/rpc_match_load.h"
#include "xds/proto/any_message.h"

#define PATH(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_##kind

typedef Envoy__Extensions__Path__Match__UriTemplate__V3__UriTemplateMatchConfig template_message;

static void set_literal(struct route_matcher *matcher, enum path_kind kind, const char *path,
			struct arena *arena)
{
	struct slice text = slice_of(path);
	char *copy = arena_string(arena, text);

	if (matcher->ignore_case)
		slice_copy_lower(copy, text);
	matcher->kind = (uint8_t)kind;
	matcher->path = (struct slice){copy, text.len};
	matcher->path_word = path_word_of(matcher->path);
	matcher->path_mask = path_word_of(
		slice_make("\xff\xff\xff\xff\xff\xff\xff\xff", text.len < 8 ? text.len : 8));
}

static enum status load_segments(struct route_matcher *matcher, const char *path,
				 struct arena *arena, struct diag *diag)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len < 2 || path[len - 1] == '/' || strpbrk(path, "?#"))
		return diag_at(diag, "path_separated_prefix",
			       "must begin with '/', not end with it, and hold no '?' or '#'");
	set_literal(matcher, PATH_SEGMENTS, path, arena);
	return STATUS_OK;
}

static enum status load_template(struct route_matcher *matcher, const template_message *message,
				 struct arena *arena, struct path_template *template,
				 struct diag *diag)
{
	enum status status =
		path_template_parse(slice_of(message->path_template), arena, template, diag);
	if (!status)
		status = regex_compile(template->regex, REGEX_MATCH, arena, &matcher->regex, diag);
	matcher->kind = PATH_REGEX;
	if (status)
		diag_prefix(diag, "path_match_policy.path_template");
	return status;
}

static enum status load_path_policy(struct route_matcher *matcher,
				    const Envoy__Config__Core__V3__TypedExtensionConfig *policy,
				    struct arena *arena, struct path_template *template,
				    struct diag *diag)
{
	const template_message *message = any_message_of(
		policy->typed_config,
		&envoy__extensions__path__match__uri_template__v3__uri_template_match_config__descriptor);
	if (message)
		return load_template(matcher, message, arena, template, diag);
	if (any_message_of(policy->typed_config,
			   &outrigger__config__route__v1__rpc_match__descriptor)) {
		matcher->kind = PATH_RPC; /* load_call reads it */
		return STATUS_OK;
	}
	diag_at(diag, "path_match_policy.typed_config",
		"only UriTemplateMatchConfig and RpcMatch are supported");
	return STATUS_UNSUPPORTED;
}

static enum status load_path(struct route_matcher *matcher,
			     const Envoy__Config__Route__V3__RouteMatch *message,
			     struct arena *arena, struct path_template *template, struct diag *diag)
{
	enum status status;

	matcher->ignore_case = message->case_sensitive && !message->case_sensitive->value;
	switch ((int)message->path_specifier_case) {
	case PATH(PREFIX):
		set_literal(matcher, PATH_PREFIX, message->prefix, arena);
		return STATUS_OK;
	case PATH(PATH):
		set_literal(matcher, PATH_EXACT, message->path, arena);
		return STATUS_OK;
	case PATH(PATH_SEPARATED_PREFIX):
		return load_segments(matcher, message->path_separated_prefix, arena, diag);
	case PATH(SAFE_REGEX):
		matcher->kind = PATH_REGEX;
		matcher->ignore_case = false; /* has no effect on a regex, as in Envoy */
		status = regex_matcher_load(&matcher->regex, message->safe_regex, REGEX_MATCH,
					    arena, diag);
		if (status)
			diag_prefix(diag, "safe_regex");
		return status;
	case PATH(CONNECT_MATCHER):
		matcher->kind = PATH_CONNECT;
		return STATUS_OK;
	case PATH(PATH_MATCH_POLICY):
		return load_path_policy(matcher, message->path_match_policy, arena, template, diag);
	}
	return diag_set(diag, "one of prefix, path, safe_regex, path_separated_prefix, "
			      "connect_matcher, path_match_policy is required");
}

static uint8_t tls_test_load(const Google__Protobuf__BoolValue *wanted)
{
	if (!wanted)
		return TLS_TEST_ANY;
	return wanted->value ? TLS_TEST_YES : TLS_TEST_NO;
}

static enum status load_conditions(struct route_conditions *more,
				   const Envoy__Config__Route__V3__RouteMatch *message,
				   const struct route_hooks *hooks, struct arena *arena,
				   struct diag *diag)
{
	enum status status = header_matches_load(&more->headers, "headers", message->headers,
						 message->n_headers, arena, diag);
	if (!status)
		status = query_matches_load(&more->query, message->query_parameters,
					    message->n_query_parameters, arena, diag);
	if (!status)
		status = cookie_matches_load(&more->cookies, message->cookies, message->n_cookies,
					     arena, diag);
	if (!status)
		status = metadata_matches_load(&more->metadata, "dynamic_metadata",
					       message->dynamic_metadata,
					       message->n_dynamic_metadata, arena, diag);
	if (status)
		return status;
	more->is_grpc = message->grpc != NULL;
	more->has_fraction = message->runtime_fraction != NULL;
	if (more->has_fraction)
		more->fraction = fraction_load_runtime(message->runtime_fraction,
						       hooks ? hooks->runtime : NULL);
	if (message->tls_context) {
		more->certificate_presented = tls_test_load(message->tls_context->presented);
		more->certificate_valid = tls_test_load(message->tls_context->validated);
	}
	return STATUS_OK;
}

/* The RpcMatch in the place of a path. */
static enum status load_call(struct route_matcher *matcher, struct route_conditions *more,
			     const Envoy__Config__Core__V3__TypedExtensionConfig *policy,
			     const struct route_hooks *hooks, struct arena *arena,
			     struct diag *diag)
{
	const Outrigger__Config__Route__V1__RpcMatch *message = any_message_of(
		policy->typed_config, &outrigger__config__route__v1__rpc_match__descriptor);
	struct rpc_pool pool;
	const struct rpc_match_build build = {.hooks = hooks, .pool = &pool, .diag = diag};

	rpc_pool_init(&pool, 0, arena, arena);
	enum status status = rpc_match_load(&more->rpc, NULL, message, &build);

	if (!status)
		status = rpc_match_share_needs(&more->rpc, 1, &pool, diag);
	if (status)
		diag_prefix(diag, "path_match_policy.typed_config");
	else if (more->rpc)
		matcher->looks_at |= (uint8_t)rpc_match_looks_at(more->rpc);
	return status;
}

enum status route_matcher_load(struct route_matcher *matcher,
			       const Envoy__Config__Route__V3__RouteMatch *message,
			       const struct route_hooks *hooks, struct arena *arena,
			       struct path_template *template, struct diag *diag)
{
	enum status status = load_path(matcher, message, arena, template, diag);

	if (status)
		return status;
	if (message->n_filter_state) {
		diag_at(diag, "filter_state", "matching on it is not supported");
		return STATUS_UNSUPPORTED;
	}
	matcher->looks_at = ROUTE_LOOKED_AT_PATH;
	if (message->n_headers || message->n_cookies || message->grpc ||
	    matcher->kind == PATH_CONNECT)
		matcher->looks_at |= ROUTE_LOOKED_AT_HEADERS;
	if (message->n_query_parameters)
		matcher->looks_at |= ROUTE_LOOKED_AT_QUERY;
	if (message->n_dynamic_metadata)
		matcher->looks_at |= ROUTE_LOOKED_AT_METADATA;
	if (message->runtime_fraction)
		matcher->looks_at |= ROUTE_LOOKED_AT_RANDOM;
	if (message->tls_context)
		matcher->looks_at |= ROUTE_LOOKED_AT_CONNECTION;
	if (matcher->looks_at == ROUTE_LOOKED_AT_PATH && matcher->kind != PATH_RPC)
		return STATUS_OK;
	struct route_conditions *more = ARENA_NEW(arena, struct route_conditions);
	matcher->more = more;
	status = load_conditions(more, message, hooks, arena, diag);
	if (!status && matcher->kind == PATH_RPC)
		status = load_call(matcher, more, message->path_match_policy, hooks, arena, diag);
	return status;
}

bool path_test(const struct route_matcher *m, struct slice path, const struct headers *headers)
{
	switch ((enum path_kind)m->kind) {
	case PATH_PREFIX:
		return m->ignore_case ? slice_starts_with_lower(path, m->path)
				      : slice_starts_with(path, m->path);
	case PATH_EXACT:
		return m->ignore_case ? slice_equal_lower(path, m->path)
				      : slice_equal(path, m->path);
	case PATH_SEGMENTS:
		if (path.len > m->path.len && path.data[m->path.len] != '/')
			return false;
		return m->ignore_case ? slice_starts_with_lower(path, m->path)
				      : slice_starts_with(path, m->path);
	case PATH_REGEX:
		return regex_match(m->regex, path);
	case PATH_CONNECT:
		return slice_equal(headers_get(headers, HEADER_METHOD), SLICE("CONNECT"));
	case PATH_RPC:
		return true;
	}
	return false;
}

static bool tls_test(uint8_t wanted, bool fact)
{
	return wanted == TLS_TEST_ANY || (wanted == TLS_TEST_YES) == fact;
}

/* In a table of HTTP routes, where nobody has split the path yet. */
static bool test_call(const struct rpc_match *match, const struct route_match_input *input)
{
	struct route_match_input call = *input;
	unsigned looked_at = 0; /* the matcher's looks_at tells it */

	rpc_match_prepare(&call);
	return rpc_match_test(match, &call, &looked_at);
}

bool route_conditions_test(const struct route_conditions *more,
			   const struct route_match_input *input)
{
	if (more->has_fraction && !fraction_takes(more->fraction, input->random))
		return false;
	if (!header_matches_test(&more->headers, input->headers))
		return false;
	if (more->is_grpc &&
	    !grpc_is_content_type(headers_get(input->headers, HEADER_CONTENT_TYPE)))
		return false;
	if (more->query.count && !query_matches_test(&more->query, input->query))
		return false;
	if (more->cookies.count && !cookie_matches_test(&more->cookies, input->headers))
		return false;
	if (more->metadata.count && !metadata_matches_test(&more->metadata, input->metadata))
		return false;
	if (!tls_test(more->certificate_presented, input->has_peer_certificate) ||
	    !tls_test(more->certificate_valid, input->has_valid_peer_certificate))
		return false;
	return !more->rpc || test_call(more->rpc, input);
}

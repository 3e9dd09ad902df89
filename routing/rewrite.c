#include "routing/rewrite.h"

#include "base/regex.h"
#include "envoy/config/core/v3/extension.pb-c.h"
#include "envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite.pb-c.h"
#include "envoy/type/matcher/v3/regex.pb-c.h"
#include "xds/proto/any_message.h"

typedef Envoy__Extensions__Path__Rewrite__UriTemplate__V3__UriTemplateRewriteConfig
	template_message;

enum status regex_rewrite_load(const struct regex **regex, struct slice *substitution,
			       const Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *message,
			       struct arena *arena, struct diag *diag)
{
	if (!message->pattern)
		return diag_at(diag, "pattern", "is required");
	*substitution = arena_slice(arena, slice_of(message->substitution));
	enum status status =
		regex_matcher_load(regex, message->pattern, REGEX_REPLACE, arena, diag);
	if (status)
		diag_prefix(diag, "pattern");
	return status;
}

static enum status load_template(struct path_rewrite *rewrite,
				 const Envoy__Config__Core__V3__TypedExtensionConfig *policy,
				 const struct path_template *matched, struct arena *arena,
				 struct diag *diag)
{
	const template_message *message = any_message_of(
		policy->typed_config,
		&envoy__extensions__path__rewrite__uri_template__v3__uri_template_rewrite_config__descriptor);
	if (!message) {
		diag_at(diag, "typed_config", "only UriTemplateRewriteConfig is supported");
		return STATUS_UNSUPPORTED;
	}
	enum status status = path_template_rewrite(slice_of(message->path_template_rewrite),
						   matched, arena, &rewrite->text, diag);
	if (status) {
		diag_prefix(diag, "path_template_rewrite");
		return status;
	}
	rewrite->kind = PATH_REWRITE_REGEX;
	return regex_compile(matched->regex, REGEX_REPLACE, arena, &rewrite->regex, diag);
}

enum status path_rewrite_load(struct path_rewrite *rewrite, const char *prefix,
			      const Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *regex,
			      const Envoy__Config__Core__V3__TypedExtensionConfig *policy,
			      const struct path_template *matched, struct arena *arena,
			      struct diag *diag)
{
	enum status status = STATUS_OK;

	if (!!prefix[0] + !!regex + !!policy > 1)
		return diag_set(diag, "only one of prefix_rewrite, regex_rewrite and "
				      "path_rewrite_policy may be set");
	if (prefix[0]) {
		rewrite->kind = PATH_REWRITE_PREFIX;
		rewrite->text = arena_slice(arena, slice_of(prefix));
	} else if (regex) {
		rewrite->kind = PATH_REWRITE_REGEX;
		status = regex_rewrite_load(&rewrite->regex, &rewrite->text, regex, arena, diag);
		if (status)
			diag_prefix(diag, "regex_rewrite");
	} else if (policy && (!matched || !matched->regex.len)) {
		return diag_at(diag, "path_rewrite_policy", "needs a path_match_policy");
	} else if (policy) {
		status = load_template(rewrite, policy, matched, arena, diag);
		if (status)
			diag_prefix(diag, "path_rewrite_policy");
	}
	return status;
}

static struct slice join(struct slice a, struct slice b, struct arena *arena)
{
	char *text = arena_alloc(arena, a.len + b.len);

	if (a.len)
		memcpy(text, a.data, a.len);
	if (b.len)
		memcpy(text + a.len, b.data, b.len);
	return slice_make(text, a.len + b.len);
}

struct slice path_rewrite_apply(const struct path_rewrite *rewrite,
				const struct route_matcher *matcher, struct slice path,
				struct arena *arena)
{
	size_t end = slice_find_char(path, '?', 0);
	struct slice bare = slice_sub(path, 0, end);
	bool is_prefix_match = matcher->kind == PATH_PREFIX || matcher->kind == PATH_SEGMENTS;

	switch ((enum path_rewrite_kind)rewrite->kind) {
	case PATH_REWRITE_NONE:
		break;
	case PATH_REWRITE_PREFIX:
		if (is_prefix_match && matcher->path.len < end)
			end = matcher->path.len;
		return join(rewrite->text, slice_sub(path, end, path.len), arena);
	case PATH_REWRITE_REGEX:
		return join(regex_replace_all(rewrite->regex, bare, rewrite->text, arena),
			    slice_sub(path, end, path.len), arena);
	}
	return path;
}

struct slice host_rewrite_value(const struct host_rewrite *rewrite, const struct headers *headers,
				struct arena *arena)
{
	const struct slice none = {NULL, 0};
	const struct header *h;
	struct slice path;

	switch ((enum host_rewrite_kind)rewrite->kind) {
	case HOST_REWRITE_NONE:
	case HOST_REWRITE_AUTO:
		break;
	case HOST_REWRITE_LITERAL:
		return rewrite->text;
	case HOST_REWRITE_HEADER:
		h = headers_find(headers, rewrite->text);
		return h && h->value_len ? header_value(h) : none;
	case HOST_REWRITE_PATH_REGEX:
		path = headers_get(headers, HEADER_PATH);
		if (!path.data)
			return none;
		path.len = slice_find_char(path, '?', 0);
		return regex_replace_all(rewrite->regex, path, rewrite->text, arena);
	}
	return none;
}

void path_rewrite_set(struct headers *headers, struct slice path, bool keeps_original)
{
	if (keeps_original)
		headers_set_id(headers, HEADER_X_ENVOY_ORIGINAL_PATH,
			       headers_get(headers, HEADER_PATH));
	headers_set_id(headers, HEADER_PATH, path);
}

void host_rewrite_set(struct headers *headers, struct slice host, bool append_forwarded,
		      bool keeps_original)
{
	struct slice old = headers_get(headers, HEADER_AUTHORITY);

	if (append_forwarded && old.len) {
		struct slice before = headers_get(headers, HEADER_X_FORWARDED_HOST);
		struct slice value = old;
		if (before.len)
			value = join(before, join(SLICE(","), old, headers->arena), headers->arena);
		headers_set_id(headers, HEADER_X_FORWARDED_HOST, value);
	}
	if (keeps_original && old.len)
		headers_set(headers, SLICE("x-envoy-original-host"), old);
	headers_set_id(headers, HEADER_AUTHORITY, host);
}

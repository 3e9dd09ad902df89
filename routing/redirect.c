#include "routing/redirect.h"

#include "envoy/config/route/v3/route_components.pb-c.h"

#define SCHEME(kind) ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_##kind
#define PATH(kind) ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_##kind

const struct redirect redirect_to_https = {
	.status = 301,
	.scheme = {"https", 5},
	.host = {"", 0},
	.port = {"", 0},
	.path = {"", 0},
};

static bool has_line_break(const char *text)
{
	return strpbrk(text, "\r\n") != NULL;
}

enum status redirect_load(struct redirect *redirect,
			  const Envoy__Config__Route__V3__RedirectAction *message,
			  struct arena *arena, struct diag *diag)
{
	static const uint16_t statuses[] = {301, 302, 303, 307, 308};
	struct slice scheme = SLICE("");

	if ((unsigned)message->response_code >= COUNT_OF(statuses))
		return diag_at(diag, "response_code", "unknown value %d",
			       (int)message->response_code);
	if (has_line_break(message->host_redirect))
		return diag_at(diag, "host_redirect", "must not hold CR or LF");
	if (message->port_redirect > 65535)
		return diag_at(diag, "port_redirect", "must be at most 65535");
	if (message->scheme_rewrite_specifier_case == SCHEME(HTTPS_REDIRECT) &&
	    message->https_redirect)
		scheme = SLICE("https");
	if (message->scheme_rewrite_specifier_case == SCHEME(SCHEME_REDIRECT))
		scheme = arena_slice(arena, slice_of(message->scheme_redirect));
	*redirect = (struct redirect){
		.status = statuses[message->response_code],
		.strips_query = message->strip_query,
		.scheme = scheme,
		.host = arena_slice(arena, slice_of(message->host_redirect)),
		.port = SLICE(""),
		.path = SLICE(""),
	};
	if (message->port_redirect)
		redirect->port = slice_of(arena_printf(arena, ":%u", message->port_redirect));
	switch ((int)message->path_rewrite_specifier_case) {
	case PATH(PATH_REDIRECT):
		if (has_line_break(message->path_redirect))
			return diag_at(diag, "path_redirect", "must not hold CR or LF");
		redirect->path = arena_slice(arena, slice_of(message->path_redirect));
		redirect->path_has_query = strchr(message->path_redirect, '?');
		return STATUS_OK;
	case PATH(PREFIX_REWRITE):
		if (has_line_break(message->prefix_rewrite))
			return diag_at(diag, "prefix_rewrite", "must not hold CR or LF");
		return path_rewrite_load(&redirect->rewrite, message->prefix_rewrite, NULL, NULL,
					 NULL, arena, diag);
	case PATH(REGEX_REWRITE):
		return path_rewrite_load(&redirect->rewrite, "", message->regex_rewrite, NULL, NULL,
					 arena, diag);
	}
	return STATUS_OK;
}

/* The request's host, without a port that the new URL replaces or makes needless. */
static struct slice request_host(const struct redirect *redirect, const struct headers *headers,
				 struct slice new_scheme)
{
	struct slice host = headers_get(headers, HEADER_AUTHORITY);
	struct slice scheme = headers_get(headers, HEADER_X_FORWARDED_PROTO);
	size_t end = host.len;

	if (!host.len)
		return SLICE("");
	if (!scheme.data)
		scheme = headers_get(headers, HEADER_SCHEME);
	while (end && host.data[end - 1] != ':')
		end--;
	if (!end--)
		return host;
	if (host.data[0] == '[' && (!end || host.data[end - 1] != ']'))
		return host; /* the ':' is the address's own */
	struct slice port = slice_sub(host, end, host.len);
	bool is_default =
		(slice_equal(scheme, SLICE("https")) && slice_equal(port, SLICE(":443"))) ||
		(slice_equal(scheme, SLICE("http")) && slice_equal(port, SLICE(":80")));
	if (redirect->port.len || (is_default && !slice_equal(new_scheme, scheme)))
		return slice_sub(host, 0, end);
	return host;
}

struct slice redirect_location(const struct redirect *redirect, const struct route_matcher *matcher,
			       const struct headers *headers, struct arena *arena)
{
	struct slice scheme = redirect->scheme, host = redirect->host;
	struct slice path = headers_get(headers, HEADER_PATH), query = SLICE("");

	if (!scheme.len)
		scheme = headers_get(headers, HEADER_SCHEME);
	if (!scheme.len)
		scheme = SLICE("http");
	if (!host.len)
		host = request_host(redirect, headers, scheme);
	if (!path.data)
		path = SLICE("");
	if (redirect->rewrite.kind != PATH_REWRITE_NONE && matcher)
		path = path_rewrite_apply(&redirect->rewrite, matcher, path, arena);
	size_t end = slice_find_char(path, '?', 0);
	if (!redirect->strips_query && !redirect->path_has_query)
		query = slice_sub(path, end, path.len);
	path.len = end;
	if (redirect->path.len)
		path = redirect->path;

	return slice_of(arena_printf(arena, "%.*s://%.*s%.*s%.*s%.*s", SLICE_FMT(scheme),
				     SLICE_FMT(host), SLICE_FMT(redirect->port), SLICE_FMT(path),
				     SLICE_FMT(query)));
}

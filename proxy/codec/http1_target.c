#include "codec/http1_target.h"

#include "codec/http1_scan.h"

/* "host:port", the port mandatory (CONNECT) or not; 1 to 65535. */
static bool is_host_and_port(struct slice s, bool needs_port)
{
	size_t host_len = s.len;
	uint64_t port;

	if (!s.len || !http1_is_all(s, HTTP1_AUTHORITY))
		return false;
	if (s.data[0] == '[') {
		host_len = slice_find_char(s, ']', 0) + 1;
		if (host_len > s.len || (host_len < s.len && s.data[host_len] != ':'))
			return false;
	} else {
		host_len = slice_find_char(s, ':', 0);
		if (!host_len)
			return false;
	}
	if (host_len == s.len)
		return !needs_port;
	struct slice digits = slice_sub(s, host_len + 1, s.len);
	return digits.len <= 5 && slice_to_uint64(digits, &port) && port && port <= 65535;
}

static enum http1_error parse_authority_form(struct slice target, struct http1_target *out)
{
	if (!is_host_and_port(target, true))
		return HTTP1_ERROR_TARGET;
	out->authority = target;
	return HTTP1_ERROR_NONE;
}

static enum http1_error parse_absolute_form(struct slice target, struct http1_target *out)
{
	size_t scheme_len = 0;

	while (scheme_len < target.len && (unsigned)((target.data[scheme_len] | 0x20) - 'a') < 26)
		scheme_len++;
	struct slice scheme = slice_sub(target, 0, scheme_len);
	struct slice rest = slice_sub(target, scheme_len, target.len);
	if (!scheme_len || !slice_starts_with(rest, SLICE("://")))
		return HTTP1_ERROR_SYNTAX;
	rest = slice_sub(rest, 3, rest.len);
	if (slice_equal_nocase(scheme, SLICE("http")))
		out->scheme = SLICE("http");
	else if (slice_equal_nocase(scheme, SLICE("https")))
		out->scheme = SLICE("https");
	else
		return HTTP1_ERROR_SCHEME;

	size_t host_end = 0, host_start = 0;
	while (host_end < rest.len && !memchr("/?#", rest.data[host_end], 3))
		host_end++;
	/* The user's part is dropped: RFC 9110 4.2.4. */
	for (size_t i = 0; i < host_end; i++)
		if (rest.data[i] == '@')
			host_start = i + 1;
	out->authority = slice_sub(rest, host_start, host_end);
	out->path = host_end < rest.len ? slice_sub(rest, host_end, rest.len) : SLICE("/");
	return is_host_and_port(out->authority, false) ? HTTP1_ERROR_NONE : HTTP1_ERROR_TARGET;
}

enum http1_error http1_target_parse(struct slice target, struct slice method,
				    bool is_absolute_allowed, struct http1_target *out)
{
	*out = (struct http1_target){0};
	if (slice_equal(method, SLICE("CONNECT")))
		return parse_authority_form(target, out);
	if (target.data[0] == '/' || !is_absolute_allowed) {
		out->path = target;
		return HTTP1_ERROR_NONE;
	}
	if (target.data[0] == '*') {
		out->path = target;
		return target.len == 1 && slice_equal(method, SLICE("OPTIONS"))
			       ? HTTP1_ERROR_NONE
			       : HTTP1_ERROR_TARGET;
	}
	return parse_absolute_form(target, out);
}

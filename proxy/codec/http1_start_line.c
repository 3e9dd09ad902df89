#include "codec/http1_start_line.h"

#include "base/attributes.h"
#include "codec/http1_names.h"
#include "codec/http1_options.h"
#include "codec/http1_scan.h"
#include "codec/http1_target.h"
#include "message/stream_info.h"

static bool is_known_method(struct slice method)
{
	static const struct slice methods[] = {
		SLICE("GET"),        SLICE("POST"),       SLICE("PUT"),         SLICE("DELETE"),
		SLICE("HEAD"),       SLICE("OPTIONS"),    SLICE("PATCH"),       SLICE("CONNECT"),
		SLICE("TRACE"),      SLICE("ACL"),        SLICE("BIND"),        SLICE("CHECKOUT"),
		SLICE("COPY"),       SLICE("LINK"),       SLICE("LOCK"),        SLICE("MERGE"),
		SLICE("MKACTIVITY"), SLICE("MKCALENDAR"), SLICE("MKCOL"),       SLICE("MOVE"),
		SLICE("MSEARCH"),    SLICE("NOTIFY"),     SLICE("PROPFIND"),    SLICE("PROPPATCH"),
		SLICE("PURGE"),      SLICE("QUERY"),      SLICE("REBIND"),      SLICE("REPORT"),
		SLICE("SEARCH"),     SLICE("SOURCE"),     SLICE("SUBSCRIBE"),   SLICE("UNBIND"),
		SLICE("UNLINK"),     SLICE("UNLOCK"),     SLICE("UNSUBSCRIBE"),
	};
	for (unsigned i = 0; i < COUNT_OF(methods); i++)
		if (method.len == methods[i].len &&
		    !memcmp(method.data, methods[i].data, methods[i].len))
			return true;
	return false;
}

/* Anything but " HTTP/1.1" at the end of the line. */
static COLD enum http1_error parse_odd_version(struct http1_head *head, struct slice *target,
					       const struct http1_options *options)
{
	const char *space = memrchr(target->data, ' ', target->len);

	if (!space) /* HTTP/0.9 */
		return target->len && http1_is_all(*target, HTTP1_TARGET) ? HTTP1_ERROR_VERSION
									  : HTTP1_ERROR_SYNTAX;
	size_t at = (size_t)(space - target->data);
	struct slice version = slice_sub(*target, at + 1, target->len);
	target->len = at;
	if (version.len != 8 || !slice_starts_with(version, SLICE("HTTP/")) ||
	    (unsigned)(version.data[5] - '0') > 9 || version.data[6] != '.' ||
	    (unsigned)(version.data[7] - '0') > 9 || !at || !http1_is_all(*target, HTTP1_TARGET))
		return HTTP1_ERROR_SYNTAX;
	if (!options->accept_http_10 || version.data[5] != '1' || version.data[7] != '0')
		return HTTP1_ERROR_VERSION;
	head->protocol = STREAM_PROTOCOL_HTTP10;
	return HTTP1_ERROR_NONE;
}

/* The length of the registered or allowed method that the line begins with, before a space; 0:
 * there is none. */
static __attribute__((noinline)) size_t find_method(struct slice line,
						    const struct http1_options *options)
{
	size_t space = slice_find_char(line, ' ', 0);
	struct slice method = slice_sub(line, 0, space);

	if (space == line.len || !(is_known_method(method) || (options->allow_custom_methods &&
							       http1_is_all(method, HTTP1_TOKEN))))
		return 0;
	return space;
}

/* A target that isn't a path, or one of CONNECT. */
static __attribute__((noinline)) enum http1_error
parse_odd_target(struct http1_head *head, struct slice target, const struct http1_options *options)
{
	struct http1_target forms;
	enum http1_error error =
		http1_target_parse(target, head->method, options->allow_absolute_url, &forms);

	head->is_connect = slice_equal(head->method, SLICE("CONNECT"));
	head->is_rare = head->is_connect;
	head->scheme = forms.scheme;
	head->authority = forms.authority;
	head->path = forms.path;
	return error;
}

enum http1_error http1_parse_request_line(struct http1_head *head, struct slice line,
					  const char *end, const struct http1_options *options)
{
	size_t method_len;

	if (LIKELY(slice_starts_with(line, SLICE("GET "))))
		method_len = 3;
	else if (slice_starts_with(line, SLICE("POST ")))
		method_len = 4;
	else
		method_len = find_method(line, options);
	if (UNLIKELY(!method_len))
		return HTTP1_ERROR_SYNTAX;

	struct slice target = slice_sub(line, method_len + 1, line.len);
	head->method = slice_sub(line, 0, method_len);
	if (LIKELY(slice_ends_with(target, SLICE(" HTTP/1.1")))) {
		head->protocol = STREAM_PROTOCOL_HTTP11;
		target.len -= 9;
		if (!target.len || !http1_is_target(target, end))
			return HTTP1_ERROR_SYNTAX;
	} else {
		enum http1_error error = parse_odd_version(head, &target, options);
		if (error)
			return error;
	}
	head->is_head = slice_equal(head->method, SLICE("HEAD"));
	if (UNLIKELY(target.data[0] != '/' || head->method.data[0] == 'C'))
		return parse_odd_target(head, target, options);
	head->path = target;
	return HTTP1_ERROR_NONE;
}

/* The reason, and even the space before it, may be missing. */
enum http1_error http1_parse_status_line(struct http1_head *head, struct slice line)
{
	const char *p = line.data;

	if (line.len < 12 || !slice_starts_with(line, SLICE("HTTP/1.")) ||
	    (p[7] != '1' && p[7] != '0') || p[8] != ' ' || (line.len > 12 && p[12] != ' '))
		return HTTP1_ERROR_SYNTAX;
	head->protocol = p[7] == '1' ? STREAM_PROTOCOL_HTTP11 : STREAM_PROTOCOL_HTTP10;
	unsigned hundreds = (unsigned)(p[9] - '0'), tens = (unsigned)(p[10] - '0'),
		 ones = (unsigned)(p[11] - '0');
	if (hundreds - 1 > 8 || tens > 9 || ones > 9)
		return HTTP1_ERROR_SYNTAX;
	head->status = (uint16_t)(hundreds * 100 + tens * 10 + ones);
	return HTTP1_ERROR_NONE;
}

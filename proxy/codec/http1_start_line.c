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

/* `line` stands at the start of readable bytes that reach up to `end`. */
static enum http1_error parse_request_line(struct http1_head *head, struct slice line,
					   const char *end, const struct http1_options *options)
{
	struct http1_target forms;
	size_t space = slice_find_char(line, ' ', 0);

	head->method = slice_sub(line, 0, space);
	if (space == line.len ||
	    !(is_known_method(head->method) ||
	      (options->allow_custom_methods && space && http1_is_all(head->method, HTTP1_TOKEN))))
		return HTTP1_ERROR_SYNTAX;

	struct slice target = slice_sub(line, space + 1, line.len);
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
	if (LIKELY(target.data[0] == '/' && head->method.data[0] != 'C')) {
		head->path = target;
		return HTTP1_ERROR_NONE;
	}
	head->is_connect = slice_equal(head->method, SLICE("CONNECT"));
	enum http1_error error =
		http1_target_parse(target, head->method, options->allow_absolute_url, &forms);
	head->scheme = forms.scheme;
	head->authority = forms.authority;
	head->path = forms.path;
	return error;
}

/* "HTTP/1.1 200 OK"; the reason, and even the space before it, may be missing. */
static enum http1_error parse_status_line(struct http1_head *head, struct slice line)
{
	if (line.len < 12 || !slice_starts_with(line, SLICE("HTTP/1.")) || line.data[8] != ' ' ||
	    (line.data[7] != '1' && line.data[7] != '0') || (line.len > 12 && line.data[12] != ' '))
		return HTTP1_ERROR_SYNTAX;
	head->protocol = line.data[7] == '1' ? STREAM_PROTOCOL_HTTP11 : STREAM_PROTOCOL_HTTP10;
	for (int i = 9; i < 12; i++) {
		unsigned digit = (unsigned)(line.data[i] - '0');
		if (digit > 9)
			return HTTP1_ERROR_SYNTAX;
		head->status = (uint16_t)(head->status * 10 + digit);
	}
	return head->status >= 100 ? HTTP1_ERROR_NONE : HTTP1_ERROR_SYNTAX;
}

enum http1_error http1_parse_start(struct http1_head *head, struct slice line, const char *end,
				   enum http1_kind kind, const struct http1_options *options)
{
	return kind == HTTP1_REQUEST ? parse_request_line(head, line, end, options)
				     : parse_status_line(head, line);
}

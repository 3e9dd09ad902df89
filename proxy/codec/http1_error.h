/* What can be wrong with an HTTP/1 message: one table gives the reply's reason and the details.
 *
 * A client codec answers UPSTREAM_PROTOCOL_ERROR whatever the row says; its details are these.
 * Thread: constant data. */
#ifndef CODEC_HTTP1_ERROR_H
#define CODEC_HTTP1_ERROR_H

#include "base/slice.h"
#include "message/reply_reason.h"

/* clang-format off */
#define HTTP1_ERROR_TABLE(ERROR) \
	ERROR(NONE,              NONE,              "") \
	ERROR(SYNTAX,            BAD_REQUEST,       "http1.codec_error") \
	ERROR(CHARACTERS,        BAD_REQUEST,       "http1.invalid_characters") \
	ERROR(LENGTH_AND_CODING, BAD_REQUEST,       "http1.content_length_and_chunked_not_allowed") \
	ERROR(CODING,            NOT_IMPLEMENTED,   "http1.invalid_transfer_encoding") \
	ERROR(CODING_REFUSED,    BAD_REQUEST,       "http1.transfer_encoding_not_allowed") \
	ERROR(LENGTH_REFUSED,    BAD_REQUEST,       "http1.content_length_not_allowed") \
	ERROR(BODY_REFUSED,      BAD_REQUEST,       "http1.body_disallowed") \
	ERROR(VERSION,           UPGRADE_REQUIRED,  "low_version") \
	ERROR(TOO_MANY_HEADERS,  HEADERS_TOO_LARGE, "http1.too_many_headers") \
	ERROR(TOO_LARGE,         HEADERS_TOO_LARGE, "http1.headers_too_large") \
	ERROR(TARGET,            BAD_REQUEST,       "http1.invalid_url") \
	ERROR(SCHEME,            BAD_REQUEST,       "http1.invalid_scheme") \
	ERROR(AUTHORITY,         BAD_REQUEST,       "http.invalid_authority") \
	ERROR(CONNECTION,        BAD_REQUEST,       "http1.connection_header_rejected") \
	ERROR(HOST_NOMINATED,    MISSING_HOST,      "missing_host_header") \
	ERROR(UNDERSCORE,        BAD_REQUEST,       "http1.unexpected_underscore")
/* clang-format on */

enum http1_error {
#define HTTP1_ERROR_ENUM(name, reason, details) HTTP1_ERROR_##name,
	HTTP1_ERROR_TABLE(HTTP1_ERROR_ENUM)
#undef HTTP1_ERROR_ENUM
};

/* Why a server codec refuses, and in which words: constants. */
enum reply_reason http1_error_reason(enum http1_error error);
struct slice http1_error_details(enum http1_error error);

#endif

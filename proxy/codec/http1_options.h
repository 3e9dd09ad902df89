/* What is configured for HTTP/1 connections of one listener or cluster: Envoy's
 * Http1ProtocolOptions and the common options that concern the wire.
 *
 * Owner: the configuration; immutable, must outlive every codec that borrows it. */
#ifndef CODEC_HTTP1_OPTIONS_H
#define CODEC_HTTP1_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	HTTP1_DEFAULT_HEAD_BYTES = 60 * 1024,
	HTTP1_DEFAULT_HEADERS = 100,
	HTTP1_MOST_HEAD_BYTES = 8192 * 1024, /* larger settings count as this */
	HTTP1_MOST_HEADERS = 9000,
};

enum http1_case {
	HTTP1_CASE_LOWER,
	HTTP1_CASE_PROPER_WORDS, /* "content-type" leaves as "Content-Type" */
	HTTP1_CASE_PRESERVE,     /* as the peer on the other side wrote it */
};

struct http1_options {
	uint32_t max_head_bytes; /* of a head, and of a trailer section: 431 beyond */
	uint32_t max_headers;    /* fields of either */
	uint8_t underscores;     /* enum http1_underscores: names with '_' in requests */
	uint8_t header_case; /* enum http1_case: of names sent; PRESERVE also: kept when received */
	bool accept_http_10; /* else 426 */
	bool allow_absolute_url;
	bool allow_chunked_length; /* Transfer-Encoding overrides Content-Length, which is removed
				    */
	bool allow_custom_methods; /* any token, not only registered ones */
	bool enable_trailers;      /* pass them on, both ways; else they are checked and dropped */
	struct slice
		default_host; /* the authority of an HTTP/1.0 request without Host; "" : none */
};

/* Envoy's defaults. */
extern const struct http1_options http1_default_options;

#endif

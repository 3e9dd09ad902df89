#include "upstream/upstream_worker.h"

void cluster_http1_options(const struct cluster *cluster, struct http1_options *options)
{
	const struct http_options *http = &cluster->http;

	*options = http1_default_options;
	if (http->max_headers_count)
		options->max_headers = http->max_headers_count;
	if (http->max_response_headers_kb)
		options->max_head_bytes = http->max_response_headers_kb * 1024;
	options->header_case = http->has_proper_case ? HTTP1_CASE_PROPER_WORDS : HTTP1_CASE_LOWER;
	options->enable_trailers = http->has_trailers;
	options->allow_chunked_length = http->allows_chunked_length;
	options->allow_custom_methods = true;
}

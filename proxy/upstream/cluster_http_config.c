#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb-c.h>

#include "upstream/cluster_config.h"
#include "upstream/config_values.h"

typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions options_message;

enum {
	DEFAULT_IDLE_MS = 3600000,
	DEFAULT_HEADERS_COUNT = 100,
	DEFAULT_HEADERS_KB = 60,
	DEFAULT_KEEPALIVE_INTERVAL_MS = 60000,
	DEFAULT_KEEPALIVE_TIMEOUT_MS = 10000,
};

static enum status read_common(struct http_options *http,
			       const Envoy__Config__Core__V3__HttpProtocolOptions *m,
			       struct diag *diag)
{
	if (!m)
		return STATUS_OK;
	enum status status =
		config_ms(m->idle_timeout, "idle_timeout", &http->idle_timeout_ms, diag);
	if (!status)
		status = config_ms_positive(m->max_connection_duration, "max_connection_duration",
					    &http->max_connection_ms, diag);
	if (!status)
		status = config_ms(m->max_stream_duration, "max_stream_duration",
				   &http->max_stream_ms, diag);
	http->max_requests_per_connection =
		config_u32(m->max_requests_per_connection, http->max_requests_per_connection);
	http->max_headers_count = config_u32(m->max_headers_count, http->max_headers_count);
	http->max_response_headers_kb =
		config_u32(m->max_response_headers_kb, http->max_response_headers_kb);
	if (!status && !http->max_headers_count)
		return diag_at(diag, "max_headers_count", "must be at least 1");
	return status;
}

static void read_http1(struct http_options *http,
		       const Envoy__Config__Core__V3__Http1ProtocolOptions *m)
{
	if (!m)
		return;
	http->has_trailers = m->enable_trailers;
	http->allows_chunked_length = m->allow_chunked_length;
	if (!m->header_key_format)
		return;
	http->has_proper_case =
		m->header_key_format->header_format_case ==
		ENVOY__CONFIG__CORE__V3__HTTP1_PROTOCOL_OPTIONS__HEADER_KEY_FORMAT__HEADER_FORMAT_PROPER_CASE_WORDS;
	http->keeps_case =
		m->header_key_format->header_format_case ==
		ENVOY__CONFIG__CORE__V3__HTTP1_PROTOCOL_OPTIONS__HEADER_KEY_FORMAT__HEADER_FORMAT_STATEFUL_FORMATTER;
}

/* HTTP/2 isn't spoken yet; but Envoy has the keepalive among its settings, and here that is of all
 * multiplexed protocols. */
static enum status read_http2(struct http_options *http,
			      const Envoy__Config__Core__V3__Http2ProtocolOptions *m,
			      struct diag *diag)
{
	enum status status = STATUS_OK;

	if (!m)
		return STATUS_OK;
	const Envoy__Config__Core__V3__KeepaliveSettings *settings = m->connection_keepalive;
	if (!settings)
		return diag_at(diag, "http2_protocol_options",
			       "HTTP/2 is not supported yet; of its options only "
			       "connection_keepalive means something, to Dubbo and Bolt");
	if (settings->interval)
		status = config_ms_positive(settings->interval, "interval",
					    &http->keepalive_interval_ms, diag);
	if (!status && settings->timeout)
		status = config_ms_positive(settings->timeout, "timeout",
					    &http->keepalive_timeout_ms, diag);
	return status ? (diag_prefix(diag, "http2_protocol_options.connection_keepalive"), status)
		      : STATUS_OK;
}

static enum status read_options(struct http_options *http, const options_message *m,
				struct diag *diag)
{
	enum status status = read_common(http, m->common_http_protocol_options, diag);
	if (status)
		return diag_prefix(diag, "common_http_protocol_options"), status;
	if (m->upstream_protocol_options_case ==
	    ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG) {
		if (m->explicit_http_config->protocol_config_case ==
		    ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS) {
			status = read_http2(http, m->explicit_http_config->http2_protocol_options,
					    diag);
			if (status)
				diag_prefix(diag, "explicit_http_config");
			return status;
		}
		if (m->explicit_http_config->protocol_config_case ==
		    ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP_PROTOCOL_OPTIONS)
			read_http1(http, m->explicit_http_config->http_protocol_options);
	} else if (
		m->upstream_protocol_options_case ==
		ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_USE_DOWNSTREAM_PROTOCOL_CONFIG) {
		read_http1(http, m->use_downstream_protocol_config->http_protocol_options);
	} else if (
		m->upstream_protocol_options_case ==
		ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_AUTO_CONFIG) {
		read_http1(http, m->auto_config->http_protocol_options);
	} else {
		return diag_at(diag, "upstream_protocol_options", "is required");
	}
	return STATUS_OK;
}

enum status cluster_http_config(struct cluster *cluster,
				const Envoy__Config__Cluster__V3__Cluster *message,
				struct diag *diag)
{
	struct http_options *http = &cluster->http;

	*http = (struct http_options){
		.idle_timeout_ms = DEFAULT_IDLE_MS,
		.max_requests_per_connection = config_u32(message->max_requests_per_connection, 0),
		.max_headers_count = DEFAULT_HEADERS_COUNT,
		.max_response_headers_kb = DEFAULT_HEADERS_KB,
		.keepalive_interval_ms = DEFAULT_KEEPALIVE_INTERVAL_MS,
		.keepalive_timeout_ms = DEFAULT_KEEPALIVE_TIMEOUT_MS,
	};
	read_http1(http, message->http_protocol_options);
	enum status status = read_http2(http, message->http2_protocol_options, diag);
	if (status)
		return status;
	status = read_common(http, message->common_http_protocol_options, diag);
	if (status)
		return diag_prefix(diag, "common_http_protocol_options"), status;
	for (size_t i = 0; i < message->n_typed_extension_protocol_options; i++) {
		const Envoy__Config__Cluster__V3__Cluster__TypedExtensionProtocolOptionsEntry
			*entry = message->typed_extension_protocol_options[i];
		if (!slice_equal(slice_of(entry->key),
				 SLICE("envoy.extensions.upstreams.http.v3.HttpProtocolOptions")))
			continue;
		const options_message *options = config_any(
			entry->value,
			&envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor);
		status = options ? read_options(http, options, diag)
				 : diag_set(diag, "must be an HttpProtocolOptions message");
		if (status)
			return diag_prefix(diag, "typed_extension_protocol_options[\"%s\"]",
					   entry->key),
			       status;
	}
	return STATUS_OK;
}

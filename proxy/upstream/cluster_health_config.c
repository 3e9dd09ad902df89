#include "upstream/cluster_config.h"
#include "upstream/config_values.h"

typedef Envoy__Config__Core__V3__HealthCheck check_message;
typedef Envoy__Config__Core__V3__HealthCheck__Payload payload_message;

enum {
	DEFAULT_NO_TRAFFIC_MS = 60000,
	DEFAULT_RESPONSE_BUFFER = 1024,
};

static enum status read_receive(struct health_check_config *check, payload_message *const *list,
				size_t n, struct arena *arena, struct diag *diag)
{
	check->receive = ARENA_NEW_ARRAY(arena, struct slice, n);
	check->receive_count = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		enum status status = config_payload(list[i], arena, &check->receive[i], diag);
		if (status)
			return diag_prefix(diag, "receive[%zu]", i), status;
	}
	return STATUS_OK;
}

static enum status read_ranges(struct status_range **ranges, uint32_t *count,
			       Envoy__Type__V3__Int64Range *const *list, size_t n,
			       struct arena *arena, struct diag *diag)
{
	*ranges = ARENA_NEW_ARRAY(arena, struct status_range, n);
	*count = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		if (list[i]->start < 100 || list[i]->end > 600 || list[i]->start >= list[i]->end)
			return diag_set(diag, "must be a range [start, end) within 100 to 600"),
			       diag_prefix(diag, "[%zu]", i), STATUS_INVALID;
		(*ranges)[i] = (struct status_range){list[i]->start, list[i]->end};
	}
	return STATUS_OK;
}

static void read_headers(struct health_check_config *check,
			 const Envoy__Config__Core__V3__HealthCheck__HttpHealthCheck *m,
			 struct arena *arena)
{
	check->add_headers =
		ARENA_NEW_ARRAY(arena, struct header_edit, m->n_request_headers_to_add);
	check->add_count = (uint32_t)m->n_request_headers_to_add;
	for (size_t i = 0; i < m->n_request_headers_to_add; i++) {
		const Envoy__Config__Core__V3__HeaderValueOption *option =
			m->request_headers_to_add[i];
		if (!option->header)
			continue;
		char *name = arena_string(arena, slice_of(option->header->key));
		for (char *c = name; *c; c++)
			*c = slice_lower_char(*c);
		check->add_headers[i] = (struct header_edit){
			.name = slice_of(name),
			.value = config_text(arena, option->header->value),
			.is_append =
				option->append_action ==
				ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__APPEND_IF_EXISTS_OR_ADD,
		};
	}
	check->remove_headers =
		ARENA_NEW_ARRAY(arena, struct slice, m->n_request_headers_to_remove);
	check->remove_count = (uint32_t)m->n_request_headers_to_remove;
	for (size_t i = 0; i < m->n_request_headers_to_remove; i++)
		check->remove_headers[i] = config_text(arena, m->request_headers_to_remove[i]);
}

static enum status read_http(struct health_check_config *check,
			     const Envoy__Config__Core__V3__HealthCheck__HttpHealthCheck *m,
			     struct arena *arena, struct diag *diag)
{
	static const char *const methods[] = {"GET",    "GET",     "HEAD",    "POST",  "PUT",
					      "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

	check->type = HEALTH_CHECK_HTTP;
	if (!m->path[0])
		return diag_at(diag, "path", "must not be empty");
	if ((unsigned)m->method >= COUNT_OF(methods) ||
	    slice_equal(slice_of(methods[m->method]), SLICE("CONNECT")))
		return diag_at(diag, "method", "unknown value, or CONNECT");
	if (m->codec_client_type != ENVOY__TYPE__V3__CODEC_CLIENT_TYPE__HTTP1)
		return diag_at(diag, "codec_client_type", "only HTTP1 is supported");
	check->path = config_text(arena, m->path);
	check->host = config_text(arena, m->host);
	check->method = slice_of(methods[m->method]);
	check->response_buffer_size = config_u64(m->response_buffer_size, DEFAULT_RESPONSE_BUFFER);
	read_headers(check, m, arena);
	enum status status = read_ranges(&check->expected, &check->expected_count,
					 m->expected_statuses, m->n_expected_statuses, arena, diag);
	if (status)
		return diag_prefix(diag, "expected_statuses"), status;
	status = read_ranges(&check->retriable, &check->retriable_count, m->retriable_statuses,
			     m->n_retriable_statuses, arena, diag);
	if (status)
		return diag_prefix(diag, "retriable_statuses"), status;
	if (m->send)
		status = config_payload(m->send, arena, &check->send, diag);
	return status ? status : read_receive(check, m->receive, m->n_receive, arena, diag);
}

static enum status read_tcp(struct health_check_config *check,
			    const Envoy__Config__Core__V3__HealthCheck__TcpHealthCheck *m,
			    struct arena *arena, struct diag *diag)
{
	check->type = HEALTH_CHECK_TCP;
	if (m->proxy_protocol_config)
		return diag_at(diag, "proxy_protocol_config", "is not supported");
	enum status status =
		m->send ? config_payload(m->send, arena, &check->send, diag) : STATUS_OK;
	if (status)
		return diag_prefix(diag, "send"), status;
	return read_receive(check, m->receive, m->n_receive, arena, diag);
}

static enum status read_times(struct health_check_config *check, const check_message *m,
			      struct diag *diag)
{
	enum status status = config_ms_positive(m->timeout, "timeout", &check->timeout_ms, diag);
	if (!status)
		status = config_ms_positive(m->interval, "interval", &check->interval_ms, diag);
	if (!status && (!m->timeout || !m->interval))
		status = diag_at(diag, m->timeout ? "interval" : "timeout", "is required");
	check->no_traffic_interval_ms = DEFAULT_NO_TRAFFIC_MS;
	if (!status)
		status = config_ms_positive(m->no_traffic_interval, "no_traffic_interval",
					    &check->no_traffic_interval_ms, diag);
	check->no_traffic_healthy_interval_ms = check->no_traffic_interval_ms;
	check->unhealthy_interval_ms = check->healthy_edge_interval_ms = check->interval_ms;
	if (!status)
		status = config_ms_positive(m->no_traffic_healthy_interval,
					    "no_traffic_healthy_interval",
					    &check->no_traffic_healthy_interval_ms, diag);
	if (!status)
		status = config_ms_positive(m->unhealthy_interval, "unhealthy_interval",
					    &check->unhealthy_interval_ms, diag);
	check->unhealthy_edge_interval_ms = check->unhealthy_interval_ms;
	if (!status)
		status = config_ms_positive(m->unhealthy_edge_interval, "unhealthy_edge_interval",
					    &check->unhealthy_edge_interval_ms, diag);
	if (!status)
		status = config_ms_positive(m->healthy_edge_interval, "healthy_edge_interval",
					    &check->healthy_edge_interval_ms, diag);
	if (!status)
		status = config_ms(m->interval_jitter, "interval_jitter",
				   &check->interval_jitter_ms, diag);
	if (!status)
		status = config_ms(m->initial_jitter, "initial_jitter", &check->initial_jitter_ms,
				   diag);
	check->jitter_percent = m->interval_jitter_percent;
	return status;
}

static enum status read_check(struct health_check_config *check, const check_message *m,
			      struct arena *arena, struct diag *diag)
{
	enum status status = read_times(check, m, diag);
	if (status)
		return status;
	if (!m->unhealthy_threshold || !m->healthy_threshold)
		return diag_at(diag,
			       m->unhealthy_threshold ? "healthy_threshold" : "unhealthy_threshold",
			       "is required");
	check->unhealthy_threshold = m->unhealthy_threshold->value;
	check->healthy_threshold = m->healthy_threshold->value;
	if (config_u32(m->alt_port, 0) > UINT16_MAX)
		return diag_at(diag, "alt_port", "must be at most 65535");
	check->alt_port = (uint16_t)config_u32(m->alt_port, 0);
	check->reuses_connection = config_bool(m->reuse_connection, true);
	if (m->health_checker_case ==
	    ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__HEALTH_CHECKER_HTTP_HEALTH_CHECK) {
		status = read_http(check, m->http_health_check, arena, diag);
		if (status)
			diag_prefix(diag, "http_health_check");
	} else if (m->health_checker_case ==
		   ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__HEALTH_CHECKER_TCP_HEALTH_CHECK) {
		status = read_tcp(check, m->tcp_health_check, arena, diag);
		if (status)
			diag_prefix(diag, "tcp_health_check");
	} else {
		status = diag_set(diag, "http_health_check or tcp_health_check is required; others "
					"are not supported");
	}
	return status;
}

enum status cluster_health_config(struct cluster *cluster,
				  const Envoy__Config__Cluster__V3__Cluster *message,
				  struct diag *diag)
{
	struct arena *arena = &cluster->published.arena;

	cluster->checks =
		ARENA_NEW_ARRAY(arena, struct health_check_config, message->n_health_checks);
	cluster->check_count = (uint32_t)message->n_health_checks;
	for (size_t i = 0; i < message->n_health_checks; i++) {
		enum status status =
			read_check(&cluster->checks[i], message->health_checks[i], arena, diag);
		if (status)
			return diag_prefix(diag, "health_checks[%zu]", i), status;
	}
	return STATUS_OK;
}

#include "manager/http_manager.h"
#include "routing/route.h"
#include "telemetry/stats_http.h"

static void set_server(const struct http_manager *manager, struct headers *headers)
{
	switch ((enum server_header)manager->server_header) {
	case SERVER_HEADER_OVERWRITE:
		headers_set_id(headers, HEADER_SERVER, manager->server_name);
		break;
	case SERVER_HEADER_APPEND_IF_ABSENT:
		if (!headers_has(headers, HEADER_SERVER))
			headers_add_id(headers, HEADER_SERVER, manager->server_name);
		break;
	case SERVER_HEADER_PASS_THROUGH:
		break;
	}
}

void http_add_via(struct stream *s, struct headers *headers)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct slice via = headers_get(headers, HEADER_VIA);

	if (!via.len)
		headers_set_id(headers, HEADER_VIA, manager->via);
	else
		headers_set_id(headers, HEADER_VIA,
			       slice_of(arena_printf(&s->arena, "%.*s, %.*s", SLICE_FMT(via),
						     SLICE_FMT(manager->via))));
}

static bool is_time_to_close(struct stream *s)
{
	uint64_t most = s->session->config->max_requests_per_connection;

	if (most && s->session->request_count >= most)
		return true;
	if (LIKELY(!s->worker->is_asking))
		return s->session->is_draining;
	return session_is_last_answer(s->session);
}

/* Told with this answer, not before: it counts once. */
static COLD void drain_with(struct stream *s)
{
	struct session *session = s->session;

	if (session->codec->is_draining && !session->is_patient)
		return;
	session->is_patient = false;
	stat_inc(s->worker->stats, http_manager_of(session)->stats,
		 HTTP_STAT_DOWNSTREAM_CX_DRAIN_CLOSE);
	session_drain(session);
}

void http_prepare_response(struct stream *s, struct headers *headers, bool end)
{
	const struct http_manager *manager = http_manager_of(s->session);

	(void)end;
	if (s->session->config->chain.has_response_headers) /* the filters may have changed it */
		s->info.response_code = (uint16_t)headers_status(headers);
	set_server(manager, headers);
	if (!headers_has(headers, HEADER_DATE))
		headers_add_id(headers, HEADER_DATE, worker_date(s->worker));
	if (manager->via.len)
		http_add_via(s, headers);
	if (manager->returns_request_id && headers_has(s->request, HEADER_X_REQUEST_ID))
		headers_set_id(headers, HEADER_X_REQUEST_ID,
			       headers_get(s->request, HEADER_X_REQUEST_ID));
	/* Answered before the request has ended: the rest of it isn't worth reading. */
	if (s->is_replied && !s->is_request_end_seen)
		headers_set_id(headers, HEADER_CONNECTION, SLICE("close"));
	if (!s->info.is_upgrade && is_time_to_close(s))
		drain_with(s);
}

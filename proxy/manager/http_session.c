#include "manager/http_manager.h"
#include "manager/local_replies.h"
#include "manager/route_find.h"
#include "stream/session_handover.h"
#include "telemetry/access_log.h"
#include "telemetry/stats_http.h"

#define PROTOCOL "http1" /* of a handover */

struct http_session {
	struct session session;
	struct http1 codec;
};

/* All of an idle connection: tests/bench/smoke.py measures that it is. */
_Static_assert(sizeof(struct http_session) <= 400, "what an idle connection costs");

static void count(struct session *session, unsigned id)
{
	stat_inc(session->worker->stats, http_manager_of(session)->stats, id);
}

void http_find_route(struct stream *s)
{
	const struct http_manager *manager = http_manager_of(s->session);
	route_find(s, manager->routes, manager->routes_slot);
}

static void amend_reply(struct stream *s, const struct local_reply *reply, struct headers *headers,
			struct buf *body)
{
	local_replies_apply(http_manager_of(s->session)->local_replies, s, reply, headers, body);
}

static void count_code(struct stream *s)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct stats_shard *shard = s->worker->stats;
	unsigned code = s->info.response_code;

	if (code < 100 || code > 599)
		return;
	stat_inc(shard, manager->stats, stat_class_id(HTTP_STAT_DOWNSTREAM_RQ_1XX, code));
	stat_inc(shard, manager->stats, HTTP_STAT_DOWNSTREAM_RQ_COMPLETED);
	stat_inc(shard, manager->listener_stats,
		 stat_class_id(LISTENER_HTTP_STAT_DOWNSTREAM_RQ_1XX, code));
	stat_inc(shard, manager->listener_stats, LISTENER_HTTP_STAT_DOWNSTREAM_RQ_COMPLETED);
}

static void count_timeouts(struct stream *s)
{
	const uint64_t timeouts = UINT64_C(1) << RESPONSE_FLAG_STREAM_IDLE_TIMEOUT |
				  UINT64_C(1) << RESPONSE_FLAG_DURATION_TIMEOUT;
	struct slice details = s->info.response_code_details;

	if (LIKELY(!(s->info.flags & timeouts)))
		return;
	if (slice_equal(details, reply_reasons[REPLY_STREAM_IDLE_TIMEOUT].details))
		count(s->session, HTTP_STAT_DOWNSTREAM_RQ_IDLE_TIMEOUT);
	else if (slice_equal(details, reply_reasons[REPLY_REQUEST_TIMEOUT].details))
		count(s->session, HTTP_STAT_DOWNSTREAM_RQ_TIMEOUT);
	else if (slice_equal(details, reply_reasons[REPLY_DOWNSTREAM_MAX_DURATION].details))
		count(s->session, HTTP_STAT_DOWNSTREAM_RQ_MAX_DURATION_REACHED);
}

static void stream_ended(struct stream *s)
{
	const struct http_manager *manager = http_manager_of(s->session);
	struct stats_shard *shard = s->worker->stats;

	count_code(s);
	stat_gauge_dec(shard, manager->stats, HTTP_STAT_DOWNSTREAM_RQ_ACTIVE);
	stat_record(shard, manager->stats, HTTP_STAT_DOWNSTREAM_RQ_TIME,
		    (s->info.times.end_ns - s->info.times.start_ns) / 1000000);
	count_timeouts(s);
	if (s->info.is_upgrade)
		stat_gauge_dec(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_UPGRADES_ACTIVE);
	if (!s->has_sent_end)
		stat_inc(shard, manager->stats,
			 s->info.flags & UINT64_C(1)
						 << RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION
				 ? HTTP_STAT_DOWNSTREAM_RQ_RX_RESET
				 : HTTP_STAT_DOWNSTREAM_RQ_TX_RESET);
	else if (!s->is_request_end_seen)
		stat_inc(shard, manager->stats,
			 HTTP_STAT_DOWNSTREAM_RQ_RESPONSE_BEFORE_RQ_COMPLETE);
	if (manager->access_log)
		access_log_write(manager->access_log, s->worker->logs, &s->info);
}

/* A request that couldn't be read has no stream: it is counted and logged by a record of its own.
 */
static void request_failed(struct session *session, enum reply_reason reason, struct slice details)
{
	const struct http_manager *manager = http_manager_of(session);
	struct loop *loop = session->worker->loop;
	struct addr remote, local;
	const struct reply_reason_row *row = &reply_reasons[reason];
	struct stream_info info = {
		.times = {.start_ns = loop->now_ns, .end_ns = loop->now_ns},
		.start_wall_ns = loop->wall_ns,
		.connection_id = session->id,
		.protocol = STREAM_PROTOCOL_HTTP11,
		.downstream_remote = &remote,
		.downstream_direct_remote = &remote,
		.downstream_local = &local,
		.response_code = row->http,
		.response_code_details = details.len ? details : row->details,
		.filter_chain_name = session->chain->name,
	};

	addr_unpack(session->remote, &remote);
	addr_unpack(session->local, &local);
	stream_info_flag(&info, RESPONSE_FLAG_DOWNSTREAM_PROTOCOL_ERROR);
	count(session, HTTP_STAT_DOWNSTREAM_CX_PROTOCOL_ERROR);
	count(session, HTTP_STAT_DOWNSTREAM_RQ_TOTAL);
	count(session, HTTP_STAT_DOWNSTREAM_RQ_HTTP1_TOTAL);
	count(session, stat_class_id(HTTP_STAT_DOWNSTREAM_RQ_1XX, row->http));
	count(session, HTTP_STAT_DOWNSTREAM_RQ_COMPLETED);
	stat_inc(session->worker->stats, manager->listener_stats,
		 stat_class_id(LISTENER_HTTP_STAT_DOWNSTREAM_RQ_1XX, row->http));
	stat_inc(session->worker->stats, manager->listener_stats,
		 LISTENER_HTTP_STAT_DOWNSTREAM_RQ_COMPLETED);
	if (reason == REPLY_REQUEST_HEADERS_TIMEOUT)
		count(session, HTTP_STAT_DOWNSTREAM_RQ_HEADER_TIMEOUT);
	if (manager->access_log)
		access_log_write(manager->access_log, session->worker->logs, &info);
}

static void send_error(struct session *session, enum reply_reason reason)
{
	struct http_session *hs = container_of(session, struct http_session, session);
	struct arena arena;
	struct headers more;

	arena_init(&arena, 1024);
	headers_init(&more, &arena, 4);
	headers_add_id(&more, HEADER_DATE, worker_date(session->worker));
	headers_add_id(&more, HEADER_SERVER, http_manager_of(session)->server_name);
	http1_send_error_with(&hs->codec, reason, reply_reasons[reason].text, &more);
	conn_flush_later(&session->conn);
	arena_free(&arena);
}

static void idle_timed_out(struct session *session)
{
	count(session, HTTP_STAT_DOWNSTREAM_CX_IDLE_TIMEOUT);
}

static void drained(struct session *session)
{
	count(session, HTTP_STAT_DOWNSTREAM_CX_DRAIN_CLOSE);
}

static void session_free(struct grave *grave)
{
	struct session *session = container_of(grave, struct session, conn.io.grave);
	slab_give(&session->worker->http_sessions,
		  container_of(session, struct http_session, session));
}

/* What the codec has noticed, as counters of all HTTP/1 connections. */
static void noticed(struct session *session, unsigned what, unsigned n)
{
	static const uint8_t stats[] = {
		[HTTP1_NOTICE_DROPPED_UNDERSCORES] = HTTP1_STAT_DROPPED_HEADERS_WITH_UNDERSCORES,
		[HTTP1_NOTICE_REJECTED_UNDERSCORES] =
			HTTP1_STAT_REQUESTS_REJECTED_WITH_UNDERSCORES_IN_HEADERS,
		[HTTP1_NOTICE_RESPONSE_FLOOD] = HTTP1_STAT_RESPONSE_FLOOD,
	};
	stat_add(session->worker->stats, http_manager_of(session)->http1_stats, stats[what], n);
}

static void count_end(struct session *session)
{
	count(session, HTTP_STAT_DOWNSTREAM_CX_DESTROY);
	count(session, session->is_closed_by_peer ? HTTP_STAT_DOWNSTREAM_CX_DESTROY_REMOTE
						  : HTTP_STAT_DOWNSTREAM_CX_DESTROY_LOCAL);
	stat_record(session->worker->stats, http_manager_of(session)->stats,
		    HTTP_STAT_DOWNSTREAM_CX_LENGTH_MS,
		    loop_now_ms(session->worker->loop) - session->start_ms);
}

static void ended(struct session *session)
{
	const struct http_manager *manager = http_manager_of(session);
	struct stats_shard *shard = session->worker->stats;

	stat_gauge_dec(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_ACTIVE);
	stat_gauge_dec(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_HTTP1_ACTIVE);
	if (LIKELY(session->leaving != SESSION_GIVEN))
		count_end(session);
	stat_add(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_RX_BYTES_TOTAL,
		 session->conn.bytes_read);
	stat_add(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_TX_BYTES_TOTAL,
		 session->conn.bytes_written);
	conn_bury(&session->conn, session_free);
}

/* Between two exchanges HTTP/1 has no state but what was read of the next. */
static const char *write_state(struct session *session, struct section_writer *out)
{
	(void)session;
	(void)out;
	return PROTOCOL;
}

static bool read_state(struct session *session, struct section_reader *in)
{
	(void)session;
	return !in->is_bad;
}

const struct session_type http_session_type = {
	.protocol = STREAM_PROTOCOL_HTTP11,
	.prepare_request = http_prepare_request,
	.prepare_response = http_prepare_response,
	.amend_reply = amend_reply,
	.find_route = http_find_route,
	.stream_ended = stream_ended,
	.request_failed = request_failed,
	.send_error = send_error,
	.noticed = noticed,
	.idle_timed_out = idle_timed_out,
	.drained = drained,
	.write_state = write_state,
	.read_state = read_state,
	.ended = ended,
};

static struct http_session *session_new(const struct http_manager *manager,
					const struct accepted *accepted)
{
	struct http_session *hs = slab_take(&accepted->worker->http_sessions, sizeof *hs);

	session_init(&hs->session, &manager->session, accepted);
	http1_open(&hs->codec, CODEC_SERVER, &manager->http1, &session_codec_events, &hs->session,
		   &hs->session.conn.out);
	return hs;
}

static void start(struct http_session *hs)
{
	const struct http_manager *manager = http_manager_of(&hs->session);
	struct stats_shard *shard = hs->session.worker->stats;

	session_start(&hs->session, &hs->codec.codec);
	stat_gauge_inc(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_ACTIVE);
	stat_gauge_inc(shard, manager->stats, HTTP_STAT_DOWNSTREAM_CX_HTTP1_ACTIVE);
}

void http_serve(const void *config, const struct accepted *accepted)
{
	struct http_session *hs = session_new(config, accepted);

	count(&hs->session, HTTP_STAT_DOWNSTREAM_CX_TOTAL);
	count(&hs->session, HTTP_STAT_DOWNSTREAM_CX_HTTP1_TOTAL);
	start(hs);
}

bool http_adopt(const void *config, const struct accepted *accepted, struct handover *handover)
{
	if (!handover_is(handover, PROTOCOL) || handover->call_count)
		return false;
	struct http_session *hs = session_new(config, accepted);
	if (!session_adopt(&hs->session, &hs->codec.codec, handover)) {
		session_disown(&hs->session);
		conn_bury(&hs->session.conn, session_free);
		return false;
	}
	handover->sockets[0].fd = -1;
	start(hs);
	return true;
}

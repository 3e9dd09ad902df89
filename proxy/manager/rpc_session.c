#include "base/section.h"
#include "manager/local_replies.h"
#include "manager/rpc_away.h"
#include "manager/rpc_owed.h"
#include "manager/rpc_private.h"
#include "manager/sniff.h"
#include "routing/string_matcher.h"
#include "stream/reply.h"
#include "stream/session_handover.h"
#include "telemetry/access_log.h"

/* --- a call --- */

void rpc_count_request(uint64_t *words)
{
	stat_word_add(words + RPC_STAT_REQUEST, 1);
	stat_word_add(words + RPC_STAT_REQUEST_DECODING_SUCCESS, 1);
	stat_word_add(words + RPC_STAT_REQUEST_ACTIVE, 1);
}

static bool refuse(struct stream *s, enum reply_reason reason, struct slice details)
{
	reply_send_reason(s, reason, details);
	return false;
}

/* As denied, not as undecodable: consumers try again, elsewhere, what has a status of its own. */
static COLD bool refuse_strictly(struct stream *s)
{
	reply_send_details(s,
			   &(struct local_reply){
				   .reason = REPLY_DENIED,
				   .grpc_status = -1,
				   .text = SLICE("the call's attachments contradict its fields")},
			   SLICE("strict_attachments"));
	return false;
}

/* Whether a stock provider would run what the call is routed and judged by. */
static bool is_consistent(struct stream *s, const struct rpc_manager *manager)
{
	const struct rpc_head *rpc = s->request->rpc;

	if (manager->passes_unread && !rpc->has_attachments)
		return true;
	return rpc_session_of(s->session)->dialect->agrees(rpc, &s->arena);
}

/* The caller's own limit, if it names one. 0: none. */
static uint32_t caller_timeout_ms(const struct stream *s)
{
	uint64_t ms = s->request->rpc->timeout_ms;

	if (!ms && !slice_to_uint64(headers_get(s->request, HEADER_TRI_SERVICE_TIMEOUT), &ms))
		return 0;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void limit_time(struct stream *s, const struct rpc_manager *manager)
{
	struct rpc_head *rpc = s->request->rpc;
	uint32_t ms = manager->uses_caller_timeout ? caller_timeout_ms(s) : 0;

	rpc->limit_ms = manager->request_timeout_ms;
	if (ms && (!rpc->limit_ms || ms < rpc->limit_ms))
		rpc->limit_ms = ms;
}

/* Methods are known by their path without its first slash. */
static void note_idempotence(struct stream *s, const struct rpc_manager *manager)
{
	struct rpc_head *rpc = s->request->rpc;
	struct slice path = headers_get(s->request, HEADER_PATH);
	struct slice name = slice_sub(path, path.len > 0, path.len);

	for (uint32_t i = 0; i < manager->idempotent_count && !rpc->is_idempotent; i++)
		rpc->is_idempotent = string_matcher_test(&manager->idempotent[i], name);
	rpc->is_once = !rpc->is_idempotent;
}

static void begin_times(struct stream *s)
{
	struct rpc_session *rs = rpc_session_of(s->session);
	struct call_times *times = ARENA_NEW(&s->arena, struct call_times);

	times->begun_ns = rs->left_since_ns ? rs->left_since_ns : s->info.times.start_ns;
	times->read_ns = loop_clock_ns();
	s->info.call_times = times;
	rs->left_since_ns = 0;
}

/* What is asked of every call, beyond its route. False: it is answered. */
static bool prepare_more(struct stream *s, const struct rpc_manager *manager)
{
	const struct rpc_dialect *dialect = rpc_session_of(s->session)->dialect;
	bool reads = manager->uses_caller_timeout || manager->is_strict;

	if (manager->time_stats)
		begin_times(s);
	if (s->session->stream_count > manager->max_in_flight)
		return refuse(s, REPLY_OVERLOADED, SLICE("max_in_flight"));
	s->request->rpc->wants_answer_attachments = manager->publishes_each[DIRECTION_RESPONSE];
	if (manager->publishes_each[DIRECTION_REQUEST])
		rpc_publish(s);
	else if (reads && dialect->read_attachments)
		dialect->read_attachments(s->request, &s->arena);
	if (manager->is_strict && !is_consistent(s, manager))
		return refuse_strictly(s);
	limit_time(s, manager);
	if (manager->idempotent_count)
		note_idempotence(s, manager);
	return true;
}

static bool prepare_request(struct stream *s, bool end)
{
	const struct rpc_manager *manager = rpc_manager_of(s->session);
	struct rpc_session *rs = rpc_session_of(s->session);
	const struct rpc_call *returning = rs->returning;

	(void)end;
	s->info.protocol = (uint8_t)rs->dialect->stream_protocol;
	s->request->rpc->host = rs->host;
	rs->host = NULL;
	if (UNLIKELY(rs->is_routed))
		rpc_take_route(s);
	rs->returning = NULL;
	if (LIKELY(!returning))
		rpc_count_request(rpc_words(s->session));
	else if (rpc_call_return(s, returning))
		return false;
	if (UNLIKELY(s->request->rpc->is_over_limit))
		return refuse(s, REPLY_CALL_OVER_LIMIT, (struct slice){0});
	if (UNLIKELY(!manager->is_bare) && !prepare_more(s, manager))
		return false;
	rpc_find_route(s);
	return true;
}

void rpc_count_answer(uint64_t *words, enum rpc_answer answer)
{
	stat_word_add(words + RPC_STAT_RESPONSE, 1);
	stat_word_add(words + RPC_STAT_RESPONSE_DECODING_SUCCESS, 1);
	stat_word_add(words + (answer == RPC_ANSWER_ERROR ? RPC_STAT_RESPONSE_ERROR
							  : RPC_STAT_RESPONSE_SUCCESS),
		      1);
	if (UNLIKELY(answer != RPC_ANSWER_OK))
		stat_word_add(words + RPC_STAT_RESPONSE_BUSINESS_EXCEPTION, 1);
}

/* A consumer that doesn't read its answers is paused first (no more calls are read), and given up
 * when those that were under way have piled up. */
bool rpc_close_over_cap(struct session *session)
{
	const struct rpc_manager *manager = rpc_manager_of(session);

	if (LIKELY(session->conn.out.len <= (size_t)session->conn.high_mark + manager->output_cap))
		return false;
	rpc_count(session, RPC_STAT_RESPONSE_ERROR_CAUSED_CONNECTION_CLOSE);
	while (!list_is_empty(&session->streams))
		stream_abort(container_of(session->streams.next, struct stream, link),
			     RESPONSE_FLAG_OVERLOAD_MANAGER, SLICE("downstream_output_over_cap"));
	session_close(session);
	return true;
}

static void prepare_response(struct stream *s, struct headers *headers, bool end)
{
	struct session *session = s->session;
	uint64_t *words = rpc_words(session);
	const struct rpc_head *rpc = headers->rpc;

	(void)end;
	if (!rpc || rpc->is_local)
		stat_word_add(words + RPC_STAT_LOCAL_RESPONSE_BUSINESS_EXCEPTION, 1);
	else
		rpc_count_answer(words, rpc_session_of(session)->dialect->answer(rpc));
	rpc_close_over_cap(session);
}

void rpc_count_end(struct session *session, uint64_t start_ns, bool is_oneway, bool has_answer)
{
	uint64_t *words = rpc_words(session);

	stat_word_add(words + RPC_STAT_REQUEST_ACTIVE + 1, 1); /* the gauge's second word */
	if (LIKELY(has_answer))
		stat_word_add(
			words + (is_oneway ? RPC_STAT_REQUEST_ONEWAY : RPC_STAT_REQUEST_TWOWAY), 1);
	stat_word_record(words + RPC_STAT_REQUEST_TIME_MS,
			 (session->worker->loop->now_ns - start_ns) / 1000000);
}

static uint64_t us_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

/* A call that went nowhere has no time upstream; nor is there one to write if nothing came back. */
static void record_times(struct stream *s, const struct stat_scope *scope)
{
	struct stats_shard *shard = s->worker->stats;
	struct call_times *times = s->info.call_times;

	times->written_ns = loop_clock_ns();
	uint64_t filtered_ns = times->sent_ns ? times->sent_ns : times->written_ns;
	stat_record(shard, scope, CALL_TIME_STAT_READ_US,
		    us_between(times->begun_ns, times->read_ns));
	stat_record(shard, scope, CALL_TIME_STAT_FILTERS_US,
		    us_between(times->read_ns, filtered_ns));
	if (!times->sent_ns || !times->answered_ns)
		return;
	stat_record(shard, scope, CALL_TIME_STAT_UPSTREAM_US,
		    us_between(times->sent_ns, times->answered_ns));
	stat_record(shard, scope, CALL_TIME_STAT_WRITE_US,
		    us_between(times->answered_ns, times->written_ns));
}

static void amend_reply(struct stream *s, const struct local_reply *reply, struct headers *headers,
			struct buf *body)
{
	local_replies_apply(rpc_manager_of(s->session)->local_replies, s, reply, headers, body);
}

static void stream_ended(struct stream *s)
{
	const struct rpc_manager *manager = rpc_manager_of(s->session);

	rpc_count_end(s->session, s->info.times.start_ns, s->down.is_oneway, !s->is_replied);
	if (UNLIKELY(s->info.call_times != NULL))
		record_times(s, manager->time_stats);
	if (UNLIKELY(manager->access_log != NULL))
		access_log_write(manager->access_log, s->worker->logs, &s->info);
	if (UNLIKELY(s->info.flags & UINT64_C(1)
					     << RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION))
		rpc_session_of(s->session)->had_calls = true;
}

static void gone(struct session *session)
{
	struct rpc_session *rs = rpc_session_of(session);

	rs->had_calls |= !list_is_empty(&rs->calls) || rs->owed;
	session->codec->is_failed = true; /* nothing is written for those that end */
	rpc_calls_abort(session);
	if (UNLIKELY(rs->owed != NULL))
		rpc_owed_drop(rs);
}

/* --- the connection --- */

static void request_failed(struct session *session, enum reply_reason reason, struct slice details)
{
	(void)reason;
	(void)details;
	rpc_calls_abort(session);
	rpc_count(session, RPC_STAT_REQUEST_DECODING_ERROR);
}

static void was_read(struct session *session, bool has_left)
{
	struct rpc_session *rs = rpc_session_of(session);

	if (!has_left)
		rs->left_since_ns = 0;
	else if (!rs->left_since_ns)
		rs->left_since_ns = session->worker->loop->now_ns;
}

static void drained(struct session *session)
{
	rpc_count(session, RPC_STAT_DOWNSTREAM_CX_DRAIN_CLOSE);
}

static void session_free(struct grave *grave)
{
	struct session *session = container_of(grave, struct session, conn.io.grave);
	slab_give(&session->worker->rpc_sessions, rpc_session_of(session));
}

/* A call that was cut short counts, too: `needs` says that its rest was waited for. */
static void ended(struct session *session)
{
	if ((rpc_session_of(session)->had_calls || session->codec->needs) &&
	    session->leaving != SESSION_GIVEN)
		rpc_count(session, session->is_closed_by_peer
					   ? RPC_STAT_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ
					   : RPC_STAT_CX_DESTROY_LOCAL_WITH_ACTIVE_RQ);
	conn_bury(&session->conn, session_free);
}

/* --- connections that move */

static const char *write_state(struct session *session, struct section_writer *out)
{
	const struct rpc_dialect *dialect = rpc_session_of(session)->dialect;

	dialect->write_state(session->codec, out);
	return dialect->name;
}

static bool read_state(struct session *session, struct section_reader *in)
{
	return rpc_session_of(session)->dialect->read_state(session->codec, in);
}

const struct session_type rpc_session_type = {
	.protocol = STREAM_PROTOCOL_DUBBO,
	.prepare_request = prepare_request,
	.prepare_response = prepare_response,
	.amend_reply = amend_reply,
	.find_route = rpc_find_route,
	.argument = rpc_argument,
	.attachment = rpc_attachment,
	.stream_ended = stream_ended,
	.drained = drained,
	.gone = gone,
	.request_failed = request_failed,
	.was_read = was_read,
	.pause_parts = rpc_pause_parts,
	.write_state = write_state,
	.read_state = read_state,
	.give_busy = rpc_give_busy,
	.ended = ended,
};

static struct rpc_session *session_new(const struct rpc_manager *manager,
				       const struct rpc_dialect *dialect,
				       const struct accepted *accepted)
{
	struct worker_context *worker = accepted->worker;
	struct rpc_session *rs = slab_take(&worker->rpc_sessions, sizeof *rs);

	session_init(&rs->session, &manager->session, accepted);
	rs->dialect = dialect;
	rs->words = stats_words(worker->stats, manager->stats);
	list_init(&rs->calls);
	rs->host = NULL;
	rs->is_routed = false;
	rs->returning = NULL;
	rs->answering = NULL;
	rs->left_since_ns = 0;
	rs->had_calls = false;
	rs->owed = NULL;
	return rs;
}

static void serve(const struct rpc_manager *manager, const struct rpc_dialect *dialect,
		  const struct accepted *accepted)
{
	struct rpc_session *rs = session_new(manager, dialect, accepted);

	session_start(&rs->session, dialect->open(rs, manager->is_plain));
}

static bool serve_sniffed(const void *config, enum sniffed protocol,
			  const struct accepted *accepted)
{
	const struct rpc_manager *manager = config;
	const struct rpc_dialect *dialect = rpc_dialects[protocol];

	if (!dialect || !(manager->protocols & 1u << protocol))
		return false;
	serve(manager, dialect, accepted);
	return true;
}

void rpc_serve(const void *config, const struct accepted *accepted)
{
	const struct rpc_manager *manager = config;

	if (LIKELY(manager->dialect != NULL))
		serve(manager, manager->dialect, accepted);
	else
		sniff_start(accepted, manager->sniff_timeout_ms, serve_sniffed, manager);
}

static const struct rpc_dialect *find_dialect(const struct rpc_manager *manager,
					      const struct handover *handover)
{
	if (manager->dialect)
		return handover_is(handover, manager->dialect->name) ? manager->dialect : NULL;
	for (int i = 0; i < SNIFFED_COUNT; i++)
		if (manager->protocols & 1u << i && rpc_dialects[i] &&
		    handover_is(handover, rpc_dialects[i]->name))
			return rpc_dialects[i];
	return NULL;
}

bool rpc_adopt(const void *config, const struct accepted *accepted, struct handover *handover)
{
	const struct rpc_manager *manager = config;
	const struct rpc_dialect *dialect = find_dialect(manager, handover);

	if (!manager->dialect && sniff_takes(handover)) {
		rpc_serve(config, accepted);
		return true;
	}
	if (!dialect)
		return false;
	struct rpc_session *rs = session_new(manager, dialect, accepted);
	struct codec *codec = dialect->open(rs, manager->is_plain);
	if (!session_adopt(&rs->session, codec, handover)) {
		session_disown(&rs->session);
		conn_bury(&rs->session.conn, session_free);
		return false;
	}
	handover->sockets[0].fd = -1;
	if (handover->call_count)
		rpc_owe(rs, handover);
	session_start(&rs->session, codec);
	return true;
}

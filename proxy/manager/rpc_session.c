#include <stdlib.h>

#include "codec/dubbo.h"
#include "codec/dubbo_arguments.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "manager/rpc_manager.h"
#include "routing/table.h"
#include "telemetry/stats_network.h"

struct rpc_session {
	struct session session;
	struct dubbo codec;
	struct dubbo_options options;
	bool had_calls; /* some were under way when the connection ended */
};

static struct rpc_session *of(struct session *session)
{
	return container_of(session, struct rpc_session, session);
}

static uint64_t *words_of(struct session *session)
{
	return stats_words(session->worker->stats, rpc_manager_of(session)->stats);
}

static void count(struct session *session, enum dubbo_stat id)
{
	stat_word_add(words_of(session) + id, 1);
}

/* --- routes --- */

static bool read_argument(void *context, unsigned n, struct slice *text)
{
	struct stream *s = context;
	return dubbo_argument(s->request, n, text);
}

/* The table's answer, kept with the call's head if it depends on nothing else. */
static const struct route *match(struct stream *s, const struct route_table *routes)
{
	struct rpc_memo *memo = s->request->rpc->memo;
	struct route_match_input input;
	unsigned looked_at;

	if (LIKELY(memo && memo->of == routes && memo->epoch == s->worker->config_epoch))
		return memo->found;
	route_match_input_init(&input, s->request, s->random);
	input.argument = read_argument;
	input.argument_context = s;
	const struct route *route = route_table_match(routes, &input, &looked_at);
	if (memo && looked_at == ROUTE_LOOKED_AT_PATH)
		*memo = (struct rpc_memo){routes, route, s->worker->config_epoch};
	return route;
}

static void find_route(struct stream *s)
{
	s->routes = rpc_manager_of(s->session)->routes;
	s->route = match(s, s->routes);
	s->request->rpc->memo = NULL; /* filters may change what it was found by */
	if (UNLIKELY(!s->route))
		return;
	s->virtual_host = s->route->virtual_host;
	s->info.route_name = s->route->name;
	s->info.virtual_host_name = s->virtual_host->name;
}

/* --- a call --- */

/* Attachments that can't be read are not there: a route that asks for one doesn't match. */
static bool prepare_request(struct stream *s, bool end)
{
	uint64_t *words = words_of(s->session);

	(void)end;
	stat_word_add(words + DUBBO_STAT_REQUEST, 1);
	stat_word_add(words + DUBBO_STAT_REQUEST_DECODING_SUCCESS, 1);
	stat_word_add(words + DUBBO_STAT_REQUEST_ACTIVE, 1);
	if (rpc_manager_of(s->session)->routes->needs_attachments &&
	    dubbo_read_attachments(s->request, &s->arena))
		dubbo_attachments_publish(s->request);
	find_route(s);
	return true;
}

static bool is_exception(const struct rpc_head *rpc)
{
	return rpc->status != DUBBO_OK || rpc->result == RPC_RESULT_EXCEPTION ||
	       rpc->result == RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS;
}

static void count_answer(uint64_t *words, const struct rpc_head *rpc)
{
	stat_word_add(words + DUBBO_STAT_RESPONSE, 1);
	stat_word_add(words + DUBBO_STAT_RESPONSE_DECODING_SUCCESS, 1);
	stat_word_add(words + (rpc->status == DUBBO_OK ? DUBBO_STAT_RESPONSE_SUCCESS
						       : DUBBO_STAT_RESPONSE_ERROR),
		      1);
	if (UNLIKELY(is_exception(rpc)))
		stat_word_add(words + DUBBO_STAT_RESPONSE_BUSINESS_EXCEPTION, 1);
}

/* A consumer that doesn't read its answers is paused first (no more calls are read), and given up
 * when those that were under way have piled up. */
static bool is_over_cap(const struct session *session)
{
	return session->conn.out.len > (size_t)session->conn.high_mark + RPC_OUTPUT_CAP;
}

static void prepare_response(struct stream *s, struct headers *headers, bool end)
{
	struct session *session = s->session;
	uint64_t *words = words_of(session);
	const struct rpc_head *rpc = headers->rpc;

	(void)end;
	if (!rpc || rpc->is_local)
		stat_word_add(words + DUBBO_STAT_LOCAL_RESPONSE_BUSINESS_EXCEPTION, 1);
	else
		count_answer(words, rpc);
	if (UNLIKELY(is_over_cap(session))) {
		count(session, DUBBO_STAT_RESPONSE_ERROR_CAUSED_CONNECTION_CLOSE);
		session_close(session);
	}
}

static void stream_ended(struct stream *s)
{
	uint64_t *words = words_of(s->session);

	stat_word_add(words + DUBBO_STAT_REQUEST_ACTIVE + 1, 1); /* the gauge's second word */
	if (!s->is_replied)
		stat_word_add(words + (s->down.is_oneway ? DUBBO_STAT_REQUEST_ONEWAY
							 : DUBBO_STAT_REQUEST_TWOWAY),
			      1);
	stat_record(s->worker->stats, rpc_manager_of(s->session)->stats, DUBBO_STAT_REQUEST_TIME_MS,
		    (s->info.times.end_ns - s->info.times.start_ns) / 1000000);
	if (UNLIKELY(s->info.flags & UINT64_C(1)
					     << RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION))
		of(s->session)->had_calls = true;
}

/* --- the connection --- */

static void request_failed(struct session *session, enum reply_reason reason, struct slice details)
{
	(void)reason;
	(void)details;
	count(session, DUBBO_STAT_REQUEST_DECODING_ERROR);
}

static void noticed(struct codec *codec, enum dubbo_notice notice)
{
	count(session_of_codec(codec), notice == DUBBO_NOTICE_EVENT
					       ? DUBBO_STAT_REQUEST_EVENT
					       : DUBBO_STAT_REQUEST_DECODING_ERROR);
}

static void session_free(struct grave *grave)
{
	free(of(container_of(grave, struct session, grave)));
}

/* A call that was cut short counts, too: `needs` says that its rest was waited for. */
static void ended(struct session *session)
{
	if (of(session)->had_calls || session->codec->needs)
		count(session, session->is_closed_by_peer
				       ? DUBBO_STAT_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ
				       : DUBBO_STAT_CX_DESTROY_LOCAL_WITH_ACTIVE_RQ);
	loop_bury(session->worker->loop, &session->grave, session_free);
}

static const struct session_type session_type = {
	.protocol = STREAM_PROTOCOL_DUBBO,
	.prepare_request = prepare_request,
	.prepare_response = prepare_response,
	.find_route = find_route,
	.stream_ended = stream_ended,
	.request_failed = request_failed,
	.ended = ended,
};

void rpc_serve(const void *config, const struct accepted *accepted)
{
	const struct rpc_manager *manager = config;
	struct worker_context *worker = accepted->worker;
	struct rpc_session *rs = malloc(sizeof *rs);

	invariant(rs);
	session_init(&rs->session, &session_type, &manager->session, accepted);
	rs->had_calls = false;
	rs->options = (struct dubbo_options){.payload_limit = DUBBO_PAYLOAD_LIMIT,
					     .max_in_flight = DUBBO_MAX_IN_FLIGHT,
					     .counts = &worker->dubbo_counts,
					     .heads = &worker->dubbo_heads,
					     .noticed = noticed};
	dubbo_open(&rs->codec, CODEC_SERVER, &session_codec_events, &rs->session,
		   &rs->session.conn.out, &rs->options);
	session_start(&rs->session, &rs->codec.codec);
}

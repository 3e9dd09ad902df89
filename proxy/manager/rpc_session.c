#include "manager/rpc_private.h"
#include "message/argument_value.h"
#include "routing/rpc_match.h"

/* --- routes --- */

/* What the rules that a call's head leads to ask of its body. */
static void read_call(void *context, const struct call_needs *needs, struct argument_value *values)
{
	struct stream *s = context;
	rpc_session_of(s->session)->dialect->read(s->request, needs, values, &s->arena);
}

/* What policies ask. */
static bool argument(struct stream *s, const struct argument_path *path, struct slice *text)
{
	const struct call_needs needs = {.paths = &path, .path_count = 1};
	struct argument_value value = {.kind = ARGUMENT_ABSENT};

	rpc_session_of(s->session)->dialect->read(s->request, &needs, &value, &s->arena);
	if (!argument_value_is_present(&value))
		return false;
	*text = argument_value_text(&value, &s->arena);
	return text->data != NULL;
}

static bool attachment(struct stream *s, struct slice name, struct slice *text)
{
	return rpc_session_of(s->session)->dialect->attachment(s->request, name, text, &s->arena);
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
	input.read_call = read_call;
	input.read_context = s;
	const struct route *route = route_table_match(routes, &input, &looked_at);
	if (memo && looked_at == ROUTE_LOOKED_AT_PATH)
		*memo = (struct rpc_memo){.of = routes,
					  .found = route,
					  .straight_to = rpc_call_cluster(s->session, route),
					  .epoch = s->worker->config_epoch};
	return route;
}

/* What the route does with a call may ask for its header fields, too. */
static bool asks_headers(const struct route *route)
{
	const struct route_action *action = route->forward;

	return route->kind == ROUTE_FORWARD &&
	       (action->hash_policies.count || action->choice == CLUSTER_FROM_HEADER ||
		action->weight_header.len);
}

static void find_route(struct stream *s)
{
	s->routes = rpc_manager_of(s->session)->routes;
	s->route = match(s, s->routes);
	s->request->rpc->memo = NULL; /* filters may change what it was found by */
	if (UNLIKELY(!s->route))
		return;
	if (UNLIKELY(asks_headers(s->route)))
		rpc_session_of(s->session)->dialect->publish(s->request, &s->arena);
	s->virtual_host = s->route->virtual_host;
	s->info.route_name = s->route->name;
	s->info.virtual_host_name = s->virtual_host->name;
}

/* --- a call --- */

void rpc_count_request(uint64_t *words)
{
	stat_word_add(words + RPC_STAT_REQUEST, 1);
	stat_word_add(words + RPC_STAT_REQUEST_DECODING_SUCCESS, 1);
	stat_word_add(words + RPC_STAT_REQUEST_ACTIVE, 1);
}

static bool prepare_request(struct stream *s, bool end)
{
	struct rpc_session *rs = rpc_session_of(s->session);
	const struct rpc_call *returning = rs->returning;

	(void)end;
	s->request->rpc->host = rs->host;
	rs->host = NULL;
	rs->returning = NULL;
	if (LIKELY(!returning))
		rpc_count_request(rpc_words(s->session));
	else if (rpc_call_return(s, returning))
		return false;
	/* Filters read headers; without them only those routes look that the head leads to. */
	if (!rpc_manager_of(s->session)->is_plain &&
	    rpc_manager_of(s->session)->routes->needs_attachments)
		rs->dialect->publish(s->request, &s->arena);
	find_route(s);
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
	if (LIKELY(session->conn.out.len <= (size_t)session->conn.high_mark + RPC_OUTPUT_CAP))
		return false;
	rpc_count(session, RPC_STAT_RESPONSE_ERROR_CAUSED_CONNECTION_CLOSE);
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

static void stream_ended(struct stream *s)
{
	rpc_count_end(s->session, s->info.times.start_ns, s->down.is_oneway, !s->is_replied);
	if (UNLIKELY(s->info.flags & UINT64_C(1)
					     << RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION))
		rpc_session_of(s->session)->had_calls = true;
}

static void gone(struct session *session)
{
	struct rpc_session *rs = rpc_session_of(session);

	rs->had_calls |= !list_is_empty(&rs->calls);
	rpc_calls_abort(session);
}

/* --- the connection --- */

static void request_failed(struct session *session, enum reply_reason reason, struct slice details)
{
	(void)reason;
	(void)details;
	rpc_calls_abort(session);
	rpc_count(session, RPC_STAT_REQUEST_DECODING_ERROR);
}

static void session_free(struct grave *grave)
{
	struct session *session = container_of(grave, struct session, conn.io.grave);
	slab_give(&session->worker->rpc_sessions, rpc_session_of(session));
}

/* A call that was cut short counts, too: `needs` says that its rest was waited for. */
static void ended(struct session *session)
{
	if (rpc_session_of(session)->had_calls || session->codec->needs)
		rpc_count(session, session->is_closed_by_peer
					   ? RPC_STAT_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ
					   : RPC_STAT_CX_DESTROY_LOCAL_WITH_ACTIVE_RQ);
	conn_bury(&session->conn, session_free);
}

const struct session_type rpc_session_type = {
	.protocol = STREAM_PROTOCOL_DUBBO,
	.prepare_request = prepare_request,
	.prepare_response = prepare_response,
	.find_route = find_route,
	.argument = argument,
	.attachment = attachment,
	.stream_ended = stream_ended,
	.gone = gone,
	.request_failed = request_failed,
	.ended = ended,
};

void rpc_serve(const void *config, const struct accepted *accepted)
{
	const struct rpc_manager *manager = config;
	struct worker_context *worker = accepted->worker;
	struct rpc_session *rs = slab_take(&accepted->worker->rpc_sessions, sizeof *rs);

	session_init(&rs->session, &manager->session, accepted);
	rs->dialect = manager->dialect;
	rs->words = stats_words(worker->stats, manager->stats);
	list_init(&rs->calls);
	rs->host = NULL;
	rs->returning = NULL;
	rs->had_calls = false;
	session_start(&rs->session,
		      rs->dialect->open(rs, manager->is_plain && !manager->session.is_unshared));
}

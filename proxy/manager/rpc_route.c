/* The route of a call, and what of a call is read for it.
 *
 *   head ─ memo ─┬ known ──────────────────────────────> route
 *                └ else ─ table, by the head ─┬────────> route, kept in the memo
 *                    rules of calls read what they ask for by themselves (read_call)
 *                    rules of HTTP look at header fields: attachments become such ─ table again
 *
 * So calls to an interface whose routes ask for nothing but names never pay for those of others.
 * Where values count the table is asked for each call: of its stream, or before it has one
 * (rpc_ask_route), when nothing else would need it. */
#include "manager/route_find.h"
#include "manager/routes.h"
#include "manager/rpc_private.h"
#include "message/argument_value.h"
#include "routing/rpc_match.h"
#include "routing/table.h"

enum {
	/* What the call itself tells; the rest is known of a stream only. */
	TOLD_BY_CALL = ROUTE_LOOKED_AT_PATH | ROUTE_LOOKED_AT_HEADERS | ROUTE_LOOKED_AT_QUERY |
		       ROUTE_LOOKED_AT_ARGUMENTS,
};

/* A call that a route is looked for; what is read of it goes to its headers' arena. */
struct question {
	const struct rpc_dialect *dialect;
	const struct route_table *table;
	struct headers *request;
	const struct metadata *metadata;
	uint64_t random;
	const struct call_needs *needs; /* what was asked for last */
	bool is_asked_again;            /* and before that something else */
};

static const struct rpc_dialect *dialect_of(const struct stream *s)
{
	return rpc_session_of(s->session)->dialect;
}

static void read_call(void *context, const struct call_needs *needs, struct argument_value *values)
{
	struct question *q = context;

	q->is_asked_again = q->needs != NULL;
	q->needs = needs;
	q->dialect->read(q->request, needs, values, q->request->arena);
}

static const struct route *ask(struct question *q, unsigned *looked_at)
{
	struct route_match_input input;

	*looked_at = ROUTE_LOOKED_AT_PATH;
	if (UNLIKELY(!q->table))
		return NULL;
	route_match_input_init(&input, q->request, q->random);
	input.metadata = q->metadata;
	input.read_call = read_call;
	input.read_context = q;
	return route_table_match(q->table, &input, looked_at);
}

bool rpc_argument(struct stream *s, const struct argument_path *path, struct argument_value *value)
{
	const struct call_needs needs = {.paths = &path, .path_count = 1};

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	dialect_of(s)->read(s->request, &needs, value, &s->arena);
	return argument_value_is_present(value);
}

bool rpc_attachment(struct stream *s, struct slice name, struct slice *text)
{
	const struct rpc_dialect *dialect = dialect_of(s);
	const struct rpc_attachment *attachment;

	if (dialect->read_attachments && !dialect->read_attachments(s->request, &s->arena))
		return false;
	attachment = rpc_attachment_find(s->request->rpc, name);
	if (!attachment || !attachment->value.data)
		return false;
	*text = attachment->value;
	return true;
}

void rpc_publish(struct stream *s)
{
	dialect_of(s)->publish(s->request, &s->arena);
}

/* Whether one of several clusters is named by a field, or has fields of its own for that direction.
 */
static bool weights_ask_headers(const struct cluster_choice *choice, enum direction direction)
{
	bool asks = false;

	for (uint32_t i = 0; choice->kind == CLUSTER_WEIGHTED && i < choice->weighted->count; i++) {
		const struct weighted_cluster *one = &choice->weighted->items[i];
		asks |= one->response ||
			(direction == DIRECTION_REQUEST && (one->request || one->from_header.len));
	}
	return asks;
}

static bool mirrors_ask_headers(const struct mirrors *mirrors)
{
	bool asks = false;

	for (uint32_t i = 0; i < mirrors->count; i++)
		asks |= mirrors->items[i].from_header.len > 0;
	return asks;
}

/* What the route does with a call may ask for its header fields, too. Those that an answer gets may
 * be made of the request's. */
static bool asks_headers(const struct route *route)
{
	const struct route_action *action = route->forward;
	const struct retry_policy *retry = route_retry_policy(route);

	return route->kind == ROUTE_FORWARD &&
	       (action->hash_policies.count || route->request_level_count ||
		route->response_level_count || cluster_choice_asks_headers(&route->cluster) ||
		weights_ask_headers(&route->cluster, DIRECTION_REQUEST) ||
		mirrors_ask_headers(route_mirrors(route)) ||
		(retry && retry->request_headers.count));
}

/* The same of an answer's. */
static bool asks_answer_headers(const struct route *route)
{
	const struct retry_policy *retry = route_retry_policy(route);

	return route->response_level_count ||
	       (route->kind == ROUTE_FORWARD &&
		(weights_ask_headers(&route->cluster, DIRECTION_RESPONSE) ||
		 (retry && retry->response_headers.count)));
}

/* --- calls in parts */

static void note_asked(void *context, const struct call_needs *needs, struct argument_value *values)
{
	(void)needs;
	(void)values;
	*(bool *)context = true;
}

/* The table that calls are routed by now; NULL: none. */
static const struct route_table *current_table(const struct session *session)
{
	const struct rpc_manager *manager = rpc_manager_of(session);

	if (manager->routes)
		return manager->routes;
	const struct pin *pin =
		pin_find(&session->worker->pins, PUBLISHED_ROUTES, manager->routes_slot);
	return pin ? routes_table(pin->object) : NULL;
}

/* What decides where it goes stands in its head, and nobody asks for more of it, or changes it. */
bool rpc_takes_parts(struct codec *codec, struct headers *headers)
{
	const struct session *session = session_of_codec(codec);
	const struct rpc_manager *manager = rpc_manager_of(session);
	const struct chain_config *chain = &session->config->chain;
	const struct route_table *table = current_table(session);
	struct route_match_input input;
	bool is_asked = false;
	unsigned looked_at = 0;

	if (manager->publishes || manager->is_strict || manager->uses_caller_timeout ||
	    chain->has_policies || chain->has_request_data)
		return false;
	if (!table)
		return true;
	route_match_input_init(&input, headers, 0);
	input.read_call = note_asked;
	input.read_context = &is_asked;
	const struct route *route = route_table_match(table, &input, &looked_at);
	if (is_asked || (looked_at & ~(unsigned)ROUTE_LOOKED_AT_PATH))
		return false;
	return !route || route->is_plain || (!route->policy && !asks_headers(route));
}

/* --- the table */

/* What is kept with the call's head of an answer: all of it if it depends on nothing else, or who
 * has to be asked. */
static void remember(struct stream *s, const struct route *route, unsigned looked_at)
{
	const struct rpc_manager *manager = rpc_manager_of(s->session);
	struct rpc_memo *memo = s->request->rpc->memo;
	bool looks_behind =
		s->routes && looked_at & (ROUTE_LOOKED_AT_HEADERS | ROUTE_LOOKED_AT_ARGUMENTS);
	bool needs_stream = !manager->is_plain || s->request->rpc->is_idempotent;

	if (!memo || (!looks_behind && looked_at != ROUTE_LOOKED_AT_PATH))
		return;
	*memo = (struct rpc_memo){
		.of = manager, .epoch = s->worker->config_epoch, .looks_behind = looks_behind};
	if (!looks_behind)
		memo->found = route;
	if (needs_stream)
		return;
	if (looks_behind && !(looked_at & ~(unsigned)TOLD_BY_CALL))
		memo->asks = s->routes;
	else if (!looks_behind)
		memo->straight_to = rpc_call_cluster(s->session, route);
}

/* Of a call whose route depends on header fields they are there when the table is asked for the
 * next like it. */
static const struct route *match(struct stream *s)
{
	const struct rpc_manager *manager = rpc_manager_of(s->session);
	const struct rpc_memo *memo = s->request->rpc->memo;
	bool is_known = memo && memo->of == manager && memo->epoch == s->worker->config_epoch;
	struct question q = {.dialect = dialect_of(s),
			     .table = s->routes,
			     .request = s->request,
			     .metadata = s->info.metadata,
			     .random = s->random};
	bool may_publish = q.table && !q.table->is_rpc && manager->reads_attachments;
	unsigned looked_at;

	if (LIKELY(is_known && !memo->looks_behind))
		return memo->found;
	if (is_known && may_publish)
		rpc_publish(s);
	const struct route *route = ask(&q, &looked_at);
	if (!is_known && may_publish && looked_at & ROUTE_LOOKED_AT_HEADERS &&
	    !s->request->rpc->has_attachment_headers) {
		rpc_publish(s);
		route = ask(&q, &looked_at);
	}
	if (!is_known)
		remember(s, route, looked_at);
	return route;
}

/* The table is asked, and the answer kept, if it follows from bytes that a call may have again. */
static struct rpc_decision decide(struct rpc_session *rs, struct rpc_kept *kept, struct slice frame,
				  const struct rpc_call_bytes *bytes)
{
	struct arena *arena = &rs->session.worker->call_arena;
	struct question q = {
		.dialect = rs->dialect,
		.table = kept->memo.asks,
		.request = rs->dialect->request(kept, frame, arena),
	};
	unsigned looked_at;

	if (!q.table->is_rpc && rpc_manager_of(&rs->session)->reads_attachments)
		q.dialect->publish(q.request, arena);
	const struct route *route = ask(&q, &looked_at);
	if (looked_at & ~(unsigned)TOLD_BY_CALL)
		return (struct rpc_decision){NULL, NULL, false};
	/* Where header fields were made a stream has to have them, too. */
	struct rpc_decision decision = {route, rpc_call_cluster(&rs->session, route),
					!q.request->rpc->has_attachment_headers};
	if (q.dialect->bytes && q.table->is_rpc && q.needs && !q.is_asked_again &&
	    (!bytes || q.dialect->bytes_tell_all(bytes)))
		rpc_decisions_keep(kept, q.needs, bytes, decision);
	return decision;
}

struct rpc_decision rpc_ask_route(struct rpc_session *rs, struct rpc_kept *kept, struct slice frame)
{
	struct arena *arena = &rs->session.worker->call_arena;
	const struct call_needs *needs = rpc_decisions_need(kept);
	struct rpc_call_bytes bytes;
	const struct rpc_call_bytes *read = NULL;
	const struct rpc_decision *known = NULL;

	if (needs) {
		read = rs->dialect->bytes(kept, frame, needs, arena, &bytes) ? &bytes : NULL;
		known = rpc_decisions_find(kept, read);
	}
	struct rpc_decision decision =
		LIKELY(known != NULL) ? *known : decide(rs, kept, frame, read);
	arena_reset(arena);
	return decision;
}

void rpc_take_route(struct stream *s)
{
	struct rpc_session *rs = rpc_session_of(s->session);
	struct rpc_memo *memo = ARENA_NEW(&s->arena, struct rpc_memo);

	*memo = (struct rpc_memo){.of = rpc_manager_of(s->session),
				  .found = rs->route,
				  .epoch = s->worker->config_epoch};
	s->request->rpc->memo = memo;
	rs->is_routed = false;
}

void rpc_find_route(struct stream *s)
{
	const struct rpc_manager *manager = rpc_manager_of(s->session);

	route_find_table(s, manager->routes, manager->routes_slot);
	route_found(s, match(s));
	s->request->rpc->memo = NULL; /* filters may change what it was found by */
	if (s->route && UNLIKELY(!s->route->is_plain) && asks_headers(s->route) &&
	    manager->reads_attachments)
		rpc_publish(s);
	if (s->route && UNLIKELY(s->route->has_filter_configs) && manager->publishes) {
		rpc_publish(s);
		s->request->rpc->wants_answer_attachments = true;
	}
	if (s->route && UNLIKELY(!s->route->is_plain) && asks_answer_headers(s->route))
		s->request->rpc->wants_answer_attachments = manager->reads_attachments;
}

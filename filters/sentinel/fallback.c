/* What a blocked request gets, and the good answers that are kept for it.
 *
 *   blocked ─┬ last good answer ─┬─> filter_answer        request ─> key ─┐
 *            ├ other cluster ────┼─> goes on, elsewhere   good answer ────┴─> kept (answers.h)
 *            └ body ─────────────┴─> filter_reply_with
 *
 * An answer is the one to a request if both have the same resource and the same key: the configured
 * text, or else a GET's authority and path, or a Dubbo call's service, method and bytes of
 * arguments. Without a configured key, what HTTP says of shared caches holds (RFC 9111 3): nothing
 * of requests with cookies or credentials is kept unless the answer is public. Never kept are
 * answers that set cookies, or that may not be kept or used when they are old; what has trailers;
 * gRPC's; what the proxy answered itself. */
#include "filters/sentinel/answers.h"
#include "filters/sentinel/sentinel.h"
#include "message/rpc_head.h"
#include "routing/policy.h"
#include "routing/route.h"
#include "stream/reply.h"
#include "stream/worker_context.h"
#include "telemetry/stats.h"

enum { BODY_FIRST = 4096 };

struct answer_capture {
	struct slice key;
	struct headers headers; /* copies, once the answer is found to be good */
	struct slice varies;
	char *body;
	size_t len, room;
	bool is_private; /* the request is somebody's own */
	bool is_running;
};

static const struct sentinel_config *config_of(const struct filter *f)
{
	return filter_chain_config(f);
}

static void count(const struct filter *f, enum sentinel_stat id)
{
	stat_inc(filter_stats(f), config_of(f)->application->stats, id);
}

static struct answers *answers_here(const struct filter *f)
{
	return answers_of(config_of(f)->application->answers, filter_worker(f)->index);
}

static const struct sentinel_fallback *fallback_of(const struct filter *f)
{
	const struct sentinel_route *route = f->config;
	return route->fallback ? route->fallback : config_of(f)->route.fallback;
}

/* --- keys --- */

struct key_writer {
	char text[ANSWER_KEY_MAX];
	size_t len;
	bool is_over;
};

static void put(struct key_writer *key, struct slice text)
{
	if (key->is_over || text.len >= ANSWER_KEY_MAX - key->len) {
		key->is_over = true;
		return;
	}
	if (text.len)
		memcpy(key->text + key->len, text.data, text.len);
	key->len += text.len;
	key->text[key->len++] = 0; /* no two lists of texts are the same */
}

/* A call and its arguments, whatever its resource is named by. Where they end is known when the
 * attachments behind them were read. */
static bool put_call(struct key_writer *key, const struct filter *f)
{
	const struct rpc_head *rpc = filter_request(f)->rpc;
	struct policy_facts facts;
	struct slice group;

	filter_facts(f, &facts);
	if (!facts.attachment || !facts.attachment(facts.context, SLICE("group"), &group))
		group = SLICE("");
	if (rpc->protocol != RPC_DUBBO || !rpc->payload.data || !rpc->arguments_at ||
	    rpc->attachments_at < rpc->arguments_at || rpc->attachments_at > rpc->payload.len)
		return false;
	put(key, rpc->service);
	put(key, rpc->service_version);
	put(key, group);
	put(key, rpc->method);
	put(key, rpc->param_types);
	put(key, slice_sub(rpc->payload, rpc->arguments_at, rpc->attachments_at));
	return true;
}

static bool put_asked(struct key_writer *key, const struct filter *f)
{
	const struct headers *request = filter_request(f);

	if (request->rpc)
		return put_call(key, f);
	if (!slice_equal(headers_get(request, HEADER_METHOD), SLICE("GET")))
		return false;
	put(key, headers_get(request, HEADER_AUTHORITY));
	put(key, headers_get(request, HEADER_PATH));
	return true;
}

static bool put_configured(struct key_writer *key, struct filter *f,
			   const struct name_template *how)
{
	const struct headers *request = filter_request(f);
	struct slice text;

	if (!request->rpc && slice_equal(headers_get(request, HEADER_METHOD), SLICE("HEAD")))
		return false;
	text = name_template_render(how, f);
	put(key, text);
	return text.data != NULL;
}

/* What an answer must be written in for its caller to read it. */
static void put_protocol(struct key_writer *key, const struct rpc_head *rpc)
{
	char how[2] = {RPC_NONE, 0};

	if (rpc) {
		how[0] = (char)rpc->protocol;
		how[1] = (char)rpc->serialization;
	}
	put(key, slice_make(how, sizeof how));
	if (rpc)
		put(key, rpc->protocol_version);
}

static bool write_key(struct key_writer *key, struct filter *f)
{
	const struct sentinel_state *own = f->state;
	const struct resource *resource = own->names.resources[own->names.count - 1];
	const struct name_template *how = config_of(f)->keeping->key;

	if (!resource)
		return false;
	put(key, resource->entry.name);
	put_protocol(key, filter_request(f)->rpc);
	return (how ? put_configured(key, f, how) : put_asked(key, f)) && !key->is_over;
}

/* --- what a field's list says --- */

static bool lists(struct slice list, struct slice word)
{
	for (size_t from = 0; from < list.len;) {
		size_t comma = slice_find_char(list, ',', from);
		struct slice item = slice_trim(slice_sub(list, from, comma));
		item = slice_sub(item, 0, slice_find_char(item, '=', 0));
		if (slice_equal_nocase(item, word))
			return true;
		from = comma + 1;
	}
	return false;
}

static struct slice cache_control(const struct headers *headers, struct arena *arena)
{
	return headers_get_joined(headers, SLICE("cache-control"), arena);
}

/* The values of the request's fields that the answer depends on. */
static struct slice varying(const struct headers *request, struct slice list, struct arena *arena)
{
	const char *values = "";

	for (size_t from = 0; from < list.len;) {
		size_t comma = slice_find_char(list, ',', from);
		struct slice name = slice_trim(slice_sub(list, from, comma));
		char *lower = arena_string(arena, name);
		for (size_t i = 0; i < name.len; i++)
			lower[i] = slice_lower_char(lower[i]);
		struct slice value =
			headers_get_joined(request, slice_make(lower, name.len), arena);
		values = arena_printf(arena, "%s%s=%.*s\n", values, lower, SLICE_FMT(value));
		from = comma + 1;
	}
	return slice_of(values);
}

/* --- keeping --- */

void sentinel_prepare_fallback(struct filter *f)
{
	const struct sentinel_fallback *fallback = fallback_of(f);
	const struct headers *request = filter_request(f);
	struct sentinel_state *own = f->state;
	struct key_writer key;

	key.len = 0;
	key.is_over = false;
	if (!fallback || !fallback->has_last_answer ||
	    (!request->rpc && sentinel_is_grpc(request)) || !write_key(&key, f))
		return;
	own->capture = ARENA_NEW(filter_arena(f), struct answer_capture);
	own->capture->key = arena_slice(filter_arena(f), slice_make(key.text, key.len));
	own->capture->is_private =
		!config_of(f)->keeping->key &&
		(headers_has(request, HEADER_AUTHORIZATION) || headers_has(request, HEADER_COOKIE));
}

static bool may_be_kept(const struct filter *f, const struct headers *headers,
			const struct answer_capture *capture)
{
	static const struct slice never[] = {
		{"no-store", 8},         {"no-cache", 8},          {"private", 7},
		{"must-revalidate", 15}, {"proxy-revalidate", 16},
	};
	struct arena *arena = filter_arena(f);
	unsigned status = headers_status(headers);
	struct slice control;

	if (headers->rpc)
		return !sentinel_has_failed(f);
	if (status < 200 || status > 299 || status == 206 ||
	    headers_has(headers, HEADER_SET_COOKIE))
		return false;
	control = cache_control(headers, arena);
	for (unsigned i = 0; i < COUNT_OF(never); i++)
		if (lists(control, never[i]))
			return false;
	if (lists(cache_control(filter_request(f), arena), SLICE("no-store")) ||
	    lists(headers_get_joined(headers, SLICE("vary"), arena), SLICE("*")))
		return false;
	return !capture->is_private || lists(control, SLICE("public"));
}

static void remove_hop(struct headers *headers)
{
	static const enum header_id hop[] = {
		HEADER_CONNECTION, HEADER_KEEP_ALIVE,     HEADER_PROXY_CONNECTION,
		HEADER_TE,         HEADER_TRAILER,        HEADER_TRANSFER_ENCODING,
		HEADER_UPGRADE,    HEADER_CONTENT_LENGTH, HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME,
	};

	for (unsigned i = 0; i < COUNT_OF(hop); i++)
		headers_remove_id(headers, hop[i]);
}

/* Of an answer's headers those that its frame doesn't say itself: given once more, attachments
 * would be edits of the very frame. */
static void leave_edits(struct headers *headers)
{
	const struct rpc_received *received = headers->rpc->received;

	for (struct header *h = NULL; received && (h = headers_next(headers, h));)
		if (h->id != HEADER_STATUS && rpc_received_has(received, received->own, h))
			h->id = HEADER_REMOVED; /* the copy is gone through, not looked up */
}

static void stop(struct filter *f)
{
	struct sentinel_state *own = f->state;

	own->capture->is_running = false;
	count(f, SENTINEL_STAT_ANSWER_TOO_LARGE);
}

static void keep(struct filter *f)
{
	const struct sentinel_state *own = f->state;
	const struct sentinel_config *config = config_of(f);
	struct answer_capture *capture = own->capture;
	struct answers *answers = answers_here(f);
	const struct answer_parts parts = {
		.key = capture->key,
		.body = slice_make(capture->body, capture->len),
		.varies = capture->varies,
		.headers = &capture->headers,
		.now_ms = filter_now_ms(f),
	};

	capture->is_running = false;
	if (!answers_put(answers, &parts, config->keeping->bytes_max)) {
		count(f, SENTINEL_STAT_ANSWER_TOO_LARGE);
		return;
	}
	stat_gauge_set(filter_stats(f), config->application->stats, SENTINEL_STAT_ANSWERS,
		       answers_count(answers));
	stat_gauge_set(filter_stats(f), config->application->stats, SENTINEL_STAT_ANSWER_BYTES,
		       answers_bytes(answers));
}

/* Of its length, as far as its head says it. */
static uint64_t length_of(const struct headers *headers)
{
	uint64_t len = 0;

	if (headers->rpc)
		return headers->rpc->body_len;
	return slice_to_uint64(headers_get(headers, HEADER_CONTENT_LENGTH), &len) ? len : 0;
}

static void begin(struct filter *f, const struct headers *headers, bool end)
{
	const struct sentinel_state *own = f->state;
	struct answer_capture *capture = own->capture;
	struct arena *arena = filter_arena(f);
	const struct kept_answer *before = answers_find(answers_here(f), capture->key);

	if (before && filter_now_ms(f) - before->put_ms < ANSWER_REFRESH_MS)
		return;
	if (!may_be_kept(f, headers, capture))
		return;
	if (length_of(headers) > config_of(f)->keeping->body_max) {
		stop(f);
		return;
	}
	headers_copy(&capture->headers, headers, arena);
	if (!headers->rpc) {
		remove_hop(&capture->headers);
		capture->varies = varying(filter_request(f),
					  headers_get_joined(headers, SLICE("vary"), arena), arena);
	} else {
		leave_edits(&capture->headers);
	}
	capture->is_running = true;
	if (end)
		keep(f);
}

enum filter_status sentinel_response_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct sentinel_state *own = f->state;

	if (!own->capture || own->is_blocked || own->elsewhere)
		return FILTER_CONTINUE;
	own->capture->is_running = false; /* this one takes the place of another */
	own->capture->len = 0;
	if (!filter_is_replied(f))
		begin(f, headers, end);
	return FILTER_CONTINUE;
}

/* Room for so many bytes more. */
static void make_room(struct answer_capture *capture, size_t more, struct arena *arena)
{
	size_t room = capture->room ? capture->room : BODY_FIRST;

	if (capture->len + more <= capture->room)
		return;
	while (room < capture->len + more)
		room *= 2;
	char *body = arena_alloc(arena, room);
	if (capture->len)
		memcpy(body, capture->body, capture->len);
	capture->body = body;
	capture->room = room;
}

enum filter_status sentinel_response_data(struct filter *f, struct buf *data, bool end)
{
	const struct sentinel_state *own = f->state;
	struct answer_capture *capture = own->capture;

	if (!capture || !capture->is_running)
		return FILTER_CONTINUE;
	if (data->len > config_of(f)->keeping->body_max - capture->len) {
		stop(f);
		return FILTER_CONTINUE;
	}
	if (data->len) {
		make_room(capture, data->len, filter_arena(f));
		capture->len += buf_peek(data, capture->body + capture->len, data->len);
	}
	if (end)
		keep(f);
	return FILTER_CONTINUE;
}

bool sentinel_reads_answers(const void *config)
{
	const struct sentinel_config *own = config;

	return !own || own->keeping; /* NULL: it isn't known yet */
}

/* --- blocked --- */

static struct slice details_of(const struct filter *f, const char *what,
			       enum block_exception exception)
{
	return slice_of(
		arena_printf(filter_arena(f), "%s{%s}", what, block_exception_name(exception)));
}

static struct slice field(const struct kept_answer *answer, struct slice name)
{
	for (uint32_t i = 0; i < answer->field_count; i++)
		if (slice_equal(answer->fields[i].name, name))
			return answer->fields[i].value;
	return SLICE("");
}

static bool fits(const struct filter *f, const struct kept_answer *answer, uint64_t age_ms)
{
	if (age_ms > config_of(f)->keeping->age_max_ms)
		return false;
	return !answer->varies.len ||
	       slice_equal(answer->varies, varying(filter_request(f), field(answer, SLICE("vary")),
						   filter_arena(f)));
}

/* The answer's fields, which may be gone before they are sent. */
static struct headers *copy_headers(const struct filter *f, const struct kept_answer *answer,
				    uint64_t age_ms)
{
	struct arena *arena = filter_arena(f);
	struct headers *headers = ARENA_NEW(arena, struct headers);
	uint64_t age = 0;

	headers_init(headers, arena, answer->field_count + 2);
	for (uint32_t i = 0; i < answer->field_count; i++)
		headers_add(headers, arena_slice(arena, answer->fields[i].name),
			    arena_slice(arena, answer->fields[i].value));
	headers->rpc = rpc_answer_head(&answer->rpc, arena);
	if (headers->rpc)
		return headers;
	(void)slice_to_uint64(field(answer, SLICE("age")), &age);
	headers_set(headers, SLICE("age"), arena_number(arena, age + age_ms / 1000));
	return headers;
}

static bool give_last_answer(struct filter *f, enum block_exception exception)
{
	const struct sentinel_state *own = f->state;
	const struct kept_answer *answer =
		own->capture ? answers_find(answers_here(f), own->capture->key) : NULL;
	uint64_t age_ms = answer ? filter_now_ms(f) - answer->put_ms : 0;
	struct headers *headers;
	struct buf body;

	if (!answer || !fits(f, answer, age_ms))
		return false;
	count(f, SENTINEL_STAT_FALLBACK_ANSWER);
	headers = copy_headers(f, answer, age_ms);
	buf_init(&body, &filter_worker(f)->loop->pool);
	buf_append_copy(&body, answer->body);
	filter_answer(f, headers, &body, details_of(f, "sentinel_last_answer", exception));
	return true;
}

/* Only what would be sent somewhere can be sent elsewhere. */
static bool is_forwarded(const struct filter *f)
{
	const struct route *route = filter_route(f);
	return route && route->kind == ROUTE_FORWARD;
}

static void choose(const void *config, const struct policy_facts *facts,
		   struct policy_choice *choice)
{
	const struct sentinel_state *own = facts->state;

	(void)config;
	if (!own->elsewhere)
		return;
	choice->cluster = own->elsewhere->cluster;
	choice->cluster_slot = own->elsewhere->cluster_slot;
}

const struct route_policy sentinel_policy = {.name = "sentinel", .choose = choose};

static struct slice text_for(const struct filter *f, enum block_exception exception)
{
	const struct headers *request = filter_request(f);

	if (request->rpc)
		return slice_of(arena_printf(filter_arena(f), "SentinelBlockException: %s",
					     block_exception_name(exception)));
	return sentinel_is_grpc(request) ? SLICE("Flow control limit exceeded")
					 : SLICE("Blocked by Sentinel (flow limiting)");
}

enum filter_status sentinel_fall_back(struct filter *f, enum block_exception exception)
{
	const struct sentinel_fallback *fallback = fallback_of(f);
	struct sentinel_state *own = f->state;

	if (fallback && fallback->has_last_answer && give_last_answer(f, exception))
		return FILTER_REPLIED;
	if (fallback && fallback->cluster.len && is_forwarded(f)) {
		count(f, SENTINEL_STAT_FALLBACK_CLUSTER);
		own->elsewhere = fallback;
		filter_ask_policy(f);
		return FILTER_CONTINUE;
	}
	own->is_blocked = true;
	struct local_reply reply = {
		.reason = REPLY_BLOCKED,
		.grpc_status = -1,
		.text = text_for(f, exception),
	};
	if (fallback) {
		reply.http_status = fallback->status;
		reply.content_type = fallback->content_type;
		if (fallback->body.data)
			reply.text = fallback->body;
	}
	reply_send_details(f->stream, &reply, details_of(f, "sentinel", exception));
	return FILTER_REPLIED;
}

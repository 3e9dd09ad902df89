#include "filters/traffic_class/deferral.h"

#include <stdlib.h>

#include "base/hash.h"
#include "message/rpc_head.h"
#include "filters/traffic_class/stored_request.h"
#include "message/uuid.h"
#include "routing/policy.h"
#include "routing/route.h"
#include "stream/worker_context.h"
#include "telemetry/stats.h"

enum {
	HESSIAN2 = 2, /* serializations in which a call's attachments can be added to */
	FASTJSON2 = 23,
	SEED = 1, /* of the second half of a key; both stand on disk: they stay as they are */
};

#define WHEN_HEADER "x-outrigger-deferred"

static const struct traffic_class_config *config_of(const struct filter *f)
{
	return filter_chain_config(f);
}

static const struct traffic_class *class_of(const struct filter *f)
{
	const struct traffic_class_state *own = f->state;
	return &config_of(f)->classes[own->class];
}

static void count(const struct filter *f, enum class_stat id)
{
	stat_inc(filter_stats(f), class_of(f)->stats, id);
}

/* --- which ones --- */

static bool is_one_of(struct slice text, const struct slice *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(text, list[i]))
			return true;
	return false;
}

/* One whose end is its answer's beginning. */
static bool is_exchange(const struct headers *headers)
{
	return !slice_equal(headers_get(headers, HEADER_METHOD), SLICE("CONNECT")) &&
	       !headers_has(headers, HEADER_UPGRADE) && !headers_has(headers, HEADER_EXPECT) &&
	       !slice_starts_with(headers_get(headers, HEADER_CONTENT_TYPE),
				  SLICE("application/grpc"));
}

static bool is_usual_request(const struct headers *headers)
{
	static const struct slice safe[] = {{"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}, {"TRACE", 5}};

	return !is_one_of(headers_get(headers, HEADER_METHOD), safe, COUNT_OF(safe));
}

static bool can_be_kept(const struct headers *headers, bool has_match, uint32_t max_bytes)
{
	const struct rpc_head *rpc = headers->rpc;
	uint64_t len;

	if (rpc)
		return rpc->protocol == RPC_DUBBO &&
		       (rpc->serialization == HESSIAN2 || rpc->serialization == FASTJSON2) &&
		       rpc->body_len <= max_bytes && (has_match || rpc->is_oneway);
	if (slice_to_uint64(headers_get(headers, HEADER_CONTENT_LENGTH), &len) && len > max_bytes)
		return false;
	return is_exchange(headers) && (has_match || is_usual_request(headers));
}

bool deferral_may_begin(struct filter *f, const struct headers *headers)
{
	const struct deferral *deferral = class_of(f)->deferral;
	const struct spool_use *use = config_of(f)->spool;
	const struct route *route;

	if (!deferral || !use || !use->spool || !spool_takes(use->spool) ||
	    !can_be_kept(headers, deferral->has_match, use->max_request_bytes) ||
	    !header_matches_test(&deferral->match, headers))
		return false;
	route = filter_route(f);
	return route && route->kind == ROUTE_FORWARD && filter_cluster_name(f).len;
}

/* --- what is kept --- */

struct spool_key deferral_key(const struct headers *headers, struct slice key, struct slice body)
{
	const struct slice parts[] = {key,
				      headers_get(headers, HEADER_METHOD),
				      headers_get(headers, HEADER_PATH),
				      headers_get(headers, HEADER_AUTHORITY),
				      headers_get(headers, HEADER_AUTHORIZATION),
				      headers_get(headers, HEADER_COOKIE),
				      body};
	struct spool_key found = {{0, 0}};

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		struct slice part = parts[i].data ? parts[i] : SLICE("");
		found.words[0] = hash_combine(found.words[0], hash_bytes(part));
		found.words[1] = hash_combine(found.words[1], hash_seeded(part, SEED));
	}
	return found;
}

static void remove_hop_by_hop(struct headers *headers)
{
	static const enum header_id names[] =
		{
			HEADER_CONNECTION,       HEADER_KEEP_ALIVE,
			HEADER_PROXY_CONNECTION, HEADER_TE,
			HEADER_TRAILER,          HEADER_TRANSFER_ENCODING,
			HEADER_CONTENT_LENGTH, /* its own when it is sent */
		};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		headers_remove_id(headers, names[i]);
}

/* Those that the frame doesn't say: they become attachments when it is sent. Pseudo headers and the
 * service's version are what edits of the frame are told by. */
static void leave_edits(struct headers *headers)
{
	const struct rpc_received *received = headers->rpc->received;

	for (struct header *h = NULL; received && (h = headers_next(headers, h));) {
		if (h->id > HEADER_OTHER && h->id < HEADER_PSEUDO_END)
			continue;
		if (h->id != HEADER_TRI_SERVICE_VERSION && rpc_received_has(received, 0, h))
			h->id = HEADER_REMOVED;
	}
}

/* As the router would send it. */
static struct slice prepare(struct filter *f, struct headers *headers)
{
	const struct route *route = filter_route(f);
	struct policy_facts facts;
	struct cluster_pick pick;

	filter_facts(f, &facts);
	if (!route_pick_cluster(route, headers, facts.random, NULL, &pick))
		return (struct slice){NULL, 0};
	route_mutate_request(route, pick.weighted, headers, filter_info(f));
	route_rewrite_request(route, pick.weighted, headers, false);
	return pick.name;
}

static void give_key(struct filter *f, struct headers *headers)
{
	struct slice name = config_of(f)->spool->key_header;
	const struct header *given = headers_find(headers, name);
	struct traffic_class_state *own = f->state;
	char *made;

	if (given && given->value_len) {
		own->key = header_value(given);
		return;
	}
	made = arena_alloc(filter_arena(f), UUID_LEN);
	uuid_make(&filter_worker(f)->random, made);
	own->key = slice_make(made, UUID_LEN);
	headers_set(headers, name, own->key);
}

/* --- accepted, or not --- */

static void stop(struct filter *f)
{
	struct traffic_class_state *own = f->state;

	own->is_deferring = false;
	buf_clear(&own->body);
	stat_gauge_dec(filter_stats(f), class_of(f)->stats, CLASS_STAT_DEFERRING);
}

static void refuse(struct filter *f, enum class_stat why)
{
	stop(f);
	count(f, why);
	traffic_class_shed(f);
}

static void take_over(struct filter *f)
{
	const struct deferral *deferral = class_of(f)->deferral;
	struct traffic_class_state *own = f->state;

	stop(f);
	own->is_deferred = true;
	count(f, CLASS_STAT_DEFERRED);
	filter_reply_with(f, REPLY_DEFERRED, deferral->status, -1, deferral->body,
			  (struct slice){0});
}

static void on_kept(struct spool_append *append)
{
	struct filter *f = append->owner;
	enum spool_verdict verdict = append->verdict;
	struct traffic_class_state *own;

	free(append);
	if (!f) /* its stream has gone: what was kept is sent all the same */
		return;
	own = f->state;
	own->append = NULL;
	if (verdict == SPOOL_ACCEPTED || verdict == SPOOL_DUPLICATE)
		take_over(f);
	else
		refuse(f, CLASS_STAT_DEFER_FAILED);
}

void deferral_end(struct filter *f)
{
	struct traffic_class_state *own = f->state;

	if (own->append)
		own->append->owner = NULL;
	stop(f);
}

/* --- the request --- */

/* It is whole: to the disk. */
static enum filter_status submit(struct filter *f)
{
	struct headers *headers = filter_request(f);
	const struct spool_use *use = config_of(f)->spool;
	struct traffic_class_state *own = f->state;
	struct slice cluster = prepare(f, headers);

	if (!cluster.len) {
		refuse(f, CLASS_STAT_DEFER_FAILED);
		return FILTER_REPLIED;
	}
	give_key(f, headers);
	uint64_t wall_ms = filter_worker(f)->loop->wall_ns / 1000000;
	headers_set(headers, SLICE(WHEN_HEADER), arena_number(filter_arena(f), wall_ms));
	struct headers kept;
	headers_copy(&kept, headers, filter_arena(f));
	if (kept.rpc)
		leave_edits(&kept);
	else
		remove_hop_by_hop(&kept);
	size_t size = stored_request_size(cluster, &kept);
	if (size + own->body.len > use->max_request_bytes) {
		refuse(f, CLASS_STAT_DEFER_TOO_LARGE);
		return FILTER_REPLIED;
	}
	struct spool_append *append = spool_append_new(size + own->body.len);
	stored_request_write(append->bytes, cluster, &kept);
	buf_peek(&own->body, append->bytes + size, own->body.len);
	append->key =
		deferral_key(headers, own->key, slice_make(append->bytes + size, own->body.len));
	append->worker = filter_worker(f)->index;
	append->owner = f;
	append->done = on_kept;
	own->append = append;
	buf_clear(&own->body);
	spool_append(use->spool, append);
	return FILTER_PAUSE;
}

enum filter_status deferral_begin(struct filter *f, bool end)
{
	struct traffic_class_state *own = f->state;

	own->is_deferring = true;
	stat_gauge_inc(filter_stats(f), class_of(f)->stats, CLASS_STAT_DEFERRING);
	return end ? submit(f) : FILTER_BUFFER;
}

enum filter_status deferral_data(struct filter *f, struct buf *data, bool end)
{
	struct traffic_class_state *own = f->state;

	if (own->body.len + data->len > config_of(f)->spool->max_request_bytes) {
		refuse(f, CLASS_STAT_DEFER_TOO_LARGE);
		return FILTER_REPLIED;
	}
	buf_move_all(&own->body, data);
	buf_own(&own->body);
	return end ? submit(f) : FILTER_BUFFER;
}

enum filter_status deferral_trailers(struct filter *f)
{
	return submit(f);
}

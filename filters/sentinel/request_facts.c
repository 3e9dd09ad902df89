/* What Sentinel asks of a request: its names, who sent it, how long he waits, how it ended. */
#include "filters/sentinel/call_values.h"
#include "filters/sentinel/sentinel.h"
#include "message/path.h"
#include "message/rpc_head.h"
#include "routing/route.h"
#include "routing/timeouts.h"
#include "stream/worker_context.h"

enum { PARAMETERS_MAX = 255 }; /* a Java method has no more */

static const struct sentinel_config *config_of(const struct filter *f)
{
	return filter_chain_config(f);
}

/* .data NULL: there is none, or no text. */
static struct slice attachment(const struct filter *f, struct slice name)
{
	struct policy_facts facts;
	struct slice text = {NULL, 0};

	filter_facts(f, &facts);
	return facts.attachment && facts.attachment(facts.context, name, &text)
		       ? arena_slice(filter_arena(f), text)
		       : (struct slice){NULL, 0};
}

/* --- names --- */

/* "java.lang.String,int" of a call that carries them as names. */
static struct slice type_names(const struct filter *f)
{
	struct arena *arena = filter_arena(f);
	const char *types = "";
	struct policy_facts facts;
	struct slice type;

	filter_facts(f, &facts);
	for (uint32_t i = 0; i < PARAMETERS_MAX && call_value_read_type(&facts, i, &type); i++)
		types = arena_printf(arena, "%s%s%.*s", types, i ? "," : "", SLICE_FMT(type));
	return slice_of(types);
}

struct slice sentinel_find_types(struct filter *f, const struct rpc_head *rpc)
{
	if (rpc->protocol == RPC_BOLT || rpc->kind == RPC_CALL_GENERIC)
		return type_names(f);
	return sentinel_type_names(rpc->param_types, filter_arena(f));
}

static void name_call(struct filter *f, const struct headers *headers,
		      const struct sentinel_namer *namer)
{
	const struct sentinel_config *config = config_of(f);
	const struct rpc_head *rpc = headers->rpc;
	struct sentinel_state *own = f->state;
	bool is_bolt = rpc->protocol == RPC_BOLT;
	bool has_type_names = is_bolt || rpc->kind == RPC_CALL_GENERIC;
	struct sentinel_call call = {
		.service = rpc->service,
		.method = rpc->method,
		.types = has_type_names ? type_names(f) : rpc->param_types,
		.has_type_names = has_type_names,
		.is_bolt = is_bolt,
	};

	if (config->naming.has_version_and_group && !is_bolt) {
		call.version = rpc->service_version;
		call.group = attachment(f, SLICE("group"));
	}
	sentinel_name_call(&own->names, namer, &call);
}

static struct slice route_name(const struct filter *f)
{
	const struct route *route = filter_route(f);
	return route ? route->name : (struct slice){NULL, 0};
}

bool sentinel_is_grpc(const struct headers *request)
{
	const struct slice type = SLICE("application/grpc");
	struct slice value = headers_get(request, HEADER_CONTENT_TYPE);

	return slice_starts_with(value, type) &&
	       (value.len == type.len || value.data[type.len] == '+' ||
		value.data[type.len] == ';' || value.data[type.len] == '-');
}

static struct slice method_and_path(const struct filter *f, struct slice method, struct slice path)
{
	char *text = arena_alloc(filter_arena(f), method.len + 1 + path.len);

	if (method.len)
		memcpy(text, method.data, method.len);
	text[method.len] = ':';
	if (path.len)
		memcpy(text + method.len + 1, path.data, path.len);
	return slice_make(text, method.len + 1 + path.len);
}

/* "/a.b.Service/Method" is named by its method, as gRPC names it. */
static void name_http(struct filter *f, const struct headers *headers,
		      const struct sentinel_namer *namer)
{
	enum sentinel_http_resource how = (enum sentinel_http_resource)config_of(f)->http_resource;
	struct sentinel_state *own = f->state;
	struct slice path = path_without_query(headers_get(headers, HEADER_PATH));
	struct slice name = how == SENTINEL_HTTP_ROUTE_NAME ? route_name(f) : SLICE("");
	enum resource_type type = RESOURCE_WEB;

	if (how == SENTINEL_HTTP_PATH) {
		name = path;
	} else if (!name.len && sentinel_is_grpc(headers) && path.len > 1) {
		name = slice_sub(path, 1, path.len);
		type = RESOURCE_COMMON;
	} else if (!name.len) {
		name = method_and_path(f, headers_get(headers, HEADER_METHOD), path);
	}
	sentinel_name_request(&own->names, namer, name, type);
}

/* The first of the configured ones that is there. */
static bool name_by_template(struct filter *f, const struct sentinel_namer *namer,
			     enum resource_type type)
{
	const struct sentinel_config *config = config_of(f);
	struct sentinel_state *own = f->state;
	struct slice texts[SENTINEL_RESOURCES_A_REQUEST];

	for (uint32_t i = 0; i < config->resource_count; i++) {
		const struct sentinel_resource_names *names = &config->resources[i];
		uint32_t count = 0;
		while (count < names->count &&
		       (texts[count] = name_template_render(names->templates[count], f)).data)
			count++;
		if (count < names->count)
			continue;
		sentinel_name_resources(&own->names, namer, texts, count, type);
		return true;
	}
	return false;
}

/* What the route says holds, if it is there. */
static bool name_by_route(struct filter *f, const struct sentinel_namer *namer,
			  enum resource_type type)
{
	const struct sentinel_route *route = f->config;
	struct sentinel_state *own = f->state;
	struct slice name;

	if (!route->resource)
		return false;
	name = name_template_render(route->resource, f);
	if (!name.data)
		return false;
	sentinel_name_request(&own->names, namer, name, type);
	return true;
}

bool sentinel_find_names(struct filter *f, const struct headers *headers, struct instant now)
{
	const struct sentinel_config *config = config_of(f);
	const struct rpc_head *rpc = headers->rpc;
	enum resource_type type = rpc ? RESOURCE_RPC : RESOURCE_WEB;
	const struct sentinel_namer namer = {
		.core = config->application->core,
		.memo = sentinel_memo_of(config->application->memos, filter_worker(f)->index),
		.naming = &config->naming,
		.scratch = filter_arena(f),
		.now_ms = now.ms,
	};

	if (rpc && (rpc->is_event || rpc->kind == RPC_CALL_ECHO)) /* not the service's */
		return false;
	if (name_by_route(f, &namer, type) || name_by_template(f, &namer, type))
		return true;
	if (rpc)
		name_call(f, headers, &namer);
	else
		name_http(f, headers, &namer);
	return true;
}

/* --- who, and how long --- */

static struct slice peer_name(const struct peer_names *peer, enum sentinel_peer which)
{
	if (!peer)
		return SLICE("");
	switch (which) {
	case SENTINEL_PEER_URI:
		return peer->uri;
	case SENTINEL_PEER_DNS:
		return peer->dns;
	case SENTINEL_PEER_SUBJECT:
		return peer->subject;
	case SENTINEL_PEER_NONE:
		break;
	}
	return SLICE("");
}

struct slice sentinel_find_origin(const struct filter *f, const struct headers *headers)
{
	const struct sentinel_config *config = config_of(f);
	struct policy_facts facts;
	struct slice text = {NULL, 0};

	if (config->peer_name != SENTINEL_PEER_NONE) {
		text = peer_name(filter_info(f)->peer, (enum sentinel_peer)config->peer_name);
		if (text.len)
			return text;
	}
	if (config->origins.count) {
		filter_facts(f, &facts);
		(void)request_values_find(&config->origins, &facts, &text);
		return arena_slice(filter_arena(f), text);
	}
	if (headers->rpc)
		text = attachment(f, headers->rpc->protocol == RPC_BOLT
					     ? SLICE("app")
					     : SLICE("dubboApplication"));
	return text.data ? text : SLICE("");
}

static void shorten(uint64_t *limit_ms, uint64_t ms)
{
	if (ms && ms < *limit_ms)
		*limit_ms = ms;
}

uint64_t sentinel_find_deadline(const struct filter *f, const struct headers *headers)
{
	uint64_t limit_ms = UINT64_MAX, ms = 0;
	uint64_t begun_ms = filter_info(f)->times.start_ns / 1000000;

	if (headers->rpc) {
		if (slice_to_uint64(attachment(f, SLICE("timeout")), &ms))
			shorten(&limit_ms, ms);
		shorten(&limit_ms, headers->rpc->timeout_ms); /* read with the attachments */
		shorten(&limit_ms, headers->rpc->limit_ms);
	} else {
		if (grpc_timeout_parse(headers_get(headers, HEADER_GRPC_TIMEOUT), &ms))
			shorten(&limit_ms, ms);
		if (slice_to_uint64(headers_get(headers, HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS),
				    &ms))
			shorten(&limit_ms, ms);
	}
	return limit_ms < UINT64_MAX - begun_ms ? begun_ms + limit_ms : UINT64_MAX;
}

/* --- how it ended --- */

static bool has_left(const struct stream_info *info)
{
	const uint64_t flags = UINT64_C(1) << RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION |
			       UINT64_C(1) << RESPONSE_FLAG_DOWNSTREAM_REMOTE_RESET;
	return info->flags & flags;
}

static bool is_exception(const struct rpc_head *answer)
{
	unsigned good = answer->protocol == RPC_BOLT ? 0 : 20;

	if (answer->status != good)
		return true;
	return answer->result == RPC_RESULT_EXCEPTION ||
	       answer->result == RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS;
}

bool sentinel_has_failed(const struct filter *f)
{
	const struct stream_info *info = filter_info(f);
	const struct rpc_head *request = info->request->rpc;

	if (!info->response)
		return !(request && request->is_oneway) && !has_left(info);
	if (info->response->rpc)
		return is_exception(info->response->rpc);
	return info->response_code >= 500;
}

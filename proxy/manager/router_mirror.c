/* Copies of requests for other clusters, whose answers nobody reads.
 *
 * A copy goes out when the request is complete; one whose body is over the stream's buffer limit is
 * given up. */
#include "manager/router_private.h"
#include "routing/mirror.h"
#include "telemetry/stats_cluster.h"
#include "upstream/client.h"

void router_mirror_begin(struct router *r)
{
	const struct mirrors *mirrors = route_mirrors(r->route);

	if (LIKELY(!mirrors->count))
		return;
	for (uint32_t i = 0; i < mirrors->count; i++)
		if (fraction_takes(mirrors->items[i].fraction,
				   random_next(&r->stream->worker->random)))
			r->mirrored |= UINT64_C(1) << i;
	buf_init(&r->mirror_body, &r->stream->worker->loop->pool);
}

void router_mirror_data(struct router *r, const struct buf *data)
{
	if (!r->mirrored)
		return;
	if (r->mirror_body.len + data->len > r->stream->buffer_limit) {
		router_mirror_drop(r);
		router_cluster_count(r, CLUSTER_STAT_RETRY_OR_SHADOW_ABANDONED);
		return;
	}
	buf_copy_all(&r->mirror_body, data);
}

void router_mirror_drop(struct router *r)
{
	if (!r->mirrored)
		return;
	r->mirrored = 0;
	buf_clear(&r->mirror_body);
}

/* "host-shadow", or "host-shadow:port". */
static struct slice shadow_host(const struct mirror *mirror, struct slice host, struct arena *arena)
{
	if (mirror->host_rewrite.len)
		return mirror->host_rewrite;
	if (mirror->keeps_host)
		return host;
	size_t end = host.len;
	while (end && host.data[end - 1] >= '0' && host.data[end - 1] <= '9')
		end--;
	if (!end || end == host.len || host.data[end - 1] != ':')
		end = host.len + 1; /* no port */
	return slice_of(arena_printf(arena, "%.*s-shadow%.*s", (int)(end - 1), host.data,
				     (int)(host.len - (end - 1)), host.data + (end - 1)));
}

static void send_copy(struct router *r, const struct mirror *mirror, struct slice body)
{
	struct arena *arena = &r->stream->arena;
	struct headers headers;
	struct client_request request = {
		.cluster = mirror->from_header.len ? headers_get_joined(r->stream->request,
									mirror->from_header, arena)
						   : mirror->cluster,
		.headers = &headers,
		.body = body,
		.timeout_ms = r->timeouts.total_ms,
		.has_hash = r->hash.is_found,
		.hash = r->hash.hash,
	};

	if (!request.cluster.len)
		return;
	if (router_is_rpc(r)) {
		headers_init(&headers, arena, 0);
		headers.rpc = r->stream->request->rpc; /* it goes as it came */
	} else {
		headers_copy(&headers, r->stream->request, arena);
		headers_set_id(&headers, HEADER_AUTHORITY,
			       shadow_host(mirror, headers_get(&headers, HEADER_AUTHORITY), arena));
	}
	client_fire(r->stream->worker->upstream, &request);
}

void router_mirror_send_copies(struct router *r)
{
	const struct mirrors *mirrors = route_mirrors(r->route);
	char *bytes = arena_alloc(&r->stream->arena, r->mirror_body.len + 1);
	struct slice body = slice_make(bytes, buf_peek(&r->mirror_body, bytes, r->mirror_body.len));
	for (uint32_t i = 0; i < mirrors->count; i++)
		if (r->mirrored >> i & 1)
			send_copy(r, &mirrors->items[i], body);
	router_mirror_drop(r);
}

/* Upstream connections that a client connection has for itself: made with its first request that
 * wants them, ended with the client connection. */
#include "manager/router_private.h"
#include "stream/session.h"
#include "upstream/reserve.h"

struct reserve *router_make_reserve(struct router *r)
{
	struct session *session = r->stream->session;

	session->has_reserve = true;
	session->worker->end_reserve = upstream_reserve_end;
	return upstream_reserve(session->worker->upstream, session->id);
}

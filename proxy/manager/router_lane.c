/* Upstream connections that a client connection has for itself: made with its first request that
 * wants them, ended with the client connection. */
#include "manager/router_private.h"
#include "stream/session.h"
#include "upstream/lane.h"

struct lane *router_make_lane(struct router *r)
{
	struct session *session = r->stream->session;

	session->has_lane = true;
	session->worker->end_lane = upstream_lane_end;
	return upstream_lane(session->worker->upstream, session->id);
}

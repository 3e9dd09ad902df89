/* What has become of a Bolt message's headers on their way, written back into its header map; all
 * else of the message stays the bytes that it was.
 *
 *   headers as received ─ filters, route ─> headers now ─ bolt_rewrite ─> header map
 *
 * The map is written anew. A header that is set, added or removed is an entry that is, by the rules
 * of dubbo_edits.h. The ones with a meaning of their own:
 *
 *   :path, or else :authority, tri-service-version, -group   sofa_head_target_service and service
 *   :path                                  sofa_head_method_name, and methodName of the content
 *   tri-service-timeout                                      the timeout in the frame's header
 *   tri-consumer-appname                                     app
 *
 * What SOFA says of a request's header map again in its content (sofa_props.h) yields to the map in
 * Java, entry by entry; so only what is removed is removed there, too. The method alone is the
 * content's, for Java: it changes there, too. Thread: the stream's. */
#ifndef CODEC_BOLT_EDITS_H
#define CODEC_BOLT_EDITS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "codec/bolt_frame.h"
#include "codec/dubbo_edits.h"
#include "message/headers.h"
#include "message/rpc_head.h"

/* False only if nothing differs: a look at where things point to. */
static inline bool bolt_may_be_edited(const struct headers *headers)
{
	const struct rpc_head *rpc = headers->rpc;
	const struct rpc_received *received = rpc->received;

	if (UNLIKELY(rpc->is_verbatim))
		return false;
	if (UNLIKELY(received != NULL))
		return dubbo_headers_differ(headers, received);
	if (LIKELY(headers_has(headers, HEADER_STATUS)))
		return headers->count != 1;
	struct slice path = headers_get(headers, HEADER_PATH);
	struct slice authority = headers_get(headers, HEADER_AUTHORITY);
	struct slice version = headers_get(headers, HEADER_TRI_SERVICE_VERSION);
	struct slice group = headers_get(headers, HEADER_TRI_SERVICE_GROUP);
	const char *group_at = rpc->service_version.data + rpc->service_version.len;
	return headers->count != 5u + (rpc->service_version.len != 0) + (group.data != NULL) ||
	       path.data != rpc->service.data - 1 ||
	       path.len != rpc->service.len + rpc->method.len + 2 ||
	       authority.data != rpc->service.data || authority.len != rpc->service.len ||
	       version.len != rpc->service_version.len ||
	       (version.len && version.data != rpc->service_version.data) ||
	       (group.data && group.data != group_at);
}

/* Brings the payload, and the frame's lengths and timeout, to what the headers say. Unchanged (and
 * *is_changed false): when nothing differs, and when the message has no map that could be read.
 * STATUS_TOO_LARGE: the map would be over BOLT_SECTION_LIMIT. STATUS_MALFORMED: the method has
 * changed, and it isn't found in the content. */
MUST_CHECK enum status bolt_rewrite(struct buf *payload, struct bolt_frame *frame,
				    const struct headers *headers, struct arena *arena,
				    bool *is_changed);

#endif

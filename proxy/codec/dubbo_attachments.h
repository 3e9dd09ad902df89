/* The attachments of a Dubbo request, which stand behind its arguments: read only when somebody
 * asks.
 *
 *   body: five strings | argument … argument | map of attachments
 *                        one for each descriptor in the parameter types
 *
 * They land in headers->rpc (rpc_attachment_find looks them up). Group, application and timeout are
 * also given their Triple names as headers; the others become headers only by
 * dubbo_attachments_publish. Thread: the stream's. */
#ifndef CODEC_DUBBO_ATTACHMENTS_H
#define CODEC_DUBBO_ATTACHMENTS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "message/headers.h"
#include "message/rpc_head.h"

enum {
	DUBBO_ATTACHMENTS_LIMIT = 1024,        /* entries */
	DUBBO_ATTACHMENTS_BYTES_LIMIT = 65536, /* of the whole map */
};

/* Reads the request's attachments into headers->rpc, and sets tri-service-group,
 * tri-consumer-appname and tri-service-timeout; done once, later calls only repeat the answer. To
 * be called from the `headers` event (the payload is needed). What is kept is copied to the arena.
 * False: no Dubbo request, no payload at hand any more, or arguments or map can't be read or are
 * over a limit; then nothing is set. */
bool dubbo_read_attachments(struct headers *headers, struct arena *arena);

/* True when the request carries the attachment; *value is its text, .data NULL if it has none
 * (null, a map, an object …). False before dubbo_read_attachments. */
bool dubbo_attachment(const struct headers *headers, struct slice name, struct slice *value);

/* False when the attachments that Java dispatches on (path, version) contradict the fields that the
 * proxy routes on. Only after dubbo_read_attachments. */
bool dubbo_attachments_agree(const struct rpc_head *rpc);

/* Gives group, application and timeout their Triple names: what dubbo_read_attachments does. */
void dubbo_attachments_name(struct headers *headers);

/* Adds a header for each attachment, so that whatever reads headers reads them: lower-case name,
 * the value that rpc_attachment_find gives ("" for what has no text). Names that mean something to
 * a proxy
 * (":...", "tri-", "grpc-", "x-envoy-", "x-forwarded-", hop-by-hop and framing ones) and those that
 * a header has already come as "attachment:<name>". Bytes that don't belong into a header are
 * percent-encoded. After dubbo_read_attachments; done once. */
void dubbo_attachments_publish(struct headers *headers);

#endif

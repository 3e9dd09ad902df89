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

struct hessian2_reader;

enum {
	DUBBO_ATTACHMENTS_LIMIT = 1024,        /* entries */
	DUBBO_ATTACHMENTS_BYTES_LIMIT = 65536, /* of the whole map */
	DUBBO_ATTACHMENT_NAME_LIMIT = 4096,    /* of one that becomes a header */
};

/* Reads the request's attachments into headers->rpc, and sets tri-service-group,
 * tri-consumer-appname and tri-service-timeout; done once, later calls only repeat the answer. To
 * be called from the `headers` event (the payload is needed). What is kept is copied to the arena.
 * False: no Dubbo request, no payload at hand any more, or arguments or map can't be read or are
 * over a limit; then nothing is set. */
bool dubbo_read_attachments(struct headers *headers, struct arena *arena);

/* The same for who has read or skipped the arguments already: the reader (of a request in Hessian2,
 * with the arena) stands behind the last one. pos means nothing afterwards. */
bool dubbo_read_attachments_here(struct headers *headers, struct hessian2_reader *reader);

/* Whether the bytes behind the arguments say the same attachments whatever stands before them:
 * nothing, null, or a map of nothing but texts, numbers and the like. */
bool dubbo_attachments_are_alone(struct slice bytes);

/* True when the request carries the attachment; *value is its text, .data NULL if it has none
 * (null, a map, an object …). False before dubbo_read_attachments. */
bool dubbo_attachment(const struct headers *headers, struct slice name, struct slice *value);

/* False when the attachments that Java dispatches on (path, version) contradict the fields that the
 * proxy routes on: what a strict manager refuses. Only after dubbo_read_attachments. */
bool dubbo_attachments_agree(const struct rpc_head *rpc);

/* What attachments say that a proxy may act on, .data NULL where they don't. */
struct dubbo_facts {
	struct slice group, application;
	struct slice timeout; /* the shorter of timeout and _TO */
	struct slice tag;
	uint32_t timeout_ms; /* 0: none, or no number */
	bool is_tag_forced;
};

/* Of attachments that were read. Texts as headers hold them, in the arena or borrowed. */
void dubbo_attachments_facts(const struct rpc_head *rpc, struct arena *arena,
			     struct dubbo_facts *facts);

/* Gives group, application and timeout their Triple names, and sets rpc->timeout_ms and the
 * tag: what dubbo_read_attachments does, and dubbo_attachments_publish where that did not
 * (rpc->is_unnamed). */
void dubbo_attachments_name(struct headers *headers);

/* The headers as they are now are what edits are seen by from now on; those from `own` on are
 * attachments'. */
void dubbo_attachments_note(struct headers *headers, uint32_t own, bool was_edited);

/* From now on there is a header for each attachment, so that whatever reads headers reads them,
 * made when somebody asks for one (headers->ask_rest): lower-case name, the value that
 * rpc_attachment_find gives ("" for what has no text). Names that mean something to a proxy
 * (":...", "tri-", "grpc-", "x-envoy-", "x-forwarded-", hop-by-hop and framing ones) and those that
 * a header has already come as "attachment:<name>". Bytes that don't belong into a header are
 * percent-encoded. Names over DUBBO_ATTACHMENT_NAME_LIMIT bytes become none. What is changed of the
 * headers from then on is an edit (dubbo_edits.h). After dubbo_read_attachments or
 * dubbo_read_answer_attachments; done once. */
void dubbo_attachments_publish(struct headers *headers);

/* The same for an answer of status 20, whose attachments stand behind its value (kinds 3 to 5; none
 * of the other kinds): read into headers->rpc, from the `headers` event. False as above. */
bool dubbo_read_answer_attachments(struct headers *headers, struct arena *arena);

/* The attachment that a header of that (lower-case) name stands for, without prefix and encoding;
 * .data NULL: none, it means something to a proxy. Borrows the name, or makes another in the arena.
 */
struct slice dubbo_attachment_of_header(struct slice name, struct arena *arena);

/* Whether a header of that name means something to a proxy. */
bool dubbo_attachment_is_reserved(struct slice name);
bool dubbo_header_is_reserved(const struct header *h);

/* Where the attachments begin that stand behind `count` values, the first of them at `from`. The
 * reader is new; it stands there then, or where the map begins that they are a ref to (*at and
 * *to: the ref itself). *to is *at otherwise. False: unreadable. */
bool dubbo_attachments_enter(struct hessian2_reader *reader, size_t from, int count, size_t *at,
			     size_t *to);

#endif

/* What has become of a Dubbo message's headers on their way: which fields and attachments of its
 * frame must change with them.
 *
 *   headers as received ─ filters, route ─> headers now ─ dubbo_edits_find ─> edits
 *                                                     ─ dubbo_rewrite ─> body
 *
 * A header that is set, added or removed is an attachment that is, but for those that mean
 * something to a proxy (dubbo_attachment_is_reserved): these never become attachments.
 * "attachment:NAME" is the attachment of that name. The ones with a meaning of their own:
 *
 *   :path, or else :authority, "path", "interface"   service: field, attachments path and interface
 *   :path                                            method: field, or a generic call's argument
 *   tri-service-version, "version"                   version: field and attachment
 *   tri-service-group                                attachment group
 *   tri-service-timeout                              attachment timeout, and _TO if there
 *   tri-consumer-appname                             attachment remote.application, or application
 *
 * That a header was removed shows only after dubbo_attachments_publish. Pure functions; memory from
 * the arena. Thread: the stream's. */
#ifndef CODEC_DUBBO_EDITS_H
#define CODEC_DUBBO_EDITS_H

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "message/headers.h"
#include "message/rpc_head.h"

enum dubbo_edit_kind {
	DUBBO_EDIT_SET,        /* of the attachment that the name finds; new if none */
	DUBBO_EDIT_SET_OLD,    /* only if one of this very name is there */
	DUBBO_EDIT_REMOVE,     /* all that differ by case only, too: none is left to be found */
	DUBBO_EDIT_REMOVE_OLD, /* those of this very name */
};

struct dubbo_edit {
	struct slice name, value;
	struct slice fallback; /* SET: the name of a new one; .data NULL: name */
	enum dubbo_edit_kind kind;
};

struct dubbo_edits {
	/* .data NULL: as it is */
	struct slice service, service_version, method;
	struct dubbo_edit *items;
	uint32_t count, capacity;
	bool only_adds; /* attachments of names that there are none of, and nothing else */
	const struct rpc_head *head; /* of the message: what is known of its attachments */
	struct arena *arena;
};

/* True when something differs. headers->rpc is Dubbo's; is_answer: only attachments matter, of
 * which "dubbo" stays as it is. */
bool dubbo_edits_find(struct dubbo_edits *edits, const struct headers *headers, bool is_answer,
		      struct arena *arena);

/* The part of it that any protocol has: headers that are attachments. Adds to *edits, whose arena
 * is set. */
void dubbo_edits_of_headers(struct dubbo_edits *edits, const struct headers *headers,
			    bool is_answer);

/* True when the headers that stand for a message's fields, and for attachments of other names, are
 * those that were received: nothing of dubbo_edits_find's but dubbo_edits_of_headers is to be
 * found. */
bool dubbo_is_head_unedited(const struct headers *headers);

/* In the place of an earlier one of the same name. */
void dubbo_edits_add(struct dubbo_edits *edits, struct dubbo_edit edit);

/* Whether the first `count` headers are those that were received, which nobody edited before. */
static inline bool dubbo_headers_begin_alike(const struct headers *headers,
					     const struct rpc_received *received, uint32_t count)
{
	return !received->was_edited && headers->count >= count &&
	       !memcmp(headers->items, received->items, count * sizeof *received->items);
}

/* Whether anything of the headers differs from what was received. */
static inline bool dubbo_headers_differ(const struct headers *headers,
					const struct rpc_received *received)
{
	return headers->count != received->count ||
	       !dubbo_headers_begin_alike(headers, received, received->count);
}

/* False only if nothing differs: a look at where things point to. */
static inline bool dubbo_may_be_edited(const struct headers *headers)
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
	return headers->count != 5u + (rpc->service_version.len != 0) ||
	       path.data != rpc->service.data - 1 ||
	       path.len != rpc->service.len + rpc->method.len + 2 ||
	       authority.data != rpc->service.data || authority.len != rpc->service.len ||
	       version.len != rpc->service_version.len ||
	       (version.len && version.data != rpc->service_version.data);
}

#endif

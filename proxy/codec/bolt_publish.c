/* The header map of a message as its headers. */
#include "codec/bolt.h"
#include "codec/bolt_edits.h"
#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"
#include "codec/dubbo_attachments.h"
#include "codec/hessian2_string.h"
#include "codec/rpc_text.h"

/* Gives what has a Triple name that name. */
static void set_names(struct headers *headers, struct arena *arena)
{
	const struct rpc_head *rpc = headers->rpc;
	const struct rpc_attachment *app = rpc_attachment_find(rpc, SLICE("app"));
	bool was_edited = bolt_may_be_edited(headers);

	if (app && app->value.len &&
	    hessian2_is_printable_ascii((const uint8_t *)app->value.data, app->value.len))
		headers_set_id(headers, HEADER_TRI_CONSUMER_APPNAME, app->value);
	if (rpc->bolt->timeout_ms > 0)
		headers_set_id(headers, HEADER_TRI_SERVICE_TIMEOUT,
			       arena_number(arena, (uint64_t)rpc->bolt->timeout_ms));
	dubbo_attachments_note(headers, headers->count, was_edited);
}

/* A copy that lasts, with RPC_TEXT_WIDE bytes behind it that can be read. */
static struct slice keep_map(struct slice map, struct arena *arena)
{
	char *copy = arena_alloc(arena, map.len + RPC_TEXT_WIDE);

	if (map.len)
		memcpy(copy, map.data, map.len);
	memset(copy + map.len, 0, RPC_TEXT_WIDE);
	return slice_make(copy, map.len);
}

static bool are_all_printable(const struct rpc_head *rpc)
{
	for (uint32_t i = 0; i < rpc->attachment_count; i++) {
		const struct rpc_attachment *item = &rpc->attachments[i];
		if (!item->value.data || !rpc_text_is_printable(item->name.data, item->name.len) ||
		    !rpc_text_is_printable(item->value.data, item->value.len))
			return false;
	}
	return true;
}

bool bolt_read_fields(struct headers *headers, struct arena *arena)
{
	struct rpc_head *rpc = headers->rpc;

	if (!rpc || rpc->protocol != RPC_BOLT)
		return false;
	if (rpc->has_attachments)
		return true;
	if (!rpc->payload.data)
		return false;
	struct slice map = keep_map(bolt_header_map(rpc->payload, rpc->bolt), arena);
	if (bolt_fields_read(map, arena, &rpc->attachments, &rpc->attachment_count))
		return false;
	rpc->has_attachments = true;
	if (are_all_printable(rpc))
		rpc->plain_map = map;
	if (rpc->bolt->type != BOLT_ANSWER)
		set_names(headers, arena);
	return true;
}

bool bolt_publish(struct headers *headers, struct arena *arena)
{
	if (!bolt_read_fields(headers, arena))
		return false;
	dubbo_attachments_publish(headers);
	return true;
}

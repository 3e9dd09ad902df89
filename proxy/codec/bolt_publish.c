/* The header map of a message as its headers. */
#include "codec/bolt.h"
#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"
#include "codec/dubbo_attachments.h"
#include "codec/hessian2_string.h"

/* Reads the map into headers->rpc, once. */
static bool read_fields(struct headers *headers, struct arena *arena)
{
	struct rpc_head *rpc = headers->rpc;

	if (!rpc || rpc->protocol != RPC_BOLT)
		return false;
	if (rpc->has_attachments)
		return true;
	if (!rpc->payload.data)
		return false;
	struct slice map = arena_slice(arena, bolt_header_map(rpc->payload, rpc->bolt));
	if (bolt_fields_read(map, arena, &rpc->attachments, &rpc->attachment_count))
		return false;
	rpc->has_attachments = true;
	return true;
}

static void set_application(struct headers *headers)
{
	const struct rpc_attachment *app = rpc_attachment_find(headers->rpc, SLICE("app"));

	if (app && app->value.len &&
	    hessian2_is_printable_ascii((const uint8_t *)app->value.data, app->value.len))
		headers_set_id(headers, HEADER_TRI_CONSUMER_APPNAME, app->value);
}

bool bolt_publish(struct headers *headers, struct arena *arena)
{
	if (!read_fields(headers, arena))
		return false;
	const struct bolt_frame *frame = headers->rpc->bolt;
	if (frame->type != BOLT_ANSWER) {
		set_application(headers);
		if (frame->timeout_ms > 0)
			headers_set_id(headers, HEADER_TRI_SERVICE_TIMEOUT,
				       slice_of(arena_printf(arena, "%d", frame->timeout_ms)));
	}
	dubbo_attachments_publish(headers);
	return true;
}

bool bolt_field(struct headers *headers, struct slice name, struct slice *value,
		struct arena *arena)
{
	if (!read_fields(headers, arena))
		return false;
	const struct rpc_attachment *field = rpc_attachment_find(headers->rpc, name);
	if (!field)
		return false;
	*value = field->value;
	return true;
}

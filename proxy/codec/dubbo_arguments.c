#include "codec/dubbo_arguments.h"

#include "codec/dubbo_attachments.h"
#include "codec/dubbo_bean.h"
#include "codec/dubbo_frame.h"
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_path.h"
#include "codec/rpc_kept.h"
#include "message/argument_path.h"
#include "message/rpc_head.h"

int dubbo_count_arguments(struct slice types)
{
	int count = 0;

	for (size_t i = 0; i < types.len; i++, count++) {
		while (i < types.len && types.data[i] == '[')
			i++;
		if (i == types.len)
			return -1;
		if (types.data[i] == 'L')
			i = slice_find_char(types, ';', i);
		else if (!memchr("VZBCDFIJS", types.data[i], 9))
			return -1;
		if (i == types.len)
			return -1;
	}
	return count;
}

int dubbo_argument_count(struct rpc_head *rpc)
{
	if (!rpc->has_argument_count) {
		rpc->argument_count = dubbo_count_arguments(rpc->param_types);
		rpc->has_argument_count = true;
	}
	return rpc->argument_count;
}

enum { /* arguments of a generic call: what holds the types of its method's, and them */
       GENERIC_TYPES = 1,
       GENERIC_VALUES = 2,
};

/* Whether it is a generic call. */
static bool is_generic(const struct rpc_head *rpc, int count)
{
	return rpc->kind == RPC_CALL_GENERIC && count > GENERIC_VALUES;
}

/* The argument that the path goes into. */
static uint32_t argument_of(const struct argument_path *path, bool generic)
{
	if (path->argument == ARGUMENT_PATH_TYPES)
		return generic ? GENERIC_TYPES : UINT32_MAX;
	return generic ? GENERIC_VALUES : path->argument;
}

/* What stands at the path; the reader is at the argument it goes into. */
static enum status read_path(struct hessian2_reader *reader, const struct argument_path *path,
			     bool generic, struct argument_value *value)
{
	struct argument_step element = {.kind = ARGUMENT_STEP_INDEX, .index = path->argument};
	bool found;

	if (!generic || path->argument == ARGUMENT_PATH_TYPES)
		return hessian2_read_at(reader, path->steps, path->step_count, value);
	enum status status = hessian2_descend(reader, &element, 1, &found);
	if (status || !found)
		return status;
	return dubbo_bean_read_at(reader, path->steps, path->step_count, value);
}

enum status dubbo_argument_value(const struct headers *headers, const struct argument_path *path,
				 struct argument_value *value)
{
	struct rpc_head *rpc = headers->rpc;
	struct hessian2_reader reader;

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	if (!rpc || rpc->protocol != RPC_DUBBO || rpc->serialization != DUBBO_HESSIAN2 ||
	    !rpc->payload.data || !rpc->arguments_at)
		return STATUS_UNSUPPORTED;
	int count = dubbo_argument_count(rpc);
	if (count < 0)
		return STATUS_MALFORMED;
	bool generic = is_generic(rpc, count);
	uint32_t argument = argument_of(path, generic);
	if (argument >= (uint32_t)count)
		return STATUS_OK;
	hessian2_init(&reader, rpc->payload, headers->arena);
	reader.known = rpc->known;
	reader.pos = rpc->arguments_at;
	enum status status = hessian2_skip_values(&reader, argument);
	if (status)
		return status;
	return read_path(&reader, path, generic, value);
}

/* A call whose arguments are read for several paths. */
struct wanted {
	const struct argument_path *const *paths;
	struct argument_value *values;
	uint32_t count;
	bool generic;
};

/* The values that paths lead to in the argument at pos, which isn't stepped over. Returns the next
 * argument that one leads into, UINT32_MAX if none does. */
static uint32_t read_argument(struct hessian2_reader *at, uint32_t argument,
			      const struct wanted *wanted)
{
	uint32_t next = UINT32_MAX;

	for (uint32_t i = 0; i < wanted->count; i++) {
		uint32_t place = argument_of(wanted->paths[i], wanted->generic);
		if (place > argument && place < next)
			next = place;
		if (place != argument)
			continue;
		struct hessian2_reader reader = *at;
		if (read_path(&reader, wanted->paths[i], wanted->generic, &wanted->values[i]))
			wanted->values[i] = (struct argument_value){.kind = ARGUMENT_ABSENT};
		at->items_left = reader.items_left; /* the budgets are the body's */
		at->rescan_left = reader.rescan_left;
	}
	return next;
}

void dubbo_read_call(struct headers *headers, const struct argument_path *const *paths,
		     uint32_t path_count, struct argument_value *values, bool attachments,
		     struct arena *arena)
{
	struct rpc_head *rpc = headers->rpc;
	struct hessian2_reader reader;

	for (uint32_t i = 0; i < path_count; i++)
		values[i] = (struct argument_value){.kind = ARGUMENT_ABSENT};
	if (!rpc || rpc->protocol != RPC_DUBBO)
		return;
	int count = dubbo_argument_count(rpc);
	if (!path_count || rpc->serialization != DUBBO_HESSIAN2 || !rpc->payload.data ||
	    !rpc->arguments_at || count < 0) {
		if (attachments)
			(void)dubbo_read_attachments(headers, arena);
		return;
	}
	struct wanted wanted = {paths, values, path_count, is_generic(rpc, count)};
	attachments &= !rpc->has_attachments;
	hessian2_init(&reader, rpc->payload, arena);
	reader.known = rpc->known;
	reader.pos = rpc->arguments_at;
	for (uint32_t i = 0, next; i < (uint32_t)count; i = next) {
		next = read_argument(&reader, i, &wanted);
		if (next >= (uint32_t)count) {
			if (!attachments)
				return;
			next = (uint32_t)count;
		}
		if (hessian2_skip_values(&reader, next - i))
			return;
	}
	if (attachments)
		(void)dubbo_read_attachments_here(headers, &reader);
}

/* Steps over one value, if its own bytes tell all of it. */
static bool take_alone(struct hessian2_reader *reader, struct slice *bytes)
{
	enum hessian2_kind kind = hessian2_kind(reader);
	size_t from = reader->pos;
	bool is_taken = false;

	if (LIKELY(kind == HESSIAN2_STRING))
		is_taken = !hessian2_skip_string(reader);
	else if (kind == HESSIAN2_BINARY)
		is_taken = !hessian2_skip_binary(reader);
	else if (kind < HESSIAN2_STRING)
		is_taken = hessian2_take_fixed(reader);
	if (!is_taken)
		return false;
	*bytes = slice_make(reader->data + from, reader->pos - from);
	return true;
}

bool dubbo_read_bytes(const struct rpc_head *head, struct slice payload,
		      const struct argument_path *const *paths, bool attachments,
		      struct arena *arena, struct rpc_call_bytes *bytes)
{
	uint32_t count = (uint32_t)head->argument_count, at = 0;
	struct hessian2_reader reader;

	if (head->serialization != DUBBO_HESSIAN2 || head->kind == RPC_CALL_GENERIC ||
	    !head->has_argument_count || head->argument_count < 0)
		return false;
	hessian2_init(&reader, payload, arena);
	reader.known = head->known;
	reader.pos = head->arguments_at;
	bytes->attachments = (struct slice){payload.data, 0};
	for (uint32_t i = 0; i < bytes->count; i++) {
		uint32_t place = paths[i]->argument;
		bytes->arguments[i] = (struct slice){payload.data, 0};
		if (place >= count)
			continue;
		if (paths[i]->step_count || place < at ||
		    (place > at && hessian2_skip_values(&reader, place - at)) ||
		    !take_alone(&reader, &bytes->arguments[i]))
			return false;
		at = place + 1;
	}
	if (!attachments)
		return true;
	if (at < count && hessian2_skip_values(&reader, count - at))
		return false;
	bytes->attachments = slice_sub(payload, reader.pos, payload.len);
	return true;
}

bool dubbo_argument(const struct headers *headers, unsigned index, struct slice *text)
{
	const struct argument_path path = {.argument = index};
	struct argument_value value;

	if (dubbo_argument_value(headers, &path, &value))
		return false;
	*text = argument_value_text(&value, headers->arena);
	if (!text->data)
		return false;
	*text = arena_slice(headers->arena, *text);
	return true;
}

#include "codec/bolt_fields.h"

/* How many there are, or -1 when the map is cut short. */
static int count_of(struct slice map)
{
	struct rpc_attachment field;
	int count = 0;

	for (; map.len; count++)
		if (bolt_fields_take(&map, &field))
			return -1;
	return count;
}

enum status bolt_fields_read(struct slice map, struct arena *arena, struct rpc_attachment **fields,
			     uint32_t *count)
{
	int most = count_of(map);

	*fields = NULL;
	*count = 0;
	if (most < 0)
		return STATUS_MALFORMED;
	if (most > BOLT_FIELDS_LIMIT)
		return STATUS_TOO_LARGE;
	if (most)
		*fields = arena_alloc(arena, (size_t)most * sizeof **fields);
	while (map.len) {
		struct rpc_attachment *field = &(*fields)[*count];
		if (bolt_fields_take(&map, field))
			return STATUS_MALFORMED;
		*count += field->name.data != NULL;
	}
	return STATUS_OK;
}

size_t bolt_fields_size(const struct rpc_attachment *fields, uint32_t count)
{
	size_t size = (size_t)count * 8;

	for (uint32_t i = 0; i < count; i++)
		size += fields[i].name.len + fields[i].value.len;
	return size;
}

static char *put(char *to, struct slice text)
{
	bolt_put_u32(to, text.data ? (uint32_t)text.len : UINT32_MAX);
	if (text.len)
		memcpy(to + 4, text.data, text.len);
	return to + 4 + text.len;
}

char *bolt_fields_put(char *to, const struct rpc_attachment *field)
{
	return put(put(to, field->name), field->value);
}

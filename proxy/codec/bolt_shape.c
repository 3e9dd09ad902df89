#include "codec/bolt_shape.h"

#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"

enum { PATIENCE = 64 };

static struct slice text_of(const struct bolt_shape *shape)
{
	return slice_make(shape->text, (size_t)shape->class_len + shape->headers_len);
}

bool bolt_shape_fits_loosely(const struct bolt_shape *shape, const char *payload, size_t class_len,
			     size_t headers_len)
{
	const char *p = payload, *end = p + class_len + headers_len;

	if (class_len != shape->class_len || !shape->count)
		return false;
	for (unsigned i = 0;; p += bolt_get_u32(p) + 4) {
		bool is_last = i + 1 == shape->count;
		size_t len = shape->stretches[i].len - (is_last ? 0u : 4u);
		if ((size_t)(end - p) < len || memcmp(p, shape->text + shape->stretches[i].at, len))
			return false;
		p += len;
		if (is_last)
			return p == end;
		if (end - p < 4 || bolt_get_u32(p) > (size_t)(end - p - 4)) /* or null */
			return false;
		i++;
	}
}

/* The entries, all of them fit to be in a shape; their number, or -1. */
static int read_entries(struct slice map, struct rpc_attachment entries[BOLT_SHAPE_ENTRIES])
{
	int count = 0;

	while (map.len) {
		if (count == BOLT_SHAPE_ENTRIES || bolt_fields_take(&map, &entries[count]) ||
		    !entries[count].name.data || !entries[count].value.data)
			return -1;
		count++;
	}
	return count;
}

/* The entries whose values differ, as bits. False: the messages differ otherwise. */
static bool compare(const struct bolt_shape *shape, const struct rpc_attachment *entries, int count,
		    uint32_t *differing)
{
	struct slice text = text_of(shape);
	struct slice map = slice_sub(text, shape->class_len, text.len);
	struct rpc_attachment old[BOLT_SHAPE_ENTRIES];

	*differing = 0;
	if (read_entries(map, old) != count)
		return false;
	for (int i = 0; i < count; i++) {
		if (!slice_equal(old[i].name, entries[i].name))
			return false;
		if (slice_equal(old[i].value, entries[i].value))
			continue;
		if (bolt_name_leads(old[i].name))
			return false;
		*differing |= UINT32_C(1) << i;
	}
	return true;
}

/* Into stretches; none if there would be too many. */
static void cut(struct bolt_shape *shape)
{
	struct slice text = text_of(shape);
	struct rpc_attachment entries[BOLT_SHAPE_ENTRIES];
	int count = read_entries(slice_sub(text, shape->class_len, text.len), entries);
	size_t at = 0;

	shape->count = 0;
	for (int i = 0; i <= count; i++) {
		bool is_end = i == count;
		if (!is_end && !(shape->varying >> i & 1))
			continue;
		size_t end = is_end ? text.len : (size_t)(entries[i].value.data - text.data);
		if (shape->count == BOLT_SHAPE_STRETCHES) {
			shape->count = 0;
			return;
		}
		shape->stretches[shape->count].at = (uint16_t)at;
		shape->stretches[shape->count++].len = (uint16_t)(end - at);
		if (!is_end)
			at = end + entries[i].value.len;
	}
}

/* Two kinds of messages by turns would replace each other's shape each time. */
static bool may_replace(struct bolt_shape *shape)
{
	if (++shape->misses < shape->patience)
		return false;
	shape->misses = 0;
	uint32_t next = shape->patience * 2u + 2;
	shape->patience = (uint16_t)(next < PATIENCE ? next : PATIENCE);
	return true;
}

void bolt_shape_learn(struct bolt_shape *shape, struct slice payload,
		      const struct bolt_frame *frame)
{
	struct slice text = slice_sub(payload, 0, (size_t)frame->class_len + frame->headers_len);
	struct slice class = bolt_class_name(payload, frame);
	struct rpc_attachment entries[BOLT_SHAPE_ENTRIES];
	uint32_t differing;

	if (text.len > BOLT_SHAPE_LIMIT)
		return;
	int count = read_entries(bolt_header_map(payload, frame), entries);
	if (count < 0)
		return;
	bool is_alike = shape->count &&
			slice_equal(class, slice_sub(text_of(shape), 0, shape->class_len)) &&
			compare(shape, entries, count, &differing);
	if (!is_alike && !may_replace(shape))
		return;
	shape->varying = is_alike ? shape->varying | differing : 0;
	shape->class_len = frame->class_len;
	shape->headers_len = frame->headers_len;
	memcpy(shape->text, text.data, text.len);
	cut(shape);
}

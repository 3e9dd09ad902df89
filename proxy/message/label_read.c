/* Labels from the wire form of google.protobuf.Value, Struct and ListValue. */
#include <stdlib.h>

#include "message/grammar.h"
#include "message/label.h"

/* Field numbers. */
enum {
	VALUE_NULL = 1,
	VALUE_NUMBER = 2,
	VALUE_STRING = 3,
	VALUE_BOOL = 4,
	VALUE_STRUCT = 5,
	VALUE_LIST = 6,
	CONTAINER_ITEM = 1, /* Struct.fields, ListValue.values */
	ENTRY_KEY = 1,
	ENTRY_VALUE = 2,
};

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct field {
	uint64_t number;
	unsigned wire;
	uint64_t varint;    /* WIRE_VARINT */
	struct slice bytes; /* what the others hold */
};

static bool read_varint(struct slice *rest, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && rest->len; shift += 7) {
		uint8_t byte = (uint8_t)*rest->data++;
		rest->len--;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool take_bytes(struct slice *rest, uint64_t len, struct slice *bytes)
{
	if (len > rest->len)
		return false;
	*bytes = slice_sub(*rest, 0, (size_t)len);
	*rest = slice_sub(*rest, (size_t)len, rest->len);
	return true;
}

/* Takes the next field off rest, which isn't empty. */
static bool read_field(struct slice *rest, struct field *field)
{
	uint64_t tag, len;

	if (!read_varint(rest, &tag))
		return false;
	field->number = tag >> 3;
	field->wire = tag & 7;
	field->bytes = (struct slice){NULL, 0};
	switch (field->wire) {
	case WIRE_VARINT:
		return field->number && read_varint(rest, &field->varint);
	case WIRE_FIXED64:
		return field->number && take_bytes(rest, 8, &field->bytes);
	case WIRE_BYTES:
		return field->number && read_varint(rest, &len) &&
		       take_bytes(rest, len, &field->bytes);
	case WIRE_FIXED32:
		return field->number && take_bytes(rest, 4, &field->bytes);
	}
	return false;
}

static bool is_field(const struct field *field, unsigned number, enum wire_type wire)
{
	return field->number == number && field->wire == wire;
}

static bool read_value(struct label *label, struct slice wire, unsigned depth, struct arena *arena);

/* One of Struct.fields. A key that isn't there is "", and stands where its entry does. */
static bool read_entry(struct label *label, struct slice wire, unsigned depth, struct arena *arena)
{
	struct slice value = {NULL, 0};
	struct field field;

	label->key = slice_make(wire.data, 0);
	while (wire.len) {
		if (!read_field(&wire, &field))
			return false;
		if (is_field(&field, ENTRY_KEY, WIRE_BYTES))
			label->key = field.bytes;
		else if (is_field(&field, ENTRY_VALUE, WIRE_BYTES))
			value = field.bytes;
	}
	return grammar_is_utf8(label->key) && read_value(label, value, depth, arena);
}

/* By key, and of the same key the one that came first: all keys lie in one block of bytes. */
static int compare_items(const void *left, const void *right)
{
	const struct label *a = left, *b = right;
	int order = slice_compare(a->key, b->key);
	return order ? order : (a->key.data > b->key.data) - (a->key.data < b->key.data);
}

static void sort_items(struct label *items, uint32_t *count)
{
	uint32_t kept = 0;

	if (*count > 1)
		qsort(items, *count, sizeof *items, compare_items);
	for (uint32_t i = 0; i < *count; i++) {
		bool is_last = i + 1 == *count || !slice_equal(items[i].key, items[i + 1].key);
		if (is_last)
			items[kept++] = items[i];
	}
	*count = kept;
}

static bool count_items(struct slice wire, uint32_t *count)
{
	struct field field;

	*count = 0;
	while (wire.len) {
		if (!read_field(&wire, &field))
			return false;
		*count += is_field(&field, CONTAINER_ITEM, WIRE_BYTES);
	}
	return true;
}

static bool read_items(struct label *label, enum label_kind kind, struct slice wire, unsigned depth,
		       struct arena *arena)
{
	struct field field;
	uint32_t count, n = 0;

	if (depth > LABEL_DEPTH_MAX || !count_items(wire, &count))
		return false;
	struct label *items = ARENA_NEW_ARRAY(arena, struct label, count);
	while (wire.len && read_field(&wire, &field)) {
		if (!is_field(&field, CONTAINER_ITEM, WIRE_BYTES))
			continue;
		bool is_good = kind == LABEL_LIST
				       ? read_value(&items[n++], field.bytes, depth, arena)
				       : read_entry(&items[n++], field.bytes, depth, arena);
		if (!is_good)
			return false;
	}
	if (kind == LABEL_STRUCT)
		sort_items(items, &count);
	label->kind = kind;
	label->items = items;
	label->count = count;
	return true;
}

/* False for a string that isn't UTF-8, or a bad list or struct. What isn't a field of Value is
 * skipped. */
static bool take_field(struct label *label, const struct field *field, unsigned depth,
		       struct arena *arena)
{
	if (is_field(field, VALUE_NULL, WIRE_VARINT)) {
		label->kind = LABEL_NULL;
	} else if (is_field(field, VALUE_NUMBER, WIRE_FIXED64)) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++)
			bits |= (uint64_t)(uint8_t)field->bytes.data[i] << (8 * i);
		memcpy(&label->number, &bits, sizeof bits);
		label->kind = LABEL_NUMBER;
	} else if (is_field(field, VALUE_STRING, WIRE_BYTES)) {
		label->text = field->bytes;
		label->kind = LABEL_STRING;
		return grammar_is_utf8(field->bytes);
	} else if (is_field(field, VALUE_BOOL, WIRE_VARINT)) {
		label->truth = field->varint;
		label->kind = LABEL_BOOL;
	} else if (is_field(field, VALUE_STRUCT, WIRE_BYTES)) {
		return read_items(label, LABEL_STRUCT, field->bytes, depth + 1, arena);
	} else if (is_field(field, VALUE_LIST, WIRE_BYTES)) {
		return read_items(label, LABEL_LIST, field->bytes, depth + 1, arena);
	}
	return true;
}

static bool read_value(struct label *label, struct slice wire, unsigned depth, struct arena *arena)
{
	struct field field;

	label->kind = LABEL_NULL;
	while (wire.len)
		if (!read_field(&wire, &field) || !take_field(label, &field, depth, arena))
			return false;
	return true;
}

bool label_read(struct label *label, struct slice wire, struct arena *arena)
{
	return read_value(label, wire, 0, arena);
}

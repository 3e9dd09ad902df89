#include "codec/hessian2_write.h"

#include <string.h>

#include "base/attributes.h"
#include "codec/hessian2_grammar.h"
#include "codec/hessian2_string.h"

enum {
	FIRST_CAPACITY = 256,
	SHORT_STRING = 31,    /* units that the tag itself counts */
	MEDIUM_STRING = 1023, /* units that tag and one byte count */
	CHUNK_UNITS = 0x8000, /* as Java chunks; a surrogate pair isn't split */
};

void hessian2_writer_init(struct hessian2_writer *writer, struct arena *arena)
{
	*writer = (struct hessian2_writer){.arena = arena, .grammar = &hessian2_grammar};
}

/* Room for n more bytes, counted as written. */
static char *extend(struct hessian2_writer *writer, size_t n)
{
	if (writer->capacity - writer->len < n) {
		size_t capacity = writer->capacity * 2 + FIRST_CAPACITY + n;
		char *data = arena_alloc(writer->arena, capacity);
		if (writer->len)
			memcpy(data, writer->data, writer->len);
		writer->data = data;
		writer->capacity = capacity;
	}
	writer->len += n;
	return writer->data + writer->len - n;
}

static void write_byte(struct hessian2_writer *writer, unsigned byte)
{
	*extend(writer, 1) = (char)byte;
}

static void write_bytes(struct hessian2_writer *writer, struct slice bytes)
{
	if (bytes.len)
		memcpy(extend(writer, bytes.len), bytes.data, bytes.len);
}

/* The low bytes of a number, the highest first. */
static void write_low(struct hessian2_writer *writer, uint64_t bits, unsigned bytes)
{
	while (bytes--)
		write_byte(writer, (unsigned)(bits >> (8 * bytes)) & 0xff);
}

static bool fits(int64_t value, unsigned bits)
{
	int64_t half = INT64_C(1) << (bits - 1);

	return value >= -half && value < half;
}

void hessian2_write_raw(struct hessian2_writer *writer, struct slice bytes)
{
	write_bytes(writer, bytes);
}

void hessian2_write_null(struct hessian2_writer *writer)
{
	write_byte(writer, 'N');
}

void hessian2_write_bool(struct hessian2_writer *writer, bool value)
{
	write_byte(writer, value ? 'T' : 'F');
}

void hessian2_write_int(struct hessian2_writer *writer, int32_t value)
{
	uint64_t bits = (uint64_t)value;

	if (value >= -16 && value <= 47) {
		write_low(writer, 0x90 + bits, 1);
	} else if (fits(value, 12)) {
		write_low(writer, 0xc800 + bits, 2);
	} else if (fits(value, 19)) {
		write_low(writer, 0xd40000 + bits, 3);
	} else {
		write_byte(writer, 'I');
		write_low(writer, bits, 4);
	}
}

void hessian2_write_long(struct hessian2_writer *writer, int64_t value)
{
	uint64_t bits = (uint64_t)value;

	if (value >= -8 && value <= 15) {
		write_low(writer, 0xe0 + bits, 1);
	} else if (fits(value, 12)) {
		write_low(writer, 0xf800 + bits, 2);
	} else if (fits(value, 19)) {
		write_low(writer, 0x3c0000 + bits, 3);
	} else if (fits(value, 32)) {
		write_byte(writer, writer->grammar->long_tag);
		write_low(writer, bits, 4);
	} else {
		write_byte(writer, 'L');
		write_low(writer, bits, 8);
	}
}

/* The units of one string, or of its last chunk. */
static void write_last_units(struct hessian2_writer *writer, size_t units, struct slice bytes)
{
	if (units <= SHORT_STRING) {
		write_byte(writer, (unsigned)units);
	} else if (units <= MEDIUM_STRING && writer->grammar == &hessian2_grammar) {
		write_low(writer, 0x3000 + units, 2);
	} else {
		write_byte(writer, 'S');
		write_low(writer, units, 2);
	}
	write_bytes(writer, bytes);
}

void hessian2_write_string(struct hessian2_writer *writer, struct slice text)
{
	size_t units;
	struct slice bytes = hessian2_from_utf8(text, &units, writer->arena);

	if (!text.data) {
		hessian2_write_null(writer);
		return;
	}
	while (units > CHUNK_UNITS) {
		unsigned seen = 0;
		size_t count = CHUNK_UNITS, size = hessian2_units_size(bytes, count, &seen);
		if (hessian2_ends_with_high_surrogate(slice_sub(bytes, 0, size))) {
			count--;
			size -= 3;
		}
		write_byte(writer, writer->grammar->string_chunk);
		write_low(writer, count, 2);
		write_bytes(writer, slice_sub(bytes, 0, size));
		bytes = slice_sub(bytes, size, bytes.len);
		units -= count;
	}
	write_last_units(writer, units, bytes);
}

void hessian2_write_map_begin(struct hessian2_writer *writer)
{
	write_byte(writer, writer->grammar->map_tag);
}

void hessian2_write_map_end(struct hessian2_writer *writer)
{
	write_byte(writer, writer->grammar->end);
}

uint32_t hessian2_write_class(struct hessian2_writer *writer, struct slice name,
			      const char *const *fields, uint32_t field_count)
{
	size_t units;

	write_byte(writer, writer->grammar->class_tag);
	if (writer->grammar->tags[writer->grammar->class_tag].form & HESSIAN2_RAW_NAME) {
		name = hessian2_from_utf8(name, &units, writer->arena);
		hessian2_write_int(writer, (int32_t)units);
		write_bytes(writer, name);
	} else {
		hessian2_write_string(writer, name);
	}
	hessian2_write_int(writer, (int32_t)field_count);
	for (uint32_t i = 0; i < field_count; i++)
		hessian2_write_string(writer, slice_of(fields[i]));
	return writer->class_count++;
}

void hessian2_write_object(struct hessian2_writer *writer, uint32_t class_number)
{
	if (class_number < 16 && writer->grammar == &hessian2_grammar) {
		write_byte(writer, 0x60 + class_number);
		return;
	}
	write_byte(writer, writer->grammar->object_tag);
	hessian2_write_int(writer, (int32_t)class_number);
}

void hessian2_write_empty_list(struct hessian2_writer *writer, struct slice type)
{
	if (writer->grammar == &hessian2_grammar) {
		write_byte(writer, 0x70);
		hessian2_write_string(writer, type);
		return;
	}
	write_byte(writer, 'V');
	write_byte(writer, 't');
	write_low(writer, type.len, 2);
	write_bytes(writer, type);
	write_byte(writer, 'n');
	write_low(writer, 0, 1);
	write_byte(writer, writer->grammar->end);
}

void hessian2_write_runtime_exception(struct hessian2_writer *writer, struct slice message)
{
	static const char *const fields[] = {"suppressedExceptions", "stackTrace", "cause",
					     "detailMessage"};

	hessian2_write_object(writer,
			      hessian2_write_class(writer, SLICE("java.lang.RuntimeException"),
						   fields, COUNT_OF(fields)));
	hessian2_write_null(writer); /* suppressedExceptions */
	hessian2_write_empty_list(writer, SLICE("[java.lang.StackTraceElement"));
	hessian2_write_null(writer); /* cause */
	hessian2_write_string(writer, message);
}

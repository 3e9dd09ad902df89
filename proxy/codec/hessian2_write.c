#include "codec/hessian2_write.h"

#include <string.h>

#include "codec/hessian2_string.h"

enum {
	FIRST_CAPACITY = 256,
	SHORT_STRING = 31,    /* units that the tag itself counts */
	MEDIUM_STRING = 1023, /* units that tag and one byte count */
	CHUNK_UNITS = 0x8000, /* as Java chunks; a surrogate pair isn't split */
};

void hessian2_writer_init(struct hessian2_writer *writer, struct arena *arena)
{
	*writer = (struct hessian2_writer){.arena = arena};
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

void hessian2_write_null(struct hessian2_writer *writer)
{
	write_byte(writer, 'N');
}

void hessian2_write_int(struct hessian2_writer *writer, int32_t value)
{
	uint32_t bits = (uint32_t)value;

	if (value >= -16 && value <= 47) {
		write_byte(writer, 0x90u + bits);
	} else if (value >= -2048 && value <= 2047) {
		write_byte(writer, 0xc8u + (bits >> 8));
		write_byte(writer, bits);
	} else if (value >= -262144 && value <= 262143) {
		write_byte(writer, 0xd4u + (bits >> 16));
		write_byte(writer, bits >> 8);
		write_byte(writer, bits);
	} else {
		write_byte(writer, 'I');
		for (int shift = 24; shift >= 0; shift -= 8)
			write_byte(writer, bits >> shift);
	}
}

/* The units of one string, or of its last chunk. */
static void write_last_units(struct hessian2_writer *writer, size_t units, struct slice bytes)
{
	if (units <= SHORT_STRING) {
		write_byte(writer, (unsigned)units);
	} else if (units <= MEDIUM_STRING) {
		write_byte(writer, 0x30u + (unsigned)(units >> 8));
		write_byte(writer, (unsigned)units);
	} else {
		write_byte(writer, 'S');
		write_byte(writer, (unsigned)(units >> 8));
		write_byte(writer, (unsigned)units);
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
		write_byte(writer, 'R');
		write_byte(writer, (unsigned)(count >> 8));
		write_byte(writer, (unsigned)count);
		write_bytes(writer, slice_sub(bytes, 0, size));
		bytes = slice_sub(bytes, size, bytes.len);
		units -= count;
	}
	write_last_units(writer, units, bytes);
}

void hessian2_write_map_begin(struct hessian2_writer *writer)
{
	write_byte(writer, 'H');
}

void hessian2_write_map_end(struct hessian2_writer *writer)
{
	write_byte(writer, 'Z');
}

void hessian2_write_runtime_exception(struct hessian2_writer *writer, struct slice message)
{
	static const char *const fields[] = {"suppressedExceptions", "stackTrace", "cause",
					     "detailMessage"};
	enum { FIELD_COUNT = sizeof fields / sizeof *fields };

	write_byte(writer, 'C');
	hessian2_write_string(writer, SLICE("java.lang.RuntimeException"));
	hessian2_write_int(writer, FIELD_COUNT);
	for (int i = 0; i < FIELD_COUNT; i++)
		hessian2_write_string(writer, slice_of(fields[i]));

	write_byte(writer, 0x60);    /* an object of the first class */
	hessian2_write_null(writer); /* suppressedExceptions */
	write_byte(writer, 0x70);    /* stackTrace: a typed list of no elements */
	hessian2_write_string(writer, SLICE("[java.lang.StackTraceElement"));
	hessian2_write_null(writer); /* cause */
	hessian2_write_string(writer, message);
}

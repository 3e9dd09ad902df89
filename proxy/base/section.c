#include "base/section.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

enum { FIRST_CAPACITY = 256, NUMBER_BYTES_MAX = 10 };

void section_writer_free(struct section_writer *out)
{
	free(out->data);
	*out = (struct section_writer){0};
}

static char *room(struct section_writer *out, size_t len)
{
	size_t capacity = out->capacity ? out->capacity : FIRST_CAPACITY;

	while (capacity - out->len < len)
		capacity *= 2;
	if (capacity != out->capacity) {
		out->data = realloc(out->data, capacity);
		invariant(out->data);
		out->capacity = capacity;
	}
	return out->data + out->len;
}

void section_put_bytes(struct section_writer *out, const void *data, size_t len)
{
	if (!len)
		return;
	memcpy(room(out, len), data, len);
	out->len += len;
}

void section_put_number(struct section_writer *out, uint64_t number)
{
	char *at = room(out, NUMBER_BYTES_MAX);
	size_t n = 0;

	for (; number >= 0x80; number >>= 7)
		at[n++] = (char)((number & 0x7f) | 0x80);
	at[n++] = (char)number;
	out->len += n;
}

void section_put_signed(struct section_writer *out, int64_t number)
{
	uint64_t bits = (uint64_t)number << 1;
	section_put_number(out, number < 0 ? ~bits : bits);
}

void section_put_double(struct section_writer *out, double number)
{
	uint64_t bits;
	char bytes[8];

	memcpy(&bits, &number, sizeof bits);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(bits >> 8 * i & 0xff);
	section_put_bytes(out, bytes, sizeof bytes);
}

void section_put_text(struct section_writer *out, struct slice text)
{
	section_put_number(out, text.len);
	section_put_bytes(out, text.data, text.len);
}

void section_reader_init(struct section_reader *in, struct slice bytes)
{
	*in = (struct section_reader){bytes.data, bytes.len ? bytes.data + bytes.len : bytes.data,
				      false};
}

static uint64_t fault(struct section_reader *in)
{
	in->is_bad = true;
	in->at = in->end;
	return 0;
}

uint64_t section_get_number(struct section_reader *in)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < NUMBER_BYTES_MAX; i++) {
		if (in->at == in->end)
			return fault(in);
		uint8_t byte = (uint8_t)*in->at++;
		if (i == NUMBER_BYTES_MAX - 1 && byte > 1)
			return fault(in);
		number |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (!(byte & 0x80))
			return number;
	}
	return fault(in);
}

uint64_t section_get_number_to(struct section_reader *in, uint64_t max)
{
	uint64_t number = section_get_number(in);
	return number <= max ? number : fault(in);
}

size_t section_get_count(struct section_reader *in, size_t item_size)
{
	uint64_t count = section_get_number(in);
	size_t left = (size_t)(in->end - in->at);

	return count <= left / item_size ? (size_t)count : fault(in);
}

int64_t section_get_signed(struct section_reader *in)
{
	uint64_t bits = section_get_number(in);
	return (int64_t)(bits & 1 ? ~(bits >> 1) : bits >> 1);
}

double section_get_double(struct section_reader *in)
{
	uint64_t bits = 0;
	double number;

	if (in->end - in->at < 8)
		return (double)fault(in);
	for (unsigned i = 0; i < 8; i++)
		bits |= (uint64_t)(uint8_t)*in->at++ << 8 * i;
	memcpy(&number, &bits, sizeof number);
	return number;
}

struct slice section_get_text(struct section_reader *in)
{
	size_t len = section_get_count(in, 1);
	struct slice text = slice_make(in->at, len);

	if (len)
		in->at += len;
	return text;
}

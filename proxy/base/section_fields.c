#include "base/section_fields.h"

#include "base/attributes.h"

enum {
	LENGTH_SIZE = 4, /* of an opened field: a number of 28 bits, padded */
	LENGTH_BITS = 28,
};

static void put_tag(struct section_writer *out, uint32_t field, enum field_form form)
{
	section_put_number(out, (uint64_t)field << 3 | form);
}

void field_put_number(struct section_writer *out, uint32_t field, uint64_t number)
{
	put_tag(out, field, FIELD_NUMBER);
	section_put_number(out, number);
}

void field_put_signed(struct section_writer *out, uint32_t field, int64_t number)
{
	field_put_number(out, field, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

void field_put_fixed(struct section_writer *out, uint32_t field, uint64_t number)
{
	char bytes[8];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(number >> 8 * i);
	put_tag(out, field, FIELD_FIXED);
	section_put_bytes(out, bytes, sizeof bytes);
}

void field_put_double(struct section_writer *out, uint32_t field, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof bits);
	field_put_fixed(out, field, bits);
}

void field_put_text(struct section_writer *out, uint32_t field, struct slice bytes)
{
	put_tag(out, field, FIELD_BYTES);
	section_put_number(out, bytes.len);
	section_put_bytes(out, bytes.data, bytes.len);
}

size_t field_open(struct section_writer *out, uint32_t field)
{
	static const char room[LENGTH_SIZE];

	put_tag(out, field, FIELD_BYTES);
	section_put_bytes(out, room, sizeof room);
	return out->len;
}

void field_close(struct section_writer *out, size_t opened)
{
	size_t len = out->len - opened;
	char *at = out->data + opened - LENGTH_SIZE;

	out->is_broken |= len >= (size_t)1 << LENGTH_BITS;
	for (unsigned i = 0; i < LENGTH_SIZE; i++)
		at[i] = (char)((len >> 7 * i & 0x7f) | (i + 1 < LENGTH_SIZE ? 0x80 : 0));
}

static bool fail(struct section_reader *in)
{
	in->is_bad = true;
	in->at = in->end;
	return false;
}

static bool next_fixed(struct section_reader *in, struct field *field)
{
	if (in->end - in->at < 8)
		return fail(in);
	for (unsigned i = 0; i < 8; i++)
		field->value |= (uint64_t)(unsigned char)*in->at++ << 8 * i;
	return true;
}

bool field_next(struct section_reader *in, struct field *field)
{
	if (!section_has_more(in))
		return false;
	uint64_t tag = section_get_number(in);
	*field = (struct field){.number = (uint32_t)(tag >> 3)};
	if (in->is_bad || !field->number || tag >> 3 > UINT32_MAX)
		return fail(in);
	switch (tag & 7) {
	case FIELD_NUMBER:
		field->value = section_get_number(in);
		break;
	case FIELD_FIXED:
		field->form = FIELD_FIXED;
		return next_fixed(in, field);
	case FIELD_BYTES:
		field->form = FIELD_BYTES;
		field->bytes = section_get_text(in);
		break;
	default:
		return fail(in);
	}
	return !in->is_bad;
}

#include "base/section_members.h"

#include <string.h>

/* As field_put_… have it. */
static uint64_t bits_of(const struct section_member *m, const void *from)
{
	const void *at = (const char *)from + m->at;
	uint64_t bits = 0;
	int64_t number = 0;

	switch (m->type) {
	case MEMBER_BOOL:
		return *(const bool *)at;
	case MEMBER_UINT8:
		return *(const uint8_t *)at;
	case MEMBER_INT32:
		number = *(const int32_t *)at;
		break;
	case MEMBER_INT64:
		number = *(const int64_t *)at;
		break;
	case MEMBER_DOUBLE:
		memcpy(&bits, at, sizeof bits);
		return bits;
	}
	return (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
}

void fields_put_members(struct section_writer *out, const struct section_member *members,
			size_t count, const void *from)
{
	for (const struct section_member *m = members; m < members + count; m++)
		if (m->type == MEMBER_DOUBLE)
			field_put_fixed(out, m->field, bits_of(m, from));
		else
			field_put_number(out, m->field, bits_of(m, from));
}

void list_put_members(struct section_writer *out, const struct section_member *members,
		      size_t count, const void *from)
{
	for (const struct section_member *m = members; m < members + count; m++) {
		invariant(m->type != MEMBER_DOUBLE);
		section_put_number(out, bits_of(m, from));
	}
}

/* False: it can't be that number. */
static bool set(const struct section_member *m, const struct field *field, void *into)
{
	void *at = (char *)into + m->at;
	int64_t number = field_signed(field);
	bool is_int32 = number >= INT32_MIN && number <= INT32_MAX;

	switch (m->type) {
	case MEMBER_BOOL:
		*(bool *)at = field->value;
		return field->value <= 1;
	case MEMBER_UINT8:
		*(uint8_t *)at = field->value < UINT8_MAX ? (uint8_t)field->value : UINT8_MAX;
		return field->value <= UINT8_MAX;
	case MEMBER_INT32:
		*(int32_t *)at = is_int32 ? (int32_t)number : 0;
		return is_int32;
	case MEMBER_INT64:
		*(int64_t *)at = number;
		break;
	case MEMBER_DOUBLE:
		*(double *)at = field_double(field);
		break;
	}
	return true;
}

bool field_get_member(const struct field *field, const struct section_member *members, size_t count,
		      void *into)
{
	for (const struct section_member *m = members; m < members + count; m++)
		if (m->field == field->number) {
			(void)set(m, field, into);
			return true;
		}
	return false;
}

void list_get_members(struct section_reader *in, const struct section_member *members, size_t count,
		      void *into)
{
	for (const struct section_member *m = members; m < members + count; m++) {
		struct field number = {.value = section_get_number(in)};
		in->is_bad |= !set(m, &number, into);
	}
}

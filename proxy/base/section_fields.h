/* Numbered fields within the bytes of a section: what a release adds, one before it passes over.
 *
 *   field:  number << 3 | form, then  NUMBER: a number   FIXED: 8 bytes
 *                                     BYTES: length, bytes, perhaps fields or lists in their turn
 *
 * (protobuf's encoding). Fields within a field are written between field_open and field_close: room
 * for the length is left free and filled in, so nothing is counted beforehand.
 *
 * Owner: the caller. Thread: one at a time. */
#ifndef BASE_SECTION_FIELDS_H
#define BASE_SECTION_FIELDS_H

#include "base/section.h"

enum field_form {
	FIELD_NUMBER = 0,
	FIELD_FIXED = 1,
	FIELD_BYTES = 2,
};

struct field {
	uint32_t number;
	enum field_form form;
	uint64_t value;     /* 0 if it is bytes */
	struct slice bytes; /* empty if it is a number */
};

void field_put_number(struct section_writer *out, uint32_t field, uint64_t number);
void field_put_signed(struct section_writer *out, uint32_t field, int64_t number);
void field_put_double(struct section_writer *out, uint32_t field, double number);
void field_put_fixed(struct section_writer *out, uint32_t field, uint64_t number);
void field_put_text(struct section_writer *out, uint32_t field, struct slice bytes);

/* What is written until field_close is in that field: less than 256 MiB, or the writer is broken.
 * Returns what field_close takes. */
size_t field_open(struct section_writer *out, uint32_t field);
void field_close(struct section_writer *out, size_t opened);

/* The next field, which borrows from the bytes. False at the end, and at what is no field: then
 * the reader is bad. */
bool field_next(struct section_reader *in, struct field *field);

/* What field_put_signed and field_put_double wrote. */
static inline int64_t field_signed(const struct field *field)
{
	return (int64_t)(field->value >> 1) ^ -(int64_t)(field->value & 1);
}

static inline double field_double(const struct field *field)
{
	double number;
	memcpy(&number, &field->value, sizeof number);
	return number;
}

/* A reader of the field's bytes. */
static inline struct section_reader field_reader(const struct field *field)
{
	struct section_reader in;
	section_reader_init(&in, field->bytes);
	return in;
}

#endif

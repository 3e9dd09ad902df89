#include "constraint_check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "field.h"

#include "google/protobuf/duration.pb-c.h"

PRINTF_LIKE(2, 3) static bool refuse(struct constraint_fault *fault, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	return false;
}

/* Of a wrapper, the field inside and its value; of anything else, itself. */
static const void *unwrap(const ProtobufCFieldDescriptor **field, const void *value)
{
	const ProtobufCMessageDescriptor *type = (*field)->descriptor;

	if (field_class(*field) != FIELD_MESSAGE ||
	    strcmp(type->package_name, "google.protobuf") != 0 || type->n_fields != 1)
		return value;
	const ProtobufCMessage *wrapper = *(ProtobufCMessage *const *)value;
	*field = &type->fields[0];
	return field_slot(wrapper, *field);
}

static bool number_of(const ProtobufCFieldDescriptor *field, const void *value, double *number)
{
	value = unwrap(&field, value);
	switch (field_class(field)) {
	case FIELD_INT32:
	case FIELD_ENUM:
		*number = *(const int32_t *)value;
		return true;
	case FIELD_UINT32:
	case FIELD_BOOL:
		*number = *(const uint32_t *)value;
		return true;
	case FIELD_INT64:
		*number = (double)*(const int64_t *)value;
		return true;
	case FIELD_UINT64:
		*number = (double)*(const uint64_t *)value;
		return true;
	case FIELD_FLOAT:
		*number = (double)*(const float *)value;
		return true;
	case FIELD_DOUBLE:
		*number = *(const double *)value;
		return true;
	case FIELD_MESSAGE:
		if (field->descriptor == &google__protobuf__duration__descriptor) {
			const Google__Protobuf__Duration *d =
				*(Google__Protobuf__Duration *const *)value;
			*number = (double)d->seconds + d->nanos / 1e9;
			return true;
		}
		return false;
	case FIELD_STRING:
	case FIELD_BYTES:
		return false;
	}
	return false;
}

static bool text_of(const ProtobufCFieldDescriptor *field, const void *value, struct slice *text)
{
	value = unwrap(&field, value);
	if (field_class(field) == FIELD_STRING) {
		*text = slice_of(*(char *const *)value);
		return true;
	}
	if (field_class(field) == FIELD_BYTES) {
		const ProtobufCBinaryData *bytes = value;
		*text = slice_make(bytes->data, bytes->len);
		return true;
	}
	return false;
}

static bool number_holds(const struct constraint *constraint, double number, const char *unit,
			 struct constraint_fault *fault)
{
	switch ((int)constraint->kind) {
	case CONSTRAINT_AT_LEAST:
		return number >= constraint->limit ||
		       refuse(fault, "must be at least %.15g%s", constraint->limit, unit);
	case CONSTRAINT_AT_MOST:
		return number <= constraint->limit ||
		       refuse(fault, "must be at most %.15g%s", constraint->limit, unit);
	case CONSTRAINT_ABOVE:
		return number > constraint->limit ||
		       refuse(fault, "must be greater than %.15g%s", constraint->limit, unit);
	case CONSTRAINT_BELOW:
		return number < constraint->limit ||
		       refuse(fault, "must be less than %.15g%s", constraint->limit, unit);
	case CONSTRAINT_TRUE:
		return number != 0 || refuse(fault, "must be true");
	default: /* CONSTRAINT_NOT */
		return number != constraint->limit || refuse(fault, "must not be this value");
	}
}

static bool is_token(struct slice text)
{
	if (text.len && text.data[0] == ':')
		text = slice_sub(text, 1, text.len);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) &&
		    (!c || !strchr("!#$%&'*+-.^_|~`", c)))
			return false;
	}
	return text.len;
}

static bool has_control_but_tab(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.data[i] < 0x20 && text.data[i] != '\t') ||
		    text.data[i] == 0x7f)
			return true;
	return false;
}

static bool is_word_of(struct slice text, const char *words)
{
	struct slice rest = slice_of(words);

	while (rest.len) {
		size_t end = slice_find_char(rest, ' ', 0);
		if (slice_equal(text, slice_sub(rest, 0, end)))
			return true;
		rest = slice_sub(rest, end + (end < rest.len), rest.len);
	}
	return false;
}

static bool text_holds(const struct constraint *constraint, struct slice text,
		       struct constraint_fault *fault)
{
	static const struct slice breaks = SLICE("\r\n");

	switch ((int)constraint->kind) {
	case CONSTRAINT_MIN_LEN:
		if ((double)text.len >= constraint->limit)
			return true;
		return constraint->limit == 1
			       ? refuse(fault, "must not be empty")
			       : refuse(fault, "must have at least %g bytes", constraint->limit);
	case CONSTRAINT_MAX_LEN:
		return (double)text.len <= constraint->limit ||
		       refuse(fault, "must have at most %g bytes", constraint->limit);
	case CONSTRAINT_ONE_OF:
		return !text.len || is_word_of(text, constraint->words) ||
		       refuse(fault, "must be one of: %s", constraint->words);
	case CONSTRAINT_HEADER_NAME:
	case CONSTRAINT_HEADER_VALUE:
		for (size_t i = 0; i < breaks.len; i++)
			if (slice_find_char(text, breaks.data[i], 0) < text.len)
				return refuse(fault, "must not contain a line break");
		return true;
	case CONSTRAINT_STRICT_HEADER_NAME:
		return !text.len || is_token(text) || refuse(fault, "must be a header's name");
	case CONSTRAINT_STRICT_HEADER_VALUE:
		return !has_control_but_tab(text) ||
		       refuse(fault, "must not contain control characters");
	case CONSTRAINT_IN_PERCENTS:
		return !text.len ||
		       (slice_starts_with(text, SLICE("%")) && slice_ends_with(text, SLICE("%"))) ||
		       refuse(fault, "must begin and end with %%");
	default: /* CONSTRAINT_SEPARATED_PATH */
		return (text.len >= 2 && slice_find_char(text, '?', 0) == text.len &&
			slice_find_char(text, '#', 0) == text.len &&
			text.data[text.len - 1] != '/') ||
		       refuse(fault, "must have neither ? nor #, not end in /, and be more than /");
	}
}

static bool value_holds(const struct constraint *constraint, const ProtobufCFieldDescriptor *field,
			const void *value, struct constraint_fault *fault)
{
	bool is_duration = field->descriptor == &google__protobuf__duration__descriptor;
	struct slice text;
	double number;

	if (field_class(field) == FIELD_MESSAGE && !*(ProtobufCMessage *const *)value)
		return true;
	if (constraint->kind >= CONSTRAINT_AT_LEAST && constraint->kind <= CONSTRAINT_NOT)
		return !number_of(field, value, &number) ||
		       number_holds(constraint, number, is_duration ? "s" : "", fault);
	return !text_of(field, value, &text) || text_holds(constraint, text, fault);
}

static bool oneof_holds(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *member,
			struct constraint_fault *fault)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	size_t used;

	if (*field_case_slot(message, member))
		return true;
	fault->is_of_message = true;
	refuse(fault, "needs one of:");
	for (unsigned i = 0; i < type->n_fields; i++)
		if (field_is_in_oneof(&type->fields[i]) &&
		    type->fields[i].quantifier_offset == member->quantifier_offset) {
			used = strlen(fault->text);
			snprintf(fault->text + used, sizeof fault->text - used, " %s",
				 type->fields[i].name);
		}
	return false;
}

static bool values_are_unique(const ProtobufCMessage *message,
			      const ProtobufCFieldDescriptor *field, struct constraint_fault *fault)
{
	size_t count = field_count(message, field);

	for (size_t i = 1; i < count; i++)
		for (size_t j = 0; j < i; j++) {
			const void *a = field_value(message, field, i),
				   *b = field_value(message, field, j);
			bool same = field_class(field) == FIELD_STRING
					    ? !strcmp(*(char *const *)a, *(char *const *)b)
					    : !memcmp(a, b, field_size(field));
			if (same) {
				fault->index = i;
				return refuse(fault, "is there already");
			}
		}
	return true;
}

static bool keys_hold(const struct constraint *constraint, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field, struct constraint_fault *fault)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;

	for (size_t i = 0; i < field_count(message, field); i++) {
		const ProtobufCMessage *pair =
			*(ProtobufCMessage *const *)field_value(message, field, i);
		const char *key = *(char *const *)field_slot(pair, &entry->fields[0]);
		if ((double)strlen(key) < constraint->limit)
			return refuse(fault, "a key must not be empty");
	}
	return true;
}

bool constraint_holds(const struct constraint *constraint, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field, struct constraint_fault *fault)
{
	size_t count = field_count(message, field);

	fault->index = SIZE_MAX;
	fault->is_of_message = false;
	switch ((int)constraint->kind) {
	case CONSTRAINT_REQUIRED:
		return count || field_is_in_oneof(field) || refuse(fault, "must be set");
	case CONSTRAINT_ONEOF:
		return oneof_holds(message, field, fault);
	case CONSTRAINT_MIN_ITEMS:
		return (double)count >= constraint->limit ||
		       refuse(fault, "must have at least %g of them", constraint->limit);
	case CONSTRAINT_MAX_ITEMS:
		return (double)count <= constraint->limit ||
		       refuse(fault, "must have at most %g of them", constraint->limit);
	case CONSTRAINT_UNIQUE:
		return values_are_unique(message, field, fault);
	case CONSTRAINT_MIN_KEY_LEN:
		return keys_hold(constraint, message, field, fault);
	default:
		break;
	}
	if (!field_is_repeated(field))
		return (field_is_in_oneof(field) && !count) ||
		       value_holds(constraint, field, field_slot(message, field), fault);
	for (size_t i = 0; i < count; i++)
		if (!value_holds(constraint, field, field_value(message, field, i), fault)) {
			fault->index = i;
			return false;
		}
	return true;
}

#include "filters/sentinel/core/argument.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

static uint64_t fingerprint(const struct argument *argument, uint64_t seed, int depth)
{
	uint64_t hash = seed ^ (uint64_t)argument->type * UINT64_C(0x9e3779b97f4a7c15);

	switch (argument->type) {
	case ARGUMENT_NULL:
		break;
	case ARGUMENT_STRING:
		return hash_seeded(argument->string, hash);
	case ARGUMENT_FLOAT:
	case ARGUMENT_DOUBLE: {
		uint64_t bits;
		double real = isnan(argument->real) ? NAN : argument->real;
		memcpy(&bits, &real, sizeof(bits));
		return hash_uint64(hash + bits);
	}
	case ARGUMENT_LIST:
		for (uint32_t i = 0; i < argument->count && depth < ARGUMENT_DEPTH_MAX; i++)
			hash = hash_combine(hash,
					    fingerprint(&argument->items[i], seed, depth + 1));
		return hash;
	case ARGUMENT_BOOLEAN:
	case ARGUMENT_BYTE:
	case ARGUMENT_SHORT:
	case ARGUMENT_INTEGER:
	case ARGUMENT_LONG:
	case ARGUMENT_CHARACTER:
		break;
	}
	return hash_uint64(hash + (uint64_t)argument->integer);
}

uint64_t argument_fingerprint(const struct argument *argument, uint64_t seed)
{
	uint64_t hash = fingerprint(argument, seed, 0);
	return hash < 2 ? hash + 2 : hash;
}

struct text {
	char *out;
	size_t size, len;
};

static void put(struct text *text, const char *bytes, size_t n)
{
	size_t room = text->size - 1 - text->len;

	n = n < room ? n : room;
	if (n)
		memcpy(text->out + text->len, bytes, n);
	text->len += n;
}

static void put_string(struct text *text, const char *string)
{
	put(text, string, strlen(string));
}

/* The fewest digits that read back as the same number, laid out as Double.toString does. */
static void put_real(struct text *text, double real, bool is_float)
{
	char digits[40], out[48];
	int exponent, precision = 0;

	if (isnan(real) || isinf(real)) {
		put_string(text, isnan(real) ? "NaN" : real > 0 ? "Infinity" : "-Infinity");
		return;
	}
	do {
		snprintf(digits, sizeof(digits), "%.*e", precision, real);
	} while ((is_float ? strtof(digits, NULL) != (float)real : strtod(digits, NULL) != real) &&
		 ++precision < 17);
	exponent = atoi(strchr(digits, 'e') + 1);
	if (real == 0)
		snprintf(out, sizeof(out), signbit(real) ? "-0.0" : "0.0");
	else if (exponent >= -3 && exponent < 7)
		snprintf(out, sizeof(out), "%.*f",
			 precision > exponent + 1 ? precision - exponent : 1, real);
	else
		snprintf(out, sizeof(out), "%.*sE%d", (int)(strchr(digits, 'e') - digits), digits,
			 exponent);
	char *mark = strchr(out, 'E');
	if (mark && !strchr(out, '.')) { /* Java writes 1.0E10 */
		put(text, out, (size_t)(mark - out));
		put_string(text, ".0");
		put_string(text, mark);
		return;
	}
	put_string(text, out);
}

static void put_character(struct text *text, uint32_t c)
{
	char utf8[3];

	if (c < 0x80) {
		utf8[0] = (char)c;
		put(text, utf8, 1);
	} else if (c < 0x800) {
		utf8[0] = (char)(0xc0 | c >> 6), utf8[1] = (char)(0x80 | (c & 0x3f));
		put(text, utf8, 2);
	} else {
		utf8[0] = (char)(0xe0 | (c >> 12 & 0xf)), utf8[1] = (char)(0x80 | (c >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (c & 0x3f));
		put(text, utf8, 3);
	}
}

static void put_argument(struct text *text, const struct argument *argument, int depth)
{
	char number[24];

	switch (argument->type) {
	case ARGUMENT_NULL:
		put_string(text, "null");
		return;
	case ARGUMENT_BOOLEAN:
		put_string(text, argument->integer ? "true" : "false");
		return;
	case ARGUMENT_BYTE:
	case ARGUMENT_SHORT:
	case ARGUMENT_INTEGER:
	case ARGUMENT_LONG:
		snprintf(number, sizeof(number), "%" PRId64, argument->integer);
		put_string(text, number);
		return;
	case ARGUMENT_FLOAT:
	case ARGUMENT_DOUBLE:
		put_real(text, argument->real, argument->type == ARGUMENT_FLOAT);
		return;
	case ARGUMENT_CHARACTER:
		put_character(text, (uint32_t)argument->integer);
		return;
	case ARGUMENT_STRING:
		put(text, argument->string.data, argument->string.len);
		return;
	case ARGUMENT_LIST:
		break;
	}
	put_string(text, "[");
	for (uint32_t i = 0; i < argument->count && depth < ARGUMENT_DEPTH_MAX; i++) {
		put_string(text, i ? ", " : "");
		put_argument(text, &argument->items[i], depth + 1);
	}
	put_string(text, "]");
}

size_t argument_format(const struct argument *argument, char *out, size_t size)
{
	struct text text = {out, size, 0};

	put_argument(&text, argument, 0);
	out[text.len] = 0;
	return text.len;
}

static bool parse_integer(struct slice text, int64_t min, int64_t max, struct argument *argument)
{
	char digits[24], *end;

	if (!text.len || text.len >= sizeof(digits))
		return false;
	memcpy(digits, text.data, text.len);
	digits[text.len] = 0;
	errno = 0;
	argument->integer = strtoll(digits, &end, 10);
	return !errno && !*end && argument->integer >= min && argument->integer <= max;
}

static bool parse_real(struct slice text, struct argument *argument)
{
	char digits[64], *end;

	if (!text.len || text.len >= sizeof(digits))
		return false;
	memcpy(digits, text.data, text.len);
	digits[text.len] = 0;
	argument->real = argument->type == ARGUMENT_FLOAT ? (double)strtof(digits, &end)
							  : strtod(digits, &end);
	return !*end;
}

static enum argument_type type_named(struct slice name)
{
	static const struct {
		const char *primitive, *boxed;
		enum argument_type type;
	} types[] = {
		{"int", "java.lang.Integer", ARGUMENT_INTEGER},
		{"boolean", "java.lang.Boolean", ARGUMENT_BOOLEAN},
		{"long", "java.lang.Long", ARGUMENT_LONG},
		{"double", "java.lang.Double", ARGUMENT_DOUBLE},
		{"float", "java.lang.Float", ARGUMENT_FLOAT},
		{"byte", "java.lang.Byte", ARGUMENT_BYTE},
		{"short", "java.lang.Short", ARGUMENT_SHORT},
		{"char", "java.lang.Character", ARGUMENT_CHARACTER},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (slice_equal(name, slice_of(types[i].primitive)) ||
		    slice_equal(name, slice_of(types[i].boxed)))
			return types[i].type;
	return ARGUMENT_STRING;
}

bool argument_parse(struct slice text, struct slice class_type, struct argument *argument)
{
	*argument = (struct argument){.type = type_named(class_type)};
	switch (argument->type) {
	case ARGUMENT_BOOLEAN:
		argument->integer = slice_equal_nocase(text, SLICE("true"));
		return true;
	case ARGUMENT_BYTE:
		return parse_integer(text, INT8_MIN, INT8_MAX, argument);
	case ARGUMENT_SHORT:
		return parse_integer(text, INT16_MIN, INT16_MAX, argument);
	case ARGUMENT_INTEGER:
		return parse_integer(text, INT32_MIN, INT32_MAX, argument);
	case ARGUMENT_LONG:
		return parse_integer(text, INT64_MIN, INT64_MAX, argument);
	case ARGUMENT_FLOAT:
	case ARGUMENT_DOUBLE:
		return parse_real(text, argument);
	case ARGUMENT_CHARACTER:
		argument->integer = text.len ? (unsigned char)text.data[0] : 0;
		return text.len == 1 && argument->integer < 0x80;
	case ARGUMENT_NULL:
	case ARGUMENT_LIST:
	case ARGUMENT_STRING:
		break;
	}
	argument->string = text;
	return true;
}

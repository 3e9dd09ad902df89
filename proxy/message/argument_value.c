#include "message/argument_value.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice argument_double_text(double value, struct arena *arena)
{
	char digits[32], *exponent_at;
	int precision = __builtin_fabs(value) < DBL_MIN ? 2 : 15; /* 15 digits always come back */

	if (value != value)
		return SLICE("NaN");
	if (value - value != 0)
		return value > 0 ? SLICE("Infinity") : SLICE("-Infinity");
	if (value == 0)
		return __builtin_signbit(value) ? SLICE("-0.0") : SLICE("0.0");
	do
		snprintf(digits, sizeof digits, "%.*e", precision - 1, value);
	while (strtod(digits, NULL) != value && ++precision <= 17);

	const char *sign = digits[0] == '-' ? "-" : "";
	char *first = digits + (digits[0] == '-');
	exponent_at = strchr(first, 'e');
	int exponent = atoi(exponent_at + 1);
	first[1] = first[0]; /* d.ddd: the point goes, the digits become one run */
	first++;
	int count = (int)(exponent_at - first);
	while (count > 1 && first[count - 1] == '0')
		count--;

	char *text;
	if (exponent < -3 || exponent >= 7)
		text = arena_printf(arena, "%s%c.%.*sE%d", sign, first[0],
				    count > 1 ? count - 1 : 1, count > 1 ? first + 1 : "0",
				    exponent);
	else if (exponent < 0)
		text = arena_printf(arena, "%s0.%.*s%.*s", sign, -exponent - 1, "00", count, first);
	else if (count <= exponent + 1)
		text = arena_printf(arena, "%s%.*s%.*s.0", sign, count, first, exponent + 1 - count,
				    "000000");
	else
		text = arena_printf(arena, "%s%.*s.%.*s", sign, exponent + 1, first,
				    count - exponent - 1, first + exponent + 1);
	return slice_of(text);
}

static struct slice integer_text(int64_t value, struct arena *arena)
{
	return slice_of(arena_printf(arena, "%lld", (long long)value));
}

struct slice argument_value_text(const struct argument_value *value, struct arena *arena)
{
	switch (value->kind) {
	case ARGUMENT_STRING:
	case ARGUMENT_ENUM:
		return value->text;
	case ARGUMENT_BOOL:
		return value->integer ? SLICE("true") : SLICE("false");
	case ARGUMENT_INT:
	case ARGUMENT_LONG:
		return integer_text(value->integer, arena);
	case ARGUMENT_DOUBLE:
		return argument_double_text(value->number, arena);
	case ARGUMENT_ABSENT:
	case ARGUMENT_NULL:
	case ARGUMENT_DATE:
	case ARGUMENT_BINARY:
	case ARGUMENT_LIST:
	case ARGUMENT_MAP:
	case ARGUMENT_OBJECT:
		break;
	}
	return (struct slice){NULL, 0};
}

#include "filters/sentinel/ops/java_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the value, and its decimal exponent: d.ddd * 10^exponent. */
static int shortest(double value, char *digits, int *exponent)
{
	char text[40];
	int precision = 0, count = 0;

	do
		snprintf(text, sizeof text, "%.*e", precision, value);
	while (strtod(text, NULL) != value && ++precision < 17);
	for (const char *c = text; *c != 'e'; c++)
		if (*c != '.')
			digits[count++] = *c;
	*exponent = atoi(strchr(text, 'e') + 1);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	return count;
}

/* Position 0 is the first digit; the point stands behind position `exponent`. */
static void put_plain(struct text *out, const char *digits, int count, int exponent)
{
	int last = count - 1 > exponent + 1 ? count - 1 : exponent + 1;

	for (int i = exponent < 0 ? exponent : 0; i <= last; i++) {
		text_add(out, i >= 0 && i < count ? slice_make(&digits[i], 1) : SLICE("0"));
		if (i == exponent)
			text_add(out, SLICE("."));
	}
}

void java_text_double(struct text *out, double value)
{
	char digits[24];
	int exponent, count;

	if (isnan(value) || isinf(value) || value == 0) {
		text_printf(out, "%s%s", signbit(value) && !isnan(value) ? "-" : "",
			    isnan(value)   ? "NaN"
			    : isinf(value) ? "Infinity"
					   : "0.0");
		return;
	}
	if (value < 0)
		text_add(out, SLICE("-"));
	count = shortest(fabs(value), digits, &exponent);
	if (exponent >= -3 && exponent < 7) {
		put_plain(out, digits, count, exponent);
		return;
	}
	text_printf(out, "%c.%.*sE%d", digits[0], count > 1 ? count - 1 : 1,
		    count > 1 ? digits + 1 : "0", exponent);
}

void java_text_column(struct text *out, struct slice value, size_t width)
{
	text_add(out, value);
	for (size_t i = value.len; i < width; i++)
		text_add(out, SLICE(" "));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = slice_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize_t java_url_decode(char *data, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] != '%') {
			data[to++] = data[i] == '+' ? ' ' : data[i];
			continue;
		}
		int high = len - i > 2 ? hex(data[i + 1]) : -1;
		int low = len - i > 2 ? hex(data[i + 2]) : -1;
		if (high < 0 || low < 0)
			return -1;
		data[to++] = (char)(high << 4 | low);
		i += 2;
	}
	return (ssize_t)to;
}

void java_url_encode(struct text *out, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		char lower = slice_lower_char((char)c);
		if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
		    (c && strchr(".-*_", c)))
			text_add(out, slice_make(&value.data[i], 1));
		else if (c == ' ')
			text_add(out, SLICE("+"));
		else
			text_printf(out, "%%%02X", c);
	}
}

#include "telemetry/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "message/format_number.h"

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

/* Room for n more bytes and a 0. */
static void reserve(struct text *text, size_t n)
{
	if (text->capacity - text->len > n)
		return;
	while (text->capacity - text->len <= n)
		text->capacity = text->capacity ? text->capacity * 2 : 4096;
	text->data = realloc(text->data, text->capacity);
	invariant(text->data);
}

void text_add(struct text *text, struct slice s)
{
	reserve(text, s.len);
	if (s.len)
		memcpy(text->data + text->len, s.data, s.len);
	text->len += s.len;
}

void text_add_number(struct text *text, uint64_t number)
{
	char digits[20], *p = digits + sizeof digits;
	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_add(text, slice_make(p, (size_t)(digits + sizeof digits - p)));
}

void text_add_double(struct text *text, double number)
{
	char text_of[FORMAT_NUMBER_MAX];

	text_add(text, isnan(number) ? SLICE("nan") : format_number_text(number, text_of));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	invariant(len >= 0);
	reserve(text, (size_t)len);
	vsnprintf(text->data + text->len, (size_t)len + 1, format, again);
	va_end(again);
	text->len += (size_t)len;
}

void text_add_json(struct text *text, struct slice s)
{
	text_add(text, SLICE("\""));
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];
		if (c == '"' || c == '\\')
			text_printf(text, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			text_printf(text, "\\u%04x", c);
		else
			text_add(text, slice_sub(s, i, i + 1));
	}
	text_add(text, SLICE("\""));
}

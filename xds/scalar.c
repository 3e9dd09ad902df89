#include "scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

static bool is_scalar(const struct node *node)
{
	return node->kind == NODE_PLAIN || node->kind == NODE_TEXT;
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* word (of small letters) in small letters, in capitals, or with one capital in front. */
static bool is_word(struct slice text, const char *word)
{
	if (!slice_equal_nocase(text, slice_of(word)))
		return false;
	for (size_t i = 2; i < text.len; i++)
		if (is_capital(text.data[i]) != is_capital(text.data[1]))
			return false;
	return text.len == 1 || is_capital(text.data[0]) || !is_capital(text.data[1]);
}

static bool word_is_bool(struct slice text, bool *value)
{
	static const char *const words[][2] = {
		{"n", "y"},
		{"no", "yes"},
		{"false", "true"},
		{"off", "on"},
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		for (size_t j = 0; j < 2; j++)
			if (is_word(text, words[i][j])) {
				*value = j;
				return true;
			}
	return false;
}

/* The forms that YAML integers have: decimal, 0x…, 0…; anything else is no integer. */
static bool plain_is_int(const struct node *node, int64_t *value)
{
	const char *digits = node->text + (node->text[0] == '-' || node->text[0] == '+');
	char *end;

	if (!isdigit((unsigned char)digits[0]))
		return false;
	errno = 0;
	long long number = strtoll(node->text, &end, 0);
	if (errno || end != node->text + node->count)
		return false;
	*value = number;
	return true;
}

enum scalar_form scalar_form(const struct node *node, bool *truth, int64_t *number)
{
	if (node->kind != NODE_PLAIN)
		return SCALAR_TEXT;
	if (word_is_bool(node_text(node), truth))
		return SCALAR_BOOL;
	return plain_is_int(node, number) ? SCALAR_INT : SCALAR_TEXT;
}

const char *scalar_to_bool(const struct node *node, bool *value)
{
	struct slice text = node_text(node);

	if (is_scalar(node)) {
		if (node->kind == NODE_PLAIN && word_is_bool(text, value))
			return NULL;
		*value = slice_equal(text, SLICE("true"));
		if (*value || slice_equal(text, SLICE("false")))
			return NULL;
	}
	return "must be true or false";
}

/* A decimal number, perhaps with an exponent or a fraction of zero. */
static bool text_is_double(const struct node *node, double *value)
{
	const char *digits = node->text + (node->text[0] == '-');
	char *end;

	if (!isdigit((unsigned char)digits[0]) || (digits[0] == '0' && (digits[1] | 0x20) == 'x'))
		return false;
	*value = strtod(node->text, &end);
	return end == node->text + node->count;
}

const char *scalar_to_int64(const struct node *node, int64_t min, int64_t max, int64_t *value)
{
	double number;

	if (!is_scalar(node) || !node->count)
		return "must be a whole number";
	if (node->kind != NODE_PLAIN || !plain_is_int(node, value)) {
		char *end;
		errno = 0;
		*value = strtoll(node->text, &end, 10);
		if (errno || end != node->text + node->count ||
		    isspace((unsigned char)node->text[0])) {
			if (!text_is_double(node, &number) || number != floor(number))
				return "must be a whole number";
			if (number < -9007199254740992.0 || number > 9007199254740992.0)
				return "is out of range";
			*value = (int64_t)number;
		}
	}
	return *value < min || *value > max ? "is out of range" : NULL;
}

const char *scalar_to_uint64(const struct node *node, uint64_t max, uint64_t *value)
{
	int64_t number;

	if (is_scalar(node) && slice_to_uint64(node_text(node), value) &&
	    (node->text[0] != '0' || node->count == 1))
		return *value > max ? "is out of range" : NULL;
	const char *wrong = scalar_to_int64(node, INT64_MIN, INT64_MAX, &number);
	if (wrong)
		return wrong;
	if (number < 0)
		return "must not be negative";
	*value = (uint64_t)number;
	return *value > max ? "is out of range" : NULL;
}

const char *scalar_to_double(const struct node *node, double *value)
{
	struct slice text = node_text(node);
	int64_t number;

	if (!is_scalar(node))
		return "must be a number";
	if (slice_equal(text, SLICE("NaN")) || slice_equal(text, SLICE("Infinity")) ||
	    slice_equal(text, SLICE("-Infinity"))) {
		*value = strtod(node->text, NULL);
		return NULL;
	}
	if (node->kind == NODE_PLAIN && plain_is_int(node, &number)) {
		*value = (double)number;
		return NULL;
	}
	if (!text_is_double(node, value))
		return "must be a number";
	return isfinite(*value) ? NULL : "is out of range";
}

const char *scalar_to_text(const struct node *node, struct slice *value)
{
	bool truth;
	int64_t number;

	if (!is_scalar(node))
		return "must be a string";
	if (memchr(node->text, 0, node->count))
		return "must not contain a NUL";
	switch (scalar_form(node, &truth, &number)) {
	case SCALAR_BOOL:
		return "must be a string: quote it, as it reads as true or false";
	case SCALAR_INT:
		return "must be a string: quote it, as it reads as a number";
	case SCALAR_TEXT:
		break;
	}
	*value = node_text(node);
	return NULL;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

const char *scalar_to_bytes(const struct node *node, struct arena *arena, struct slice *value)
{
	struct slice text = node_text(node);
	uint32_t bits = 0;
	unsigned pending = 0;
	size_t len = 0;

	if (!is_scalar(node))
		return "must be bytes in base64";
	while (text.len && text.data[text.len - 1] == '=' && node->count - text.len < 2)
		text.len--;
	char *out = arena_alloc(arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.data[i]);
		if (digit < 0)
			return "must be bytes in base64";
		bits = bits << 6 | (uint32_t)digit;
		pending += 6;
		if (pending >= 8) {
			pending -= 8;
			out[len++] = (char)(bits >> pending & 0xff);
		}
	}
	if (pending == 6)
		return "must be bytes in base64: a digit is missing";
	out[len] = 0;
	*value = slice_make(out, len);
	return NULL;
}

const char *scalar_to_duration(const struct node *node, int64_t *seconds, int32_t *nanos)
{
	static const char form[] = "must be a time like \"1.5s\"";
	struct slice text = node_text(node);
	uint64_t whole, fraction = 0;
	bool negative;

	if (!is_scalar(node) || !slice_ends_with(text, SLICE("s")))
		return form;
	text.len--;
	negative = text.len && text.data[0] == '-';
	text = slice_sub(text, negative, text.len);
	size_t point = slice_find_char(text, '.', 0);
	if (!slice_to_uint64(slice_sub(text, 0, point), &whole))
		return form;
	if (whole > SCALAR_DURATION_MAX)
		return "is out of range";
	if (point < text.len) {
		struct slice digits = slice_sub(text, point + 1, text.len);
		if (digits.len > 9 || !slice_to_uint64(digits, &fraction))
			return form;
		for (size_t i = digits.len; i < 9; i++)
			fraction *= 10;
	}
	*seconds = negative ? -(int64_t)whole : (int64_t)whole;
	*nanos = negative ? -(int32_t)fraction : (int32_t)fraction;
	return NULL;
}

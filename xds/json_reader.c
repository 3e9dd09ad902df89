#include "json_reader.h"

#include <stdlib.h>

struct json_reader {
	struct document_builder *builder;
	const char *at, *end;
	const char *line_start;
	size_t line;   /* from 0 */
	char *scratch; /* heap: a string without its escapes */
	size_t scratch_room;
};

static struct document_mark mark_at(const struct json_reader *reader, const char *at)
{
	return (struct document_mark){reader->line, (size_t)(at - reader->line_start)};
}

static enum status fault(struct json_reader *reader, const char *what)
{
	return document_fault(reader->builder, STATUS_MALFORMED, mark_at(reader, reader->at),
			      "not JSON: %s", what);
}

static void skip_space(struct json_reader *reader)
{
	for (; reader->at < reader->end; reader->at++) {
		char c = *reader->at;
		if (c == '\n') {
			reader->line++;
			reader->line_start = reader->at + 1;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			return;
		}
	}
}

static bool read_hex(const char *at, unsigned *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		unsigned digit;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

static char *put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* Reads what follows "\u" at *at, both halves of a surrogate pair. */
static bool read_unicode(const char **at, const char *end, unsigned *c)
{
	unsigned low;

	if (end - *at < 4 || !read_hex(*at, c))
		return false;
	*at += 4;
	if (*c < 0xd800 || *c > 0xdfff)
		return true;
	if (*c > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' ||
	    !read_hex(*at + 2, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*at += 6;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Length of the UTF-8 sequence at `at` (RFC 3629), 0 if it is none. */
static size_t utf8_length(const char *at, const char *end)
{
	unsigned char a = (unsigned char)at[0];
	size_t len = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;

	if (!len || (size_t)(end - at) < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 0;
	unsigned char b = len > 1 ? (unsigned char)at[1] : 0;
	if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) || (a == 0xf0 && b < 0x90) ||
	    (a == 0xf4 && b > 0x8f))
		return 0;
	return len;
}

/* The character that an escape other than \u stands for, or 0. */
static char escaped(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return 0;
	}
}

/* at is behind the opening quote; leaves it behind the closing one. *text is borrowed until the
 * next string. */
static enum status read_string(struct json_reader *reader, struct slice *text)
{
	const char *start = reader->at, *at = start, *end = reader->end;

	while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 &&
	       (unsigned char)*at < 0x80)
		at++;
	if (at < end && *at == '"') { /* nearly always: nothing to change */
		*text = slice_make(start, (size_t)(at - start));
		reader->at = at + 1;
		return STATUS_OK;
	}
	const char *close = at;
	while (close < end && *close != '"')
		close += *close == '\\' ? 2 : 1;
	if (close >= end)
		return fault(reader, "a string without end");
	if ((size_t)(close - start) > reader->scratch_room) { /* an escape never grows */
		reader->scratch_room = (size_t)(close - start) * 2;
		free(reader->scratch);
		reader->scratch = malloc(reader->scratch_room);
		invariant(reader->scratch);
	}
	char *out = reader->scratch;
	for (at = start; at < close;) {
		unsigned c;
		size_t len;
		reader->at = at;
		if (*at != '\\') {
			len = (unsigned char)*at < 0x20 ? 0 : utf8_length(at, close);
			if (!len)
				return fault(reader, "a control character or bytes that aren't "
						     "UTF-8 in a string");
			memcpy(out, at, len);
			out += len;
			at += len;
		} else if (at[1] == 'u') {
			at += 2;
			if (!read_unicode(&at, close, &c))
				return fault(reader, "a bad \\u in a string");
			out = put_utf8(out, c);
		} else {
			*out = escaped(at[1]);
			if (!*out++)
				return fault(reader, "an unknown escape in a string");
			at += 2;
		}
	}
	*text = slice_make(reader->scratch, (size_t)(out - reader->scratch));
	reader->at = close + 1;
	return STATUS_OK;
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The end of the number at `at`, or NULL. */
static const char *number_end(const char *at, const char *end)
{
	const char *digits;

	if (at < end && *at == '-')
		at++;
	digits = at;
	at = skip_digits(at, end);
	if (at == digits || (*digits == '0' && at - digits > 1))
		return NULL;
	if (at < end && *at == '.') {
		digits = ++at;
		at = skip_digits(at, end);
		if (at == digits)
			return NULL;
	}
	if (at < end && (*at | 0x20) == 'e') {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		digits = at;
		at = skip_digits(at, end);
		if (at == digits)
			return NULL;
	}
	return at;
}

static enum status read_scalar(struct json_reader *reader)
{
	static const struct slice words[] = {SLICE("null"), SLICE("true"), SLICE("false")};
	struct slice rest = slice_make(reader->at, (size_t)(reader->end - reader->at));
	struct document_mark mark = mark_at(reader, reader->at);
	struct slice text;

	if (*reader->at == '"') {
		reader->at++;
		enum status status = read_string(reader, &text);
		return status ? status
			      : document_add_scalar(reader->builder, NODE_TEXT, text, mark);
	}
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (slice_starts_with(rest, words[i])) {
			reader->at += words[i].len;
			return document_add_scalar(reader->builder, i ? NODE_PLAIN : NODE_NULL,
						   words[i], mark);
		}
	const char *end = number_end(reader->at, reader->end);
	if (!end)
		return fault(reader, "no value");
	text = slice_make(reader->at, (size_t)(end - reader->at));
	reader->at = end;
	return document_add_scalar(reader->builder, NODE_PLAIN, text, mark);
}

static enum status read_key(struct json_reader *reader)
{
	struct document_mark mark = mark_at(reader, reader->at);
	struct slice text;
	enum status status;

	if (*reader->at != '"')
		return fault(reader, "a key must be a string");
	reader->at++;
	status = read_string(reader, &text);
	if (!status)
		status = document_add_scalar(reader->builder, NODE_TEXT, text, mark);
	if (status)
		return status;
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != ':')
		return fault(reader, "no colon behind a key");
	reader->at++;
	skip_space(reader);
	return STATUS_OK;
}

static bool is_in_map(const struct json_reader *reader)
{
	const struct document_builder *builder = reader->builder;
	return builder->stack[builder->frames[builder->depth - 1] - 1].kind == NODE_MAP;
}

/* Closes all that ends here and takes the comma behind it. */
static enum status finish_value(struct json_reader *reader)
{
	while (reader->builder->depth) {
		bool in_map = is_in_map(reader);
		skip_space(reader);
		if (reader->at < reader->end && *reader->at == ',') {
			reader->at++;
			skip_space(reader);
			if (reader->at == reader->end || *reader->at != (in_map ? '}' : ']'))
				return STATUS_OK;
		}
		if (reader->at == reader->end || *reader->at != (in_map ? '}' : ']'))
			return fault(reader, in_map ? "neither a comma nor a closing brace"
						    : "neither a comma nor a closing bracket");
		reader->at++;
		enum status status = document_close(reader->builder);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum status read_value(struct json_reader *reader)
{
	enum status status;

	if (reader->builder->depth && is_in_map(reader)) {
		if (reader->at == reader->end)
			return fault(reader, "the end inside a map");
		status = read_key(reader);
		if (status)
			return status;
	}
	if (reader->at == reader->end)
		return fault(reader, "the end where a value must be");
	if (*reader->at != '{' && *reader->at != '[') {
		status = read_scalar(reader);
		return status ? status : finish_value(reader);
	}
	char close = *reader->at == '{' ? '}' : ']';
	status = document_open(reader->builder, *reader->at == '{' ? NODE_MAP : NODE_LIST,
			       mark_at(reader, reader->at));
	reader->at++;
	skip_space(reader);
	if (status || reader->at == reader->end || *reader->at != close)
		return status;
	reader->at++;
	status = document_close(reader->builder);
	return status ? status : finish_value(reader);
}

enum status json_reader_run(struct document_builder *builder, struct slice text)
{
	struct json_reader reader = {
		.builder = builder,
		.at = text.data,
		.end = text.data + text.len,
		.line_start = text.data,
	};
	enum status status;

	if (!text.len)
		return document_fault(builder, STATUS_MALFORMED, (struct document_mark){0, 0},
				      "nothing is in it");
	skip_space(&reader);
	do {
		status = read_value(&reader);
		skip_space(&reader);
	} while (!status && builder->depth);
	if (!status && reader.at < reader.end)
		status = fault(&reader, "something behind the end");
	free(reader.scratch);
	return status;
}

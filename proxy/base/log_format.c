#include "base/log_format.h"

#include <stdio.h>

#include "base/date.h"

struct line {
	char *out;
	size_t len, size;
};

bool log_format_parse(struct log_format *format, struct slice text, char *bad)
{
	*bad = 0;
	if (text.len > LOG_FORMAT_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '%')
			continue;
		*bad = ++i < text.len ? text.data[i] : '%';
		if (i == text.len || !*bad || !strchr("v_jlLntPgs#YmdHMSTDefFEz%", *bad))
			return false;
	}
	memcpy(format->text, text.data, text.len);
	format->len = text.len;
	return true;
}

static void put(struct line *line, const char *text, size_t len)
{
	if (len > line->size - line->len)
		len = line->size - line->len;
	memcpy(line->out + line->len, text, len);
	line->len += len;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void put_digits(struct line *line, uint32_t value, unsigned digits)
{
	char text[16];

	date_put_digits(text, value, digits);
	put(line, text, digits);
}

static void put_number(struct line *line, int64_t value)
{
	char text[24];

	put(line, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

/* Control characters would begin another line or steer a terminal. */
static void put_message(struct line *line, struct slice message, bool for_json)
{
	for (size_t i = 0; i < message.len; i++) {
		unsigned char c = (unsigned char)message.data[i];
		char text[8];
		if (c == '\n')
			put_text(line, "\\n");
		else if (for_json && (c == '"' || c == '\\'))
			put(line, (char[]){'\\', (char)c}, 2);
		else if (c < ' ' || c == 0x7f)
			put(line, text,
			    (size_t)snprintf(text, sizeof text, for_json ? "\\u%04x" : "\\x%02x",
					     c));
		else
			put(line, message.data + i, 1);
	}
}

static void put_zone(struct line *line, int32_t offset_s)
{
	uint32_t minutes = (uint32_t)(offset_s < 0 ? -offset_s : offset_s) / 60;

	put(line, offset_s < 0 ? "-" : "+", 1);
	put_digits(line, minutes / 60, 2);
	put(line, ":", 1);
	put_digits(line, minutes % 60, 2);
}

static void put_time(struct line *line, char op, const struct log_record *record)
{
	struct date date = date_of_unix(record->seconds + record->utc_offset_s);

	switch (op) {
	case 'Y':
		put_digits(line, (uint32_t)date.year, 4);
		return;
	case 'm':
		put_digits(line, date.month, 2);
		return;
	case 'd':
		put_digits(line, date.day, 2);
		return;
	case 'H':
		put_digits(line, date.hour, 2);
		return;
	case 'M':
		put_digits(line, date.minute, 2);
		return;
	case 'S':
		put_digits(line, date.second, 2);
		return;
	case 'T':
		put_digits(line, date.hour, 2);
		put(line, ":", 1);
		put_digits(line, date.minute, 2);
		put(line, ":", 1);
		put_digits(line, date.second, 2);
		return;
	case 'D':
		put_digits(line, date.month, 2);
		put(line, "/", 1);
		put_digits(line, date.day, 2);
		put(line, "/", 1);
		put_digits(line, (uint32_t)date.year, 2);
		return;
	}
}

static void put_operator(struct line *line, char op, const struct log_record *record)
{
	switch (op) {
	case 'v':
	case '_':
	case 'j':
		put_message(line, record->message, op == 'j');
		return;
	case 'l':
		put_text(line, record->level);
		return;
	case 'L':
		put_text(line, record->level_letter);
		return;
	case 'n':
		put_text(line, record->component);
		return;
	case 't':
		put_number(line, record->tid);
		return;
	case 'P':
		put_number(line, record->pid);
		return;
	case 'g':
		put_text(line, record->file);
		return;
	case 's': {
		const char *slash = strrchr(record->file, '/');
		put_text(line, slash ? slash + 1 : record->file);
		return;
	}
	case '#':
		put_number(line, record->line);
		return;
	case 'e':
		put_digits(line, record->nanoseconds / 1000000, 3);
		return;
	case 'f':
		put_digits(line, record->nanoseconds / 1000, 6);
		return;
	case 'F':
		put_digits(line, record->nanoseconds, 9);
		return;
	case 'E':
		put_number(line, record->seconds);
		return;
	case 'z':
		put_zone(line, record->utc_offset_s);
		return;
	case '%':
		put(line, "%", 1);
		return;
	}
	put_time(line, op, record);
}

size_t log_format_line(const struct log_format *format, const struct log_record *record, char *out,
		       size_t size)
{
	struct line line = {out, 0, size - 1};

	for (size_t i = 0; i < format->len; i++) {
		if (format->text[i] == '%')
			put_operator(&line, format->text[++i], record);
		else
			put(&line, format->text + i, 1);
	}
	out[line.len] = '\n';
	return line.len + 1;
}

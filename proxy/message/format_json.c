#include "message/format_json.h"

#include <math.h>

#include "message/format_number.h"
#include "message/grammar.h"

/* --- escaping --- */

/* The letter of a two-character escape, or 0. */
static char short_escape(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

/* How many bytes a byte becomes. */
static unsigned escaped_len(unsigned char c, bool is_text)
{
	if (!is_text)
		return c < ' ' || c > '~' || c == '"' || c == '\\' ? 6 : 1;
	return short_escape(c) ? 2 : c < ' ' ? 6 : 1;
}

/* Writes the escaped byte so that it ends before `end`. */
static void put_before(char *end, unsigned char c, unsigned len)
{
	static const char hex[] = "0123456789abcdef";
	if (len == 1) {
		end[-1] = (char)c;
	} else if (len == 2) {
		end[-1] = short_escape(c);
		end[-2] = '\\';
	} else {
		end[-1] = hex[c & 15];
		end[-2] = hex[c >> 4];
		memcpy(end - 6, "\\u00", 4);
	}
}

void format_json_escape(struct format_out *out, size_t start)
{
	bool is_plain = true, is_ascii = true;
	if (out->lost)
		return;
	unsigned char *p = (unsigned char *)out->data + start;
	unsigned char *end = (unsigned char *)out->at;
	for (const unsigned char *at = p; at < end; at++) {
		is_plain &= *at >= ' ' && *at != '"' && *at != '\\';
		is_ascii &= *at < 0x80;
	}
	bool is_text = is_ascii || grammar_is_utf8(slice_make(p, (size_t)(end - p)));
	if (is_plain && is_text)
		return;
	size_t len = start;
	for (const unsigned char *at = p; at < end; at++)
		len += escaped_len(*at, is_text);
	format_out_set_len(out, len);
	if (out->lost)
		return;
	/* From the end, so that no byte is overwritten before it is read. */
	for (char *to = out->at; end > p;) {
		unsigned char c = *--end;
		unsigned n = escaped_len(c, is_text);
		put_before(to, c, n);
		to -= n;
	}
}

/* The text as a quoted JSON string, and `after` behind it. */
static struct slice quoted(struct arena *arena, struct slice text, const char *after)
{
	size_t room = text.len * 6 + 8;
	struct format_out out = format_out_init(arena_alloc(arena, room), room);
	format_out(&out, "\"", 1);
	format_out_slice(&out, text);
	format_json_escape(&out, 1);
	format_out(&out, "\"", 1);
	format_out_slice(&out, slice_of(after));
	return slice_make(out.data, format_out_len(&out));
}

/* --- building --- */

void format_json_begin(struct format_json *json, unsigned flags, struct arena *arena,
		       struct diag *diag)
{
	*json = (struct format_json){.ops = {.arena = arena}, .flags = flags, .diag = diag};
}

static void add(struct format_json *json, enum format_place place, struct slice text)
{
	struct format_op *op = json->status ? NULL : format_ops_add(&json->ops, json->diag);
	if (op)
		*op = (struct format_op){.place = (uint8_t)place, .text = text};
	else if (!json->status)
		json->status = STATUS_TOO_LARGE;
}

static void go_deeper(struct format_json *json)
{
	if (++json->depth > FORMAT_JSON_DEPTH && !json->status) {
		(void)diag_set(json->diag, "a JSON format is at most %d levels deep",
			       FORMAT_JSON_DEPTH);
		json->status = STATUS_TOO_LARGE;
	}
}

void format_json_object(struct format_json *json)
{
	go_deeper(json);
	add(json, FORMAT_JSON_OBJECT, SLICE("{"));
}

void format_json_end_object(struct format_json *json)
{
	json->depth--;
	add(json, FORMAT_JSON_END_OBJECT, SLICE("}"));
}

void format_json_list(struct format_json *json)
{
	go_deeper(json);
	add(json, FORMAT_JSON_LIST, SLICE("["));
}

void format_json_end_list(struct format_json *json)
{
	json->depth--;
	add(json, FORMAT_JSON_END_LIST, SLICE("]"));
}

void format_json_key(struct format_json *json, struct slice key)
{
	add(json, FORMAT_JSON_KEY, quoted(json->ops.arena, key, ":"));
}

/* A string of several parts: its literal ones are escaped now. */
static void add_string(struct format_json *json, const struct format_ops *parts)
{
	add(json, FORMAT_JSON_STRING, SLICE("\""));
	for (uint32_t i = 0; i < parts->count && !json->status; i++) {
		struct slice text = parts->ops[i].text;
		if (!parts->ops[i].render) {
			text = quoted(json->ops.arena, text, "");
			add(json, FORMAT_TEXT, slice_sub(text, 1, text.len - 1));
		} else {
			add(json, FORMAT_TEXT, text);
			if (!json->status)
				json->ops.ops[json->ops.count - 1] = parts->ops[i];
		}
	}
	add(json, FORMAT_JSON_END_STRING, SLICE("\""));
}

void format_json_template(struct format_json *json, struct slice text)
{
	struct format_ops parts = {.arena = json->ops.arena};
	if (json->status)
		return;
	json->status = format_parse(text, &parts, json->diag);
	if (json->status)
		return;
	if (parts.count > 1) {
		add_string(json, &parts);
	} else if (!parts.count || !parts.ops[0].render) {
		struct slice literal = parts.count ? parts.ops[0].text : SLICE("");
		add(json, FORMAT_JSON_RAW, quoted(json->ops.arena, literal, ""));
	} else {
		add(json, FORMAT_JSON_VALUE, parts.ops[0].text);
		if (json->status)
			return;
		struct format_op *op = &json->ops.ops[json->ops.count - 1];
		*op = parts.ops[0];
		op->place = FORMAT_JSON_VALUE;
	}
}

void format_json_number(struct format_json *json, double number)
{
	char text[FORMAT_NUMBER_MAX];
	if (!isfinite(number))
		format_json_null(json);
	else
		add(json, FORMAT_JSON_RAW,
		    arena_slice(json->ops.arena, format_number_text(number, text)));
}

void format_json_bool(struct format_json *json, bool value)
{
	add(json, FORMAT_JSON_RAW, value ? SLICE("true") : SLICE("false"));
}

void format_json_null(struct format_json *json)
{
	add(json, FORMAT_JSON_NULL, SLICE("null"));
}

enum status format_json_finish(struct format_json *json, const struct format **format)
{
	if (json->status)
		return json->status;
	struct format *made = ARENA_NEW(json->ops.arena, struct format);
	*made = (struct format){.ops = json->ops.ops,
				.count = json->ops.count,
				.omits_empty = json->flags & FORMAT_OMIT_EMPTY,
				.is_json = true};
	*format = made;
	return STATUS_OK;
}

/* --- rendering --- */

/* Where an object or list began, so that an empty one can be taken back. */
struct level {
	size_t len;
	bool needs_comma;
};

struct writer {
	const struct stream_info *info;
	struct format_out *out;
	struct slice key; /* of the next value; .len 0: none */
	bool needs_comma, omits_empty;
	unsigned depth;
	struct level levels[FORMAT_JSON_DEPTH];
};

static void begin_value(struct writer *w)
{
	if (w->needs_comma)
		format_out(w->out, ",", 1);
	format_out_slice(w->out, w->key);
	w->key.len = 0;
	w->needs_comma = true;
}

static void write_known(struct writer *w, struct slice text)
{
	begin_value(w);
	format_out_slice(w->out, text);
}

static void write_null(struct writer *w)
{
	if (w->omits_empty)
		w->key.len = 0;
	else
		write_known(w, SLICE("null"));
}

static void write_value(struct writer *w, const struct format_op *op)
{
	struct level before = {format_out_len(w->out), w->needs_comma};
	struct slice key = w->key;
	begin_value(w);
	if (!op->is_number)
		format_out(w->out, "\"", 1);
	size_t start = format_out_len(w->out);
	if (!op->render(op, w->info, w->out)) {
		format_out_set_len(w->out, before.len);
		w->needs_comma = before.needs_comma;
		w->key = key;
		write_null(w);
		return;
	}
	if (!op->is_number) {
		format_json_escape(w->out, start);
		format_out(w->out, "\"", 1);
	}
}

static void write_part(struct writer *w, const struct format_op *op)
{
	size_t start = format_out_len(w->out);
	if (!op->render)
		format_out_slice(w->out, op->text);
	else if (op->render(op, w->info, w->out))
		format_json_escape(w->out, start);
	else if (!w->omits_empty)
		format_out(w->out, "-", 1);
}

static void open_level(struct writer *w, const struct format_op *op)
{
	w->levels[w->depth++] = (struct level){format_out_len(w->out), w->needs_comma};
	begin_value(w);
	format_out_slice(w->out, op->text);
	w->needs_comma = false;
}

static void close_level(struct writer *w, const struct format_op *op)
{
	struct level level = w->levels[--w->depth];
	if (w->omits_empty && !w->needs_comma && op->place == FORMAT_JSON_END_OBJECT && w->depth) {
		format_out_set_len(w->out, level.len);
		w->needs_comma = level.needs_comma;
		return;
	}
	format_out_slice(w->out, op->text);
	w->needs_comma = true;
}

static void write_op(struct writer *w, const struct format_op *op)
{
	switch ((enum format_place)op->place) {
	case FORMAT_TEXT:
		write_part(w, op);
		break;
	case FORMAT_JSON_VALUE:
		write_value(w, op);
		break;
	case FORMAT_JSON_RAW:
	case FORMAT_JSON_STRING:
		write_known(w, op->text);
		break;
	case FORMAT_JSON_END_STRING:
		format_out_slice(w->out, op->text);
		break;
	case FORMAT_JSON_NULL:
		write_null(w);
		break;
	case FORMAT_JSON_KEY:
		w->key = op->text;
		break;
	case FORMAT_JSON_OBJECT:
	case FORMAT_JSON_LIST:
		open_level(w, op);
		break;
	case FORMAT_JSON_END_OBJECT:
	case FORMAT_JSON_END_LIST:
		close_level(w, op);
		break;
	}
}

void format_json_render(const struct format *format, const struct stream_info *info,
			struct format_out *out)
{
	struct writer w = {.info = info, .out = out, .omits_empty = format->omits_empty};
	for (uint32_t i = 0; i < format->count; i++)
		write_op(&w, &format->ops[i]);
	format_out(out, "\n", 1);
}

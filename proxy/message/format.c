#include "message/format.h"

#include "message/format_op.h"
#include "message/stream_info.h"

const char format_default_text[] =
	"[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
	"%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
	"%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
	"\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

struct format_op *format_ops_add(struct format_ops *ops, struct diag *diag)
{
	if (ops->count == FORMAT_OPS_MAX) {
		(void)diag_set(diag, "a format has at most %d operators", FORMAT_OPS_MAX);
		return NULL;
	}
	if (ops->count == ops->capacity) {
		uint32_t capacity = ops->capacity ? ops->capacity * 2 : 16;
		struct format_op *more = ARENA_NEW_ARRAY(ops->arena, struct format_op, capacity);
		if (ops->count)
			memcpy(more, ops->ops, ops->count * sizeof *more);
		ops->ops = more;
		ops->capacity = capacity;
	}
	return &ops->ops[ops->count++];
}

/* --- the grammar: %NAME%, %NAME(argument)%, %NAME(argument):length%, %% --- */

struct command {
	struct slice name, argument;
	uint32_t max_len;
	size_t end; /* behind its last '%' */
};

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Reads ":length%" or "%" at `at`. False if neither is there. */
static bool read_end(struct slice text, size_t at, struct command *command)
{
	command->max_len = UINT32_MAX;
	if (at < text.len && text.data[at] == ':') {
		size_t end = slice_find_char(text, '%', at);
		uint64_t length;
		if (!slice_to_uint64(slice_sub(text, at + 1, end), &length) || length >= UINT32_MAX)
			return false;
		command->max_len = (uint32_t)length;
		at = end;
	}
	command->end = at + 1;
	return at < text.len && text.data[at] == '%';
}

/* Reads a command whose first '%' is at `at`. The argument ends at the first ')' that an end
 * follows: it may hold others. */
static bool read_command(struct slice text, size_t at, struct command *command)
{
	size_t open = at + 1;
	while (open < text.len && is_name_char(text.data[open]))
		open++;
	command->name = slice_sub(text, at + 1, open);
	command->argument = (struct slice){NULL, 0};
	if (!command->name.len)
		return false;
	if (open == text.len || text.data[open] != '(')
		return read_end(text, open, command);
	for (size_t close = open;;) {
		close = slice_find_char(text, ')', close + 1);
		if (close == text.len)
			return false;
		if (!read_end(text, close + 1, command))
			continue;
		command->argument = slice_sub(text, open + 1, close);
		return true;
	}
}

/* Literal text is gathered in one buffer, "%%" as "%". */
struct literal {
	char *data;
	size_t from, to;
};

static enum status flush_literal(struct literal *literal, struct format_ops *ops, struct diag *diag)
{
	if (literal->from == literal->to)
		return STATUS_OK;
	struct format_op *op = format_ops_add(ops, diag);
	if (!op)
		return STATUS_TOO_LARGE;
	*op = (struct format_op){
		.text = {literal->data + literal->from, literal->to - literal->from}};
	literal->from = literal->to;
	return STATUS_OK;
}

static enum status add_command(struct slice text, size_t at, struct command *command,
			       struct format_ops *ops, struct diag *diag)
{
	if (!read_command(text, at, command))
		return diag_set(diag,
				"Incorrect configuration: %.*s. Couldn't find valid command at "
				"position %zu",
				(int)(text.len < 256 ? text.len : 256), text.data, at);
	struct format_op *op = format_ops_add(ops, diag);
	if (!op)
		return STATUS_TOO_LARGE;
	return format_op_compile(command->name, command->argument, command->max_len, ops->arena, op,
				 diag);
}

enum status format_parse(struct slice text, struct format_ops *ops, struct diag *diag)
{
	enum status status = STATUS_OK;
	if (text.len > FORMAT_TEXT_MAX) {
		(void)diag_set(diag, "a format has at most %d bytes", FORMAT_TEXT_MAX);
		return STATUS_TOO_LARGE;
	}
	struct literal literal = {.data = arena_zalloc(ops->arena, text.len + FORMAT_LITERAL_PAD)};
	for (size_t at = 0; at < text.len && !status;) {
		size_t percent = slice_find_char(text, '%', at);
		memcpy(literal.data + literal.to, text.data + at, percent - at);
		literal.to += percent - at;
		at = percent;
		if (percent + 1 < text.len && text.data[percent + 1] == '%') {
			literal.data[literal.to++] = '%';
			at = percent + 2;
		} else if (percent < text.len) {
			struct command command;
			status = flush_literal(&literal, ops, diag);
			if (!status)
				status = add_command(text, percent, &command, ops, diag);
			if (!status)
				at = command.end;
		}
	}
	return status ? status : flush_literal(&literal, ops, diag);
}

/* Joins each literal with the operator behind it; one at the end stays an operator of its own, that
 * renders nothing. */
static void join_literals(struct format_ops *ops)
{
	static const char nothing[FORMAT_LITERAL_PAD];
	uint32_t count = 0;
	for (uint32_t i = 0; i < ops->count; i++) {
		struct slice before = {nothing, 0};
		if (!ops->ops[i].render) {
			before = ops->ops[i].text;
			if (i + 1 < ops->count)
				i++;
		}
		struct format_op *op = &ops->ops[count++];
		*op = ops->ops[i];
		op->before = before;
	}
	ops->count = count;
}

enum status format_compile_with(struct slice text, unsigned flags, struct arena *arena,
				const struct format **format, struct diag *diag)
{
	struct format_ops ops = {.arena = arena};
	enum status status = format_parse(text, &ops, diag);
	if (status)
		return status;
	join_literals(&ops);
	struct format *made = ARENA_NEW(arena, struct format);
	*made = (struct format){.ops = ops.ops,
				.count = ops.count,
				.omits_empty = flags & FORMAT_OMIT_EMPTY,
				.is_raw = flags & FORMAT_RAW};
	*format = made;
	return STATUS_OK;
}

enum status format_compile(struct slice text, struct arena *arena, const struct format **format,
			   struct diag *diag)
{
	return format_compile_with(text, 0, arena, format, diag);
}

/* --- rendering --- */

static void render_text(const struct format *format, const struct stream_info *info,
			struct format_out *out)
{
	bool omits_empty = format->omits_empty;
	const struct format_op *end = format->ops + format->count;
	for (const struct format_op *op = format->ops; op < end; op++) {
		format_out_literal(out, op->before);
		if (op->render && !op->render(op, info, out) && !omits_empty)
			format_out(out, "-", 1);
	}
}

size_t format_write(const struct format *format, const struct stream_info *info, char *out,
		    size_t room)
{
	struct format_out to = format_out_init(out, room);
	to.is_raw = format->is_raw;
	if (format->is_json)
		format_json_render(format, info, &to);
	else
		render_text(format, info, &to);
	return format_out_len(&to);
}

#include "message/argument_path.h"

#include <string.h>

struct parser {
	struct slice text;
	size_t pos;
	struct arena *arena;
	struct diag *diag;
};

static char next_char(const struct parser *parser)
{
	return parser->pos < parser->text.len ? parser->text.data[parser->pos] : '\0';
}

static bool take(struct parser *parser, char c)
{
	bool is_there = parser->pos < parser->text.len && parser->text.data[parser->pos] == c;

	parser->pos += is_there;
	return is_there;
}

static enum status refuse(struct parser *parser, const char *what)
{
	return diag_set(parser->diag, "byte %zu: %s, in the argument path \"%.*s\"",
			parser->pos + 1, what, SLICE_FMT(parser->text));
}

/* A decimal number of at most `greatest`. */
static enum status take_number(struct parser *parser, uint32_t greatest, const char *what,
			       uint32_t *number)
{
	size_t end = parser->pos;
	uint64_t value;

	while (end < parser->text.len && parser->text.data[end] >= '0' &&
	       parser->text.data[end] <= '9')
		end++;
	struct slice digits = slice_sub(parser->text, parser->pos, end);
	if (!digits.len)
		return refuse(parser, what);
	if (digits.len > 1 && digits.data[0] == '0')
		return refuse(parser, "a number must not begin with 0");
	if (!slice_to_uint64(digits, &value) || value > greatest)
		return refuse(parser, "the number is too great");
	parser->pos = end;
	*number = (uint32_t)value;
	return STATUS_OK;
}

static bool is_name_char(char c, bool is_first)
{
	char lower = slice_lower_char(c);

	return (lower >= 'a' && lower <= 'z') || c == '_' || c == '$' || (unsigned char)c >= 0x80 ||
	       (!is_first && c >= '0' && c <= '9');
}

static enum status take_name(struct parser *parser, struct argument_step *step)
{
	size_t from = parser->pos;

	while (parser->pos < parser->text.len &&
	       is_name_char(parser->text.data[parser->pos], parser->pos == from))
		parser->pos++;
	if (parser->pos == from)
		return refuse(parser, "a field's name must stand here (other keys: [\"key\"])");
	step->kind = ARGUMENT_STEP_FIELD;
	step->name = slice_sub(parser->text, from, parser->pos);
	return STATUS_OK;
}

/* What stands between the quotes; the first is behind us. */
static enum status take_key(struct parser *parser, struct argument_step *step)
{
	char *key = arena_alloc(parser->arena, parser->text.len - parser->pos), *to = key;

	while (parser->pos < parser->text.len && next_char(parser) != '"') {
		if (take(parser, '\\') && next_char(parser) != '"' && next_char(parser) != '\\')
			return refuse(parser, "a backslash stands before \" or \\ only");
		if (parser->pos < parser->text.len)
			*to++ = parser->text.data[parser->pos++];
	}
	if (!take(parser, '"'))
		return refuse(parser, "the key's closing quote is missing");
	step->kind = ARGUMENT_STEP_KEY;
	step->name = slice_make(key, (size_t)(to - key));
	return STATUS_OK;
}

static enum status take_step(struct parser *parser, struct argument_step *step)
{
	enum status status;

	*step = (struct argument_step){0};
	if (take(parser, '.'))
		return take_name(parser, step);
	if (!take(parser, '['))
		return refuse(parser, "must go on with .field, [index] or [\"key\"]");
	if (take(parser, '"')) {
		status = take_key(parser, step);
	} else {
		step->kind = ARGUMENT_STEP_INDEX;
		status = take_number(parser, ARGUMENT_PATH_INDEX,
				     "an index or a key in double quotes must stand here",
				     &step->index);
	}
	if (status)
		return status;
	return take(parser, ']') ? STATUS_OK : refuse(parser, "']' is missing");
}

enum status argument_path_parse(struct argument_path *path, struct slice text, struct arena *arena,
				struct diag *diag)
{
	struct argument_step steps[ARGUMENT_PATH_STEPS];
	struct parser parser = {.arena = arena, .diag = diag};
	enum status status;
	uint32_t count = 0;

	if (text.len > ARGUMENT_PATH_LENGTH)
		return diag_set(diag, "an argument path has at most %d bytes, this one %zu",
				ARGUMENT_PATH_LENGTH, text.len);
	parser.text = arena_slice(arena, text);
	*path = (struct argument_path){.text = parser.text};
	status = take_number(&parser, ARGUMENT_PATH_ARGUMENT,
			     "must begin with an argument's number, from 0", &path->argument);
	while (!status && parser.pos < text.len) {
		if (count == ARGUMENT_PATH_STEPS)
			return refuse(&parser, "more than 16 steps");
		status = take_step(&parser, &steps[count++]);
	}
	if (status)
		return status;

	struct argument_step *kept = ARENA_NEW_ARRAY(arena, struct argument_step, count);
	if (count)
		memcpy(kept, steps, count * sizeof *kept);
	path->steps = kept;
	path->step_count = count;
	return STATUS_OK;
}

bool argument_path_equal(const struct argument_path *a, const struct argument_path *b)
{
	if (a->argument != b->argument || a->step_count != b->step_count)
		return false;
	for (uint32_t i = 0; i < a->step_count; i++)
		if (a->steps[i].kind != b->steps[i].kind ||
		    a->steps[i].index != b->steps[i].index ||
		    !slice_equal(a->steps[i].name, b->steps[i].name))
			return false;
	return true;
}

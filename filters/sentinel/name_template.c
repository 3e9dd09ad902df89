#include "filters/sentinel/name_template.h"

#include "filters/sentinel/sentinel.h"
#include "message/format.h"
#include "message/grammar.h"
#include "message/rpc_head.h"
#include "routing/header_match.h"
#include "routing/route.h"

enum { NAMES_MAX = 2 }; /* of headers in one operator */

enum piece_kind {
	PIECE_TEXT,
	PIECE_VALUE,
	PIECE_FORMAT,
	PIECE_ROUTE,
	PIECE_SERVICE,
	PIECE_METHOD,
	PIECE_VERSION,
	PIECE_GROUP,
	PIECE_TYPES,
};

struct piece {
	enum piece_kind kind;
	size_t len_max;
	struct slice text;                      /* TEXT */
	struct request_value values[NAMES_MAX]; /* VALUE: the first that isn't empty */
	uint32_t value_count;
	const struct format *format; /* FORMAT: one operator, with its own limit */
};

struct name_template {
	uint32_t count;
	struct piece pieces[NAME_TEMPLATE_PIECES];
};

/* --- compiling --- */

struct compiler {
	struct slice text;
	struct arena *arena;
	struct diag *diag;
	struct name_template *made;
};

/* What stands between two '%'. */
struct operator_text {
	struct slice name, argument, whole;
	size_t len_max, end; /* end: behind its last '%' */
};

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* ":20%" or "%" at `at`. */
static bool read_end(struct slice text, size_t at, struct operator_text *found)
{
	uint64_t len = NAME_TEMPLATE_MAX;

	if (at < text.len && text.data[at] == ':') {
		size_t end = slice_find_char(text, '%', at);
		if (!slice_to_uint64(slice_sub(text, at + 1, end), &len))
			return false;
		at = end;
	}
	found->len_max = len < NAME_TEMPLATE_MAX ? (size_t)len : NAME_TEMPLATE_MAX;
	found->end = at + 1;
	return at < text.len && text.data[at] == '%';
}

/* Whose first '%' is at `at`. An argument ends at the first ')' behind which the operator does. */
static bool read_operator(struct slice text, size_t at, struct operator_text *found)
{
	size_t open = at + 1, close;

	while (open < text.len && is_name_char(text.data[open]))
		open++;
	found->name = slice_sub(text, at + 1, open);
	found->argument = SLICE("");
	if (!found->name.len)
		return false;
	if (open == text.len || text.data[open] != '(') {
		if (!read_end(text, open, found))
			return false;
	} else {
		for (close = open + 1;; close++) {
			close = slice_find_char(text, ')', close);
			if (close == text.len)
				return false;
			if (read_end(text, close + 1, found))
				break;
		}
		found->argument = slice_sub(text, open + 1, close);
	}
	found->whole = slice_sub(text, at, found->end);
	return true;
}

static enum status set_name(const struct compiler *compiler, struct piece *piece,
			    enum request_value_source source, struct slice name)
{
	struct request_value *value = &piece->values[piece->value_count++];

	if (!name.len)
		return diag_set(compiler->diag, "an operator needs a name");
	if (source == REQUEST_VALUE_HEADER && name.data[0] != ':' && !grammar_is_token(name))
		return diag_set(compiler->diag, "'%.*s' is no name of a header", SLICE_FMT(name));
	*value = (struct request_value){
		.source = source,
		.name = arena_slice(compiler->arena, name),
		.header =
			header_name_of_config(arena_string(compiler->arena, name), compiler->arena),
	};
	return STATUS_OK;
}

static enum status set_header(const struct compiler *compiler, struct piece *piece,
			      struct slice argument)
{
	size_t mark = slice_find_char(argument, '?', 0);
	enum status status =
		set_name(compiler, piece, REQUEST_VALUE_HEADER, slice_sub(argument, 0, mark));

	if (status || mark == argument.len)
		return status;
	return set_name(compiler, piece, REQUEST_VALUE_HEADER,
			slice_sub(argument, mark + 1, argument.len));
}

static enum status set_argument(const struct compiler *compiler, struct piece *piece,
				struct slice argument)
{
	struct request_value *value = &piece->values[piece->value_count++];

	value->source = REQUEST_VALUE_ARGUMENT;
	return argument_path_parse(&value->path, argument, compiler->arena, compiler->diag);
}

static enum status set_value(const struct compiler *compiler, struct piece *piece,
			     const struct operator_text *found)
{
	piece->kind = PIECE_VALUE;
	if (slice_equal(found->name, SLICE("ARGUMENT")))
		return set_argument(compiler, piece, found->argument);
	if (slice_equal(found->name, SLICE("ATTACHMENT")))
		return set_name(compiler, piece, REQUEST_VALUE_ATTACHMENT, found->argument);
	if (slice_equal(found->name, SLICE("COOKIE")))
		return set_name(compiler, piece, REQUEST_VALUE_COOKIE, found->argument);
	return set_header(compiler, piece, found->argument);
}

static enum status set_operator(const struct compiler *compiler, struct piece *piece,
				const struct operator_text *found)
{
	static const struct {
		struct slice name;
		enum piece_kind kind;
		bool has_argument;
	} own[] = {
		{{"REQ", 3}, PIECE_VALUE, true},
		{{"REQUEST_HEADER", 14}, PIECE_VALUE, true},
		{{"ATTACHMENT", 10}, PIECE_VALUE, true},
		{{"ARGUMENT", 8}, PIECE_VALUE, true},
		{{"COOKIE", 6}, PIECE_VALUE, true},
		{{"ROUTE_NAME", 10}, PIECE_ROUTE, false},
		{{"SERVICE", 7}, PIECE_SERVICE, false},
		{{"METHOD", 6}, PIECE_METHOD, false},
		{{"SERVICE_VERSION", 15}, PIECE_VERSION, false},
		{{"GROUP", 5}, PIECE_GROUP, false},
		{{"PARAMETER_TYPES", 15}, PIECE_TYPES, false},
	};

	piece->len_max = found->len_max;
	for (unsigned i = 0; i < COUNT_OF(own); i++) {
		if (!slice_equal(found->name, own[i].name))
			continue;
		if (own[i].has_argument)
			return set_value(compiler, piece, found);
		piece->kind = own[i].kind;
		return found->argument.len ? diag_set(compiler->diag, "%.*s takes no argument",
						      SLICE_FMT(found->name))
					   : STATUS_OK;
	}
	piece->kind = PIECE_FORMAT;
	return format_compile_with(found->whole, FORMAT_OMIT_EMPTY | FORMAT_RAW, compiler->arena,
				   &piece->format, compiler->diag);
}

static struct piece *add_piece(const struct compiler *compiler)
{
	struct name_template *made = compiler->made;

	if (made->count == NAME_TEMPLATE_PIECES) {
		(void)diag_set(compiler->diag, "must have at most %d parts", NAME_TEMPLATE_PIECES);
		return NULL;
	}
	return &made->pieces[made->count++];
}

/* Literal text from `at` on, up to an operator or the end. "%%" stands for itself, as a piece. */
static enum status add_text(const struct compiler *compiler, size_t *at)
{
	struct slice text = compiler->text;
	size_t from = *at, to = slice_find_char(text, '%', from);
	struct piece *piece = add_piece(compiler);

	if (!piece)
		return STATUS_INVALID;
	if (to == from) { /* "%%" */
		to++;
		*at = to + 1;
	} else {
		*at = to;
	}
	piece->kind = PIECE_TEXT;
	piece->text = arena_slice(compiler->arena, slice_sub(text, from, to));
	return STATUS_OK;
}

static enum status add_operator(const struct compiler *compiler, size_t *at)
{
	struct operator_text found;
	struct piece *piece;

	if (!read_operator(compiler->text, *at, &found))
		return diag_set(compiler->diag, "has no operator at the '%%' of byte %zu", *at);
	*at = found.end;
	piece = add_piece(compiler);
	return piece ? set_operator(compiler, piece, &found) : STATUS_INVALID;
}

enum status name_template_compile(const struct name_template **compiled, const char *text,
				  struct arena *arena, struct diag *diag)
{
	struct compiler compiler = {
		.text = slice_of(text),
		.arena = arena,
		.diag = diag,
		.made = ARENA_NEW(arena, struct name_template),
	};
	enum status status = STATUS_OK;
	size_t len = compiler.text.len;

	*compiled = compiler.made;
	if (!len)
		return diag_set(diag, "must not be empty");
	for (size_t at = 0; at < len && !status;) {
		bool is_percent = text[at] == '%';
		bool is_twice = is_percent && at + 1 < len && text[at + 1] == '%';
		status = is_percent && !is_twice ? add_operator(&compiler, &at)
						 : add_text(&compiler, &at);
	}
	return status;
}

bool name_template_asks_headers(const struct name_template *names)
{
	for (uint32_t i = 0; i < names->count; i++) {
		const struct piece *piece = &names->pieces[i];
		if (piece->kind == PIECE_FORMAT ||
		    (piece->kind == PIECE_VALUE && piece->values[0].source == REQUEST_VALUE_COOKIE))
			return true;
	}
	return false;
}

/* --- rendering --- */

struct renderer {
	struct filter *filter;
	struct policy_facts facts;
	char *text; /* NAME_TEMPLATE_MAX bytes */
	size_t len;
};

static bool put(struct renderer *renderer, struct slice text, size_t len_max)
{
	size_t room = NAME_TEMPLATE_MAX - renderer->len;
	size_t len = text.len < len_max ? text.len : len_max;

	if (!len)
		return false;
	if (len > room)
		len = room;
	memcpy(renderer->text + renderer->len, text.data, len);
	renderer->len += len;
	return true;
}

static bool put_format(struct renderer *renderer, const struct piece *piece)
{
	size_t room = NAME_TEMPLATE_MAX - renderer->len;
	size_t len = format_write(piece->format, filter_info(renderer->filter),
				  renderer->text + renderer->len, room);

	renderer->len += len < room ? len : room;
	return len > 0;
}

static struct slice value_of(const struct renderer *renderer, const struct piece *piece)
{
	const struct request_values values = {piece->values, piece->value_count};
	struct slice text;

	return request_values_find(&values, &renderer->facts, &text) ? text : SLICE("");
}

/* Of a call. */
static struct slice of_call(const struct renderer *renderer, enum piece_kind kind)
{
	const struct rpc_head *rpc = renderer->facts.headers->rpc;
	struct slice text;

	switch (kind) {
	case PIECE_SERVICE:
		return rpc->service;
	case PIECE_METHOD:
		return rpc->method;
	case PIECE_VERSION:
		return rpc->service_version;
	case PIECE_GROUP:
		return renderer->facts.attachment &&
				       renderer->facts.attachment(renderer->facts.context,
								  SLICE("group"), &text)
			       ? text
			       : SLICE("");
	case PIECE_TYPES:
		return sentinel_find_types(renderer->filter, rpc);
	case PIECE_TEXT:
	case PIECE_VALUE:
	case PIECE_FORMAT:
	case PIECE_ROUTE:
		break;
	}
	return SLICE("");
}

static bool put_piece(struct renderer *renderer, const struct piece *piece)
{
	switch (piece->kind) {
	case PIECE_TEXT:
		return put(renderer, piece->text, NAME_TEMPLATE_MAX);
	case PIECE_FORMAT:
		return put_format(renderer, piece);
	case PIECE_VALUE:
		return put(renderer, value_of(renderer, piece), piece->len_max);
	case PIECE_ROUTE:
		return renderer->facts.route &&
		       put(renderer, renderer->facts.route->name, piece->len_max);
	case PIECE_SERVICE:
	case PIECE_METHOD:
	case PIECE_VERSION:
	case PIECE_GROUP:
	case PIECE_TYPES:
		if (!renderer->facts.headers->rpc)
			return false;
		(void)put(renderer, of_call(renderer, piece->kind), piece->len_max);
		return true; /* which may be empty */
	}
	return false;
}

struct slice name_template_render(const struct name_template *names, struct filter *f)
{
	char text[NAME_TEMPLATE_MAX];
	struct renderer renderer = {.filter = f, .text = text};

	filter_facts(f, &renderer.facts);
	for (uint32_t i = 0; i < names->count; i++)
		if (!put_piece(&renderer, &names->pieces[i]))
			return (struct slice){NULL, 0};
	return arena_slice(filter_arena(f), slice_make(renderer.text, renderer.len));
}

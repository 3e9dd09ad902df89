#include "yaml_reader.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

enum {
	MAX_ANCHORS = 10000, /* looked up one by one, the latest first */
};

struct anchor {
	struct slice name;
	struct node node;
};

struct pending { /* an anchor whose list or map is still open */
	struct slice name;
	size_t depth;
};

struct yaml_reader {
	struct document_builder *builder;
	yaml_parser_t parser;
	struct anchor *anchors; /* heap */
	size_t anchor_count, anchor_room;
	struct pending *pending; /* heap */
	size_t pending_count, pending_room;
};

static struct document_mark mark_of(const yaml_mark_t *mark)
{
	return (struct document_mark){mark->line, mark->column};
}

static struct slice text_of(const yaml_char_t *text)
{
	return slice_of((const char *)text);
}

static bool is_null(struct slice text)
{
	return !text.len || slice_equal(text, SLICE("~")) || slice_equal(text, SLICE("null")) ||
	       slice_equal(text, SLICE("Null")) || slice_equal(text, SLICE("NULL"));
}

static enum status remember(struct yaml_reader *reader, struct slice name, const struct node *node)
{
	if (reader->anchor_count == MAX_ANCHORS)
		return document_fault(reader->builder, STATUS_TOO_LARGE,
				      (struct document_mark){node->line - 1, node->column - 1U},
				      "more than %d anchors", MAX_ANCHORS);
	if (reader->anchor_count == reader->anchor_room) {
		reader->anchor_room = reader->anchor_room ? reader->anchor_room * 2 : 16;
		reader->anchors =
			realloc(reader->anchors, reader->anchor_room * sizeof *reader->anchors);
		invariant(reader->anchors);
	}
	reader->anchors[reader->anchor_count++] = (struct anchor){name, *node};
	return STATUS_OK;
}

static enum status add_alias(struct yaml_reader *reader, const yaml_event_t *event)
{
	struct slice name = text_of(event->data.alias.anchor);

	for (size_t i = reader->anchor_count; i-- > 0;)
		if (slice_equal(reader->anchors[i].name, name))
			return document_add_copy(reader->builder, &reader->anchors[i].node,
						 mark_of(&event->start_mark));
	return document_fault(reader->builder, STATUS_MALFORMED, mark_of(&event->start_mark),
			      "no anchor &%.*s is complete before this alias", SLICE_FMT(name));
}

static enum status add_scalar(struct yaml_reader *reader, const yaml_event_t *event)
{
	struct slice text = slice_make(event->data.scalar.value, event->data.scalar.length);
	struct slice tag = text_of(event->data.scalar.tag);
	enum node_kind kind = NODE_TEXT;

	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !slice_equal(tag, SLICE("!")))
		kind = is_null(text) ? NODE_NULL : NODE_PLAIN;
	enum status status =
		document_add_scalar(reader->builder, kind, text, mark_of(&event->start_mark));
	if (status)
		return status;
	struct node *node = document_builder_last(reader->builder);
	node->is_ignored = slice_equal(tag, SLICE("!ignore"));
	if (event->data.scalar.anchor)
		return remember(reader,
				arena_slice(&reader->builder->document->arena,
					    text_of(event->data.scalar.anchor)),
				node);
	return STATUS_OK;
}

static enum status open_container(struct yaml_reader *reader, enum node_kind kind,
				  struct slice anchor, const yaml_mark_t *mark)
{
	enum status status = document_open(reader->builder, kind, mark_of(mark));

	if (status || !anchor.len)
		return status;
	if (reader->pending_count == reader->pending_room) {
		reader->pending_room = reader->pending_room ? reader->pending_room * 2 : 16;
		reader->pending =
			realloc(reader->pending, reader->pending_room * sizeof *reader->pending);
		invariant(reader->pending);
	}
	reader->pending[reader->pending_count++] = (struct pending){
		arena_slice(&reader->builder->document->arena, anchor), reader->builder->depth};
	return STATUS_OK;
}

static enum status close_container(struct yaml_reader *reader)
{
	struct pending *last =
		reader->pending_count ? &reader->pending[reader->pending_count - 1] : NULL;
	bool is_anchor = last && last->depth == reader->builder->depth;
	enum status status = document_close(reader->builder);

	if (status || !is_anchor)
		return status;
	reader->pending_count--;
	return remember(reader, last->name, document_builder_last(reader->builder));
}

/* Sets *done at the end of the first document. */
static enum status take_event(struct yaml_reader *reader, const yaml_event_t *event, bool *done)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return add_alias(reader, event);
	case YAML_SCALAR_EVENT:
		return add_scalar(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(reader, NODE_LIST, text_of(event->data.sequence_start.anchor),
				      &event->start_mark);
	case YAML_MAPPING_START_EVENT:
		return open_container(reader, NODE_MAP, text_of(event->data.mapping_start.anchor),
				      &event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(reader);
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		*done = true;
		return STATUS_OK;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		return STATUS_OK;
	}
	return STATUS_OK;
}

/* What usually is behind the library's words, or "". */
static const char *hint_for(const char *problem)
{
	static const struct {
		const char *problem, *hint;
	} hints[] = {
		{"cannot start any token",
		 ": indent with blanks, not tabs; quote a text that begins with @ or `"},
		{"expected key", ": look at the indentation of this and the lines above"},
		{"expected '-' indicator", ": the items of a list begin with \"- \" in one column"},
		{"expected ',' or", ": a bracket of this or the lines above is not closed"},
		{"mapping values are not allowed",
		 ": quote a text that has \": \" in it; else look at the indentation"},
		{"unexpected end of stream", ": a quote is not closed"},
	};
	for (size_t i = 0; i < COUNT_OF(hints); i++)
		if (strstr(problem, hints[i].problem))
			return hints[i].hint;
	return "";
}

static enum status parser_fault(struct yaml_reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "unreadable";

	return document_fault(reader->builder, STATUS_MALFORMED, mark_of(&parser->problem_mark),
			      "not YAML: %s%s%s%s", problem, parser->context ? " " : "",
			      parser->context ? parser->context : "", hint_for(problem));
}

enum status yaml_reader_run(struct document_builder *builder, struct slice text)
{
	struct yaml_reader reader = {.builder = builder};
	enum status status = STATUS_OK;
	bool done = false;

	invariant(yaml_parser_initialize(&reader.parser));
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser,
				     (const yaml_char_t *)(text.data ? text.data : ""), text.len);
	while (!status && !done) {
		yaml_event_t event;
		if (!yaml_parser_parse(&reader.parser, &event)) {
			status = parser_fault(&reader);
			break;
		}
		status = take_event(&reader, &event, &done);
		yaml_event_delete(&event);
	}
	if (!status && !builder->used)
		status = document_fault(builder, STATUS_MALFORMED, (struct document_mark){0, 0},
					"nothing is in it");
	yaml_parser_delete(&reader.parser);
	free(reader.anchors);
	free(reader.pending);
	return status;
}

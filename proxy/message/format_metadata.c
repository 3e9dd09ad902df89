/* Operators that show metadata: %DYNAMIC_METADATA(namespace:key:…)%. */
#include <math.h>

#include "message/format_json.h"
#include "message/format_number.h"
#include "message/format_op.h"
#include "message/metadata.h"
#include "message/stream_info.h"

void format_metadata_compile(struct slice argument, struct arena *arena, struct format_op *op)
{
	struct metadata_path *path = ARENA_NEW(arena, struct metadata_path);
	struct slice rest = arena_slice(arena, argument);
	struct slice *keys = ARENA_NEW_ARRAY(arena, struct slice, argument.len + 1);
	size_t colon = slice_find_char(rest, ':', 0);

	path->space = slice_sub(rest, 0, colon);
	path->keys = keys;
	while (colon < rest.len) {
		rest = slice_sub(rest, colon + 1, rest.len);
		colon = slice_find_char(rest, ':', 0);
		keys[path->count++] = slice_sub(rest, 0, colon);
	}
	op->metadata = path;
	op->is_number = true; /* it writes the quotes itself where they are needed */
}

static void put_json(struct format_out *out, const struct label *label);

static void put_string(struct format_out *out, struct slice text)
{
	format_out(out, "\"", 1);
	size_t start = format_out_len(out);
	format_out_slice(out, text);
	format_json_escape(out, start);
	format_out(out, "\"", 1);
}

static void put_items(struct format_out *out, const struct label *label)
{
	bool has_keys = label->kind == LABEL_STRUCT;

	format_out(out, has_keys ? "{" : "[", 1);
	for (uint32_t i = 0; i < label->count; i++) {
		if (i)
			format_out(out, ",", 1);
		if (has_keys) {
			put_string(out, label->items[i].key);
			format_out(out, ":", 1);
		}
		put_json(out, &label->items[i]);
	}
	format_out(out, has_keys ? "}" : "]", 1);
}

static void put_json(struct format_out *out, const struct label *label)
{
	char text[FORMAT_NUMBER_MAX];

	switch (label->kind) {
	case LABEL_NUMBER:
		if (!isfinite(label->number))
			break;
		format_out_slice(out, format_number_text(label->number, text));
		return;
	case LABEL_STRING:
		put_string(out, label->text);
		return;
	case LABEL_BOOL:
		format_out_slice(out, label->truth ? SLICE("true") : SLICE("false"));
		return;
	case LABEL_LIST:
	case LABEL_STRUCT:
		put_items(out, label);
		return;
	case LABEL_NULL:
		break;
	}
	format_out(out, "null", 4);
}

/* All of a namespace, as an object. False if there is nothing in it. */
static bool put_space(struct format_out *out, const struct metadata *metadata, struct slice space)
{
	bool is_first = true;

	for (uint32_t i = 0; metadata && i < metadata->count; i++) {
		if (!slice_equal(metadata->items[i].space, space))
			continue;
		format_out(out, is_first ? "{" : ",", 1);
		is_first = false;
		put_string(out, metadata->items[i].key);
		format_out(out, ":", 1);
		put_json(out, &metadata->items[i]);
	}
	if (!is_first)
		format_out(out, "}", 1);
	return !is_first;
}

static struct slice cut(struct slice text, uint32_t max_len)
{
	return slice_sub(text, 0, text.len < max_len ? text.len : max_len);
}

bool format_render_metadata(const struct format_op *op, const struct stream_info *info,
			    struct format_out *out)
{
	size_t start = format_out_len(out);

	if (op->metadata->count) {
		const struct label *label = metadata_find(info->metadata, op->metadata);
		if (!label || label->kind == LABEL_NULL)
			return false;
		if (label->kind == LABEL_STRING && op->place == FORMAT_JSON_VALUE)
			put_string(out, cut(label->text, op->max_len));
		else if (label->kind == LABEL_STRING)
			format_out_slice(out, cut(label->text, op->max_len));
		else
			put_json(out, label);
	} else if (!put_space(out, info->metadata, op->metadata->space)) {
		return false;
	}
	if (op->place != FORMAT_JSON_VALUE && format_out_len(out) - start > op->max_len)
		format_out_set_len(out, start + op->max_len);
	return true;
}

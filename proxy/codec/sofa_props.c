#include "codec/sofa_props.h"

#include "codec/hessian2.h"

struct entry {
	size_t from, to;
};

static bool is_scalar(enum hessian2_kind kind)
{
	return kind == HESSIAN2_NULL || kind == HESSIAN2_BOOL || kind == HESSIAN2_INT ||
	       kind == HESSIAN2_LONG || kind == HESSIAN2_DOUBLE || kind == HESSIAN2_STRING;
}

/* The name of the next entry, or .data NULL for one that is no string. False: unreadable. */
static bool read_name(struct hessian2_reader *reader, struct slice *name)
{
	*name = (struct slice){NULL, 0};
	return hessian2_kind(reader) == HESSIAN2_STRING ? !hessian2_read_string(reader, name)
							: !hessian2_skip(reader);
}

/* Through the entries of the map at hand. inner: as `name`, of maps under the name `outer`. */
static bool find(struct hessian2_reader *reader, struct slice name, struct slice outer,
		 struct entry *found)
{
	struct hessian2_container map;
	struct slice key;

	if (hessian2_kind(reader) != HESSIAN2_MAP || hessian2_enter(reader, &map))
		return false;
	while (hessian2_next(reader, &map)) {
		size_t from = reader->pos;
		if (!read_name(reader, &key) || !hessian2_next(reader, &map))
			return false;
		enum hessian2_kind kind = hessian2_kind(reader);
		if (key.data && kind == HESSIAN2_MAP && outer.len && slice_equal(key, outer))
			return find(reader, slice_sub(name, outer.len + 1, name.len), SLICE(""),
				    found);
		if (hessian2_skip(reader))
			return false;
		if (key.data && is_scalar(kind) && slice_equal(key, name)) {
			*found = (struct entry){from, reader->pos};
			return true;
		}
	}
	return false;
}

/* The reader stands at the value of that field of the SofaRequest. False: it has none, or can't be
 * read so far. */
static bool go_to_field(struct hessian2_reader *reader, struct slice name)
{
	struct hessian2_container object;
	struct slice field;

	if (hessian2_read_classes(reader) || hessian2_kind(reader) != HESSIAN2_OBJECT ||
	    hessian2_enter(reader, &object))
		return false;
	struct hessian2_reader fields = hessian2_fields_reader(reader, object.class_index);
	while (hessian2_next(reader, &object)) {
		if (hessian2_read_string(&fields, &field))
			return false;
		if (slice_equal(field, name))
			return true;
		if (hessian2_skip(reader))
			return false;
	}
	return false;
}

bool sofa_props_find(struct slice content, const struct hessian2_grammar *grammar,
		     struct slice name, struct arena *arena, size_t *from, size_t *to)
{
	size_t dot = slice_find_char(name, '.', 0);
	struct slice outer = dot < name.len ? slice_sub(name, 0, dot) : SLICE("");
	struct hessian2_reader reader;
	struct entry found;

	hessian2_init(&reader, content, arena);
	reader.grammar = grammar;
	if (!go_to_field(&reader, SLICE("requestProps")) || !find(&reader, name, outer, &found))
		return false;
	*from = found.from;
	*to = found.to;
	return true;
}

bool sofa_method_find(struct slice content, const struct hessian2_grammar *grammar,
		      struct arena *arena, struct slice *method, size_t *from, size_t *to)
{
	struct hessian2_reader reader;

	hessian2_init(&reader, content, arena);
	reader.grammar = grammar;
	if (!go_to_field(&reader, SLICE("methodName")) || hessian2_kind(&reader) != HESSIAN2_STRING)
		return false;
	*from = reader.pos;
	if (hessian2_read_string(&reader, method))
		return false;
	*to = reader.pos;
	return true;
}

#include <stdlib.h>

#include <envoy/config/core/v3/base.pb-c.h>
#include <google/protobuf/struct.pb-c.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "upstream/labels.h"

/* One block holds a labels object, its items and their bytes: measured first, then filled by the
 * same walk. */
struct writer {
	size_t items, bytes;     /* used so far, beyond the top level */
	struct label *item_area; /* NULL: measuring */
	char *byte_area;
};

static struct slice put_text(struct writer *w, const char *text)
{
	struct slice s = slice_of(text);
	size_t at = w->bytes;
	w->bytes += s.len + 1;
	if (!w->item_area)
		return s;
	memcpy(w->byte_area + at, text, s.len + 1);
	return slice_make(w->byte_area + at, s.len);
}

static int compare_labels(const void *left, const void *right)
{
	const struct label *a = left, *b = right;
	int order = slice_compare(a->space, b->space);
	return order ? order : slice_compare(a->key, b->key);
}

static struct label *take_items(struct writer *w, size_t n)
{
	size_t at = w->items;
	w->items += n;
	return w->item_area ? w->item_area + at : NULL;
}

static void put_value(struct writer *w, const Google__Protobuf__Value *value, struct label *label,
		      unsigned depth);

static void put_list(struct writer *w, const Google__Protobuf__ListValue *list, struct label *label,
		     unsigned depth)
{
	struct label *items = take_items(w, list->n_values), ignored;

	label->kind = LABEL_LIST;
	label->items = items;
	label->count = (uint32_t)list->n_values;
	for (size_t i = 0; i < list->n_values; i++)
		put_value(w, list->values[i], items ? &items[i] : &ignored, depth + 1);
}

static void put_fields(struct writer *w, const Google__Protobuf__Struct *fields,
		       struct label *label, unsigned depth)
{
	struct label *items = take_items(w, fields->n_fields), ignored;

	label->kind = LABEL_STRUCT;
	label->items = items;
	label->count = (uint32_t)fields->n_fields;
	for (size_t i = 0; i < fields->n_fields; i++) {
		struct label *item = items ? &items[i] : &ignored;
		put_value(w, fields->fields[i]->value, item, depth + 1);
		item->key = put_text(w, fields->fields[i]->key);
	}
	if (items && fields->n_fields > 1)
		qsort(items, fields->n_fields, sizeof *items, compare_labels);
}

static void put_value(struct writer *w, const Google__Protobuf__Value *value, struct label *label,
		      unsigned depth)
{
	*label = (struct label){.kind = LABEL_NULL};
	if (!value || depth > LABEL_DEPTH_MAX)
		return;
	if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE) {
		label->kind = LABEL_NUMBER;
		label->number = value->number_value;
	} else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE) {
		label->kind = LABEL_STRING;
		label->text = put_text(w, value->string_value);
	} else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE) {
		label->kind = LABEL_BOOL;
		label->truth = value->bool_value;
	} else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE) {
		put_list(w, value->list_value, label, depth);
	} else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE) {
		put_fields(w, value->struct_value, label, depth);
	}
}

/* A struct's fields as labels of one namespace. Returns how many. */
static size_t put_space(struct writer *w, struct label *top, const char *space,
			const Google__Protobuf__Struct *fields)
{
	struct label ignored;
	struct slice name = put_text(w, space);

	for (size_t i = 0; fields && i < fields->n_fields; i++) {
		struct label *label = top ? &top[i] : &ignored;
		put_value(w, fields->fields[i]->value, label, 0);
		label->key = put_text(w, fields->fields[i]->key);
		label->space = name;
	}
	return fields ? fields->n_fields : 0;
}

static struct labels *labels_alloc(size_t count, const struct writer *measured, struct writer *w)
{
	size_t size = sizeof(struct labels) + (count + measured->items) * sizeof(struct label) +
		      measured->bytes;
	struct labels *labels = malloc(size);
	invariant(labels);
	*labels = (struct labels){.count = (uint32_t)count, .references = 1, .size = size};
	*w = (struct writer){.item_area = labels->items + count};
	w->byte_area = (char *)(labels->items + count + measured->items);
	return labels;
}

static void finish(struct labels *labels)
{
	uint64_t hash = labels->count;

	if (labels->count > 1)
		qsort(labels->items, labels->count, sizeof *labels->items, compare_labels);
	for (uint32_t i = 0; i < labels->count; i++) {
		hash = hash_combine(hash, hash_bytes(labels->items[i].space));
		hash = hash_combine(hash, hash_bytes(labels->items[i].key));
		hash = hash_combine(hash, label_hash(&labels->items[i]));
	}
	labels->hash = hash;
}

struct labels *labels_new(const Envoy__Config__Core__V3__Metadata *message)
{
	struct writer measured = {0}, w;
	size_t spaces = message ? message->n_filter_metadata : 0, count = 0;

	for (size_t i = 0; i < spaces; i++)
		count += put_space(&measured, NULL, message->filter_metadata[i]->key,
				   message->filter_metadata[i]->value);
	struct labels *labels = labels_alloc(count, &measured, &w);
	size_t at = 0;
	for (size_t i = 0; i < spaces; i++)
		at += put_space(&w, labels->items + at, message->filter_metadata[i]->key,
				message->filter_metadata[i]->value);
	finish(labels);
	return labels;
}

const struct labels *labels_load(const Envoy__Config__Core__V3__Metadata *message,
				 struct arena *arena)
{
	if (!message)
		return NULL;
	struct labels *labels = labels_new(message);
	arena_defer(arena, labels_drop_deferred, labels);
	return labels;
}

struct labels *labels_of_struct(struct slice space, const Google__Protobuf__Struct *fields)
{
	struct writer measured = {0}, w;
	char name[128];

	invariant(space.len < sizeof name);
	memcpy(name, space.data, space.len);
	name[space.len] = 0;
	size_t count = put_space(&measured, NULL, name, fields);
	struct labels *labels = labels_alloc(count, &measured, &w);
	put_space(&w, labels->items, name, fields);
	finish(labels);
	return labels;
}

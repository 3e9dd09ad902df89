#include "message_merge.h"

#include <string.h>

#include "field.h"

#include "google/protobuf/any.pb-c.h"

static void append(ProtobufCMessage *into, const ProtobufCMessage *from,
		   const ProtobufCFieldDescriptor *field, struct arena *arena)
{
	size_t size = field_size(field), old = field_count(into, field),
	       more = field_count(from, field);
	char *values = arena_zalloc_array(arena, old + more, size);

	if (old)
		memcpy(values, field_value(into, field, 0), old * size);
	memcpy(values + old * size, field_value(from, field, 0), more * size);
	*(void **)field_slot(into, field) = values;
	*field_count_slot(into, field) = old + more;
}

static const char *key_of(const ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
	return field_class(key) == FIELD_STRING ? *(char *const *)field_slot(entry, key) : NULL;
}

/* A later entry of a map replaces the earlier one of its key. Maps in configurations are small. */
static void append_entries(ProtobufCMessage *into, const ProtobufCMessage *from,
			   const ProtobufCFieldDescriptor *field, struct arena *arena)
{
	size_t old = field_count(into, field), more = field_count(from, field), count = old;
	ProtobufCMessage **entries = ARENA_NEW_ARRAY(arena, ProtobufCMessage *, old + more);
	ProtobufCMessage *const *added = *(ProtobufCMessage ***)field_slot(from, field);

	if (old)
		memcpy(entries, *(ProtobufCMessage ***)field_slot(into, field),
		       old * sizeof *entries);
	for (size_t i = 0; i < more; i++) {
		size_t at = 0;
		const char *key = key_of(added[i]);
		while (at < old && (!key || strcmp(key_of(entries[at]), key) != 0))
			at++;
		entries[at < old ? at : count++] = added[i];
	}
	*(void **)field_slot(into, field) = entries;
	*field_count_slot(into, field) = count;
}

static bool both_are_set(const ProtobufCMessage *into, const ProtobufCMessage *from,
			 const ProtobufCFieldDescriptor *field)
{
	return field_count(into, field) && field_count(from, field) &&
	       *(ProtobufCMessage **)field_slot(into, field) &&
	       *(ProtobufCMessage **)field_slot(from, field);
}

void message_merge(ProtobufCMessage *into, const ProtobufCMessage *from, struct arena *arena)
{
	const ProtobufCMessageDescriptor *type = into->descriptor;

	invariant(type == from->descriptor);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		if (!field_count(from, field))
			continue;
		if (field_is_map(field)) {
			append_entries(into, from, field, arena);
		} else if (field_is_repeated(field)) {
			append(into, from, field, arena);
		} else if (field_class(field) == FIELD_MESSAGE &&
			   field->descriptor != &google__protobuf__any__descriptor &&
			   both_are_set(into, from, field)) {
			message_merge(*(ProtobufCMessage **)field_slot(into, field),
				      *(ProtobufCMessage **)field_slot(from, field), arena);
		} else {
			memcpy(field_slot(into, field), field_slot(from, field), field_size(field));
			if (field_is_in_oneof(field))
				*field_case_slot(into, field) = field->id;
		}
	}
}

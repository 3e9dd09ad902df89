#include "validate.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "constraint_check.h"
#include "constraints.h"
#include "field.h"
#include "field_path.h"
#include "unsupported.h"
#include "xds/proto/any_message.h"

enum {
	TYPE_SLOTS = 2048, /* a power of two, more than there are types */
};

/* A rule and the field it is about. */
struct type_rule {
	const ProtobufCFieldDescriptor *field;
	const struct constraint *constraint; /* or */
	const struct unsupported *unsupported;
};

struct type_rules {
	const ProtobufCMessageDescriptor *type;
	size_t count;
	struct type_rule *rules;
};

struct validator {
	const struct validate_options *options;
	struct diag *diag;
	size_t faults;
	struct arena arena;
	struct type_rules types[TYPE_SLOTS]; /* those met so far, by address */
};

PRINTF_LIKE(4, 5)
static void report(struct validator *validator, const struct field_path *path, bool is_fault,
		   const char *format, ...)
{
	struct diag other = {0};
	struct diag *diag = is_fault && !validator->faults ? validator->diag : &other;
	const struct validate_options *options = validator->options;
	va_list args;

	validator->faults += is_fault;
	field_path_print(path, diag->path, sizeof diag->path);
	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	if (diag == &other && options && options->report)
		options->report(options->context, diag, is_fault);
}

static struct type_rule rule_of(const ProtobufCMessageDescriptor *type, const char *name)
{
	struct type_rule rule = {
		.field = protobuf_c_message_descriptor_get_field_by_name(type, name)};
	invariant(rule.field); /* a test checks the tables */
	return rule;
}

static void load_rules(struct validator *validator, struct type_rules *rules)
{
	const struct constraint *constraints = constraints_find(rules->type->name);
	const struct unsupported *unsupported = unsupported_find(rules->type->name);
	size_t count = 0, used = 0;

	for (const struct constraint *c = constraints; c && c->kind != CONSTRAINT_TYPE; c++)
		count++;
	for (const struct unsupported *u = unsupported; u && u->field; u++)
		count++;
	rules->rules = ARENA_NEW_ARRAY(&validator->arena, struct type_rule, count);
	for (const struct constraint *c = constraints; c && c->kind != CONSTRAINT_TYPE; c++) {
		rules->rules[used] = rule_of(rules->type, c->field);
		rules->rules[used++].constraint = c;
	}
	for (const struct unsupported *u = unsupported; u && u->field; u++) {
		rules->rules[used] = rule_of(rules->type, u->field);
		rules->rules[used++].unsupported = u;
	}
	rules->count = count;
}

static const struct type_rules *rules_of(struct validator *validator,
					 const ProtobufCMessageDescriptor *type)
{
	size_t slot = ((uintptr_t)type >> 3) % TYPE_SLOTS;

	while (validator->types[slot].type && validator->types[slot].type != type)
		slot = (slot + 1) % TYPE_SLOTS;
	struct type_rules *rules = &validator->types[slot];
	if (!rules->type) {
		rules->type = type;
		load_rules(validator, rules);
	}
	return rules;
}

static void check_support(struct validator *validator, const ProtobufCMessage *message,
			  const struct type_rule *rule, const struct field_path *path)
{
	struct field_path inner = FIELD_PATH_OF_FIELD(path, rule->field->name);
	bool allowed = validator->options && validator->options->allow_unsupported;
	const char *reason = rule->unsupported->reason;

	if (!field_count(message, rule->field))
		return;
	if (rule->unsupported->is_ignored || allowed)
		report(validator, &inner, false, "has no effect%s%s", reason[0] ? ": " : "",
		       reason);
	else
		report(validator, &inner, true, "is not supported%s%s", reason[0] ? ": " : "",
		       reason);
}

static void check_rule(struct validator *validator, const ProtobufCMessage *message,
		       const struct type_rule *rule, const struct field_path *path)
{
	struct field_path field = FIELD_PATH_OF_FIELD(path, rule->field->name);
	struct constraint_fault fault;

	if (rule->unsupported) {
		check_support(validator, message, rule, path);
		return;
	}
	if (constraint_holds(rule->constraint, message, rule->field, &fault))
		return;
	struct field_path item = FIELD_PATH_OF_INDEX(&field, fault.index);
	report(validator,
	       fault.is_of_message       ? path
	       : fault.index == SIZE_MAX ? &field
					 : &item,
	       true, "%s", fault.text);
}

static void check_message(struct validator *validator, const ProtobufCMessage *message,
			  const struct field_path *path);

static void check_enum(struct validator *validator, const ProtobufCFieldDescriptor *field,
		       int value, const struct field_path *path)
{
	if (!protobuf_c_enum_descriptor_get_value(field->descriptor, value))
		report(validator, path, true, "no such value: %d", value);
}

static void check_map(struct validator *validator, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field, const struct field_path *path)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;
	const ProtobufCFieldDescriptor *value = &entry->fields[1];

	if (field_class(value) != FIELD_MESSAGE)
		return;
	for (size_t i = 0; i < field_count(message, field); i++) {
		const ProtobufCMessage *pair =
			*(ProtobufCMessage *const *)field_value(message, field, i);
		const ProtobufCMessage *inner = *(ProtobufCMessage *const *)field_slot(pair, value);
		struct slice key =
			field_class(&entry->fields[0]) == FIELD_STRING
				? slice_of(*(char *const *)field_slot(pair, &entry->fields[0]))
				: SLICE("");
		struct field_path inside = FIELD_PATH_OF_KEY(path, key);
		if (inner)
			check_message(validator, inner, &inside);
	}
}

static void check_values(struct validator *validator, const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field, const struct field_path *outer)
{
	struct field_path path = FIELD_PATH_OF_FIELD(outer, field->name);
	size_t count = field_count(message, field);

	if (count && field_is_map(field)) {
		check_map(validator, message, field, &path);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct field_path item = FIELD_PATH_OF_INDEX(&path, i);
		const struct field_path *where = field_is_repeated(field) ? &item : &path;
		const void *value = field_value(message, field, i);
		if (field_class(field) == FIELD_ENUM)
			check_enum(validator, field, *(const int *)value, where);
		else
			check_message(validator, *(ProtobufCMessage *const *)value, where);
	}
}

/* Struct and Value hold what they like. */
static bool is_free_form(const ProtobufCMessageDescriptor *type)
{
	return type->package_name[0] == 'g' && strcmp(type->package_name, "google.protobuf") == 0;
}

static void check_message(struct validator *validator, const ProtobufCMessage *message,
			  const struct field_path *path)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	if (type == &google__protobuf__any__descriptor) {
		message = any_message((const Google__Protobuf__Any *)(const void *)message);
		if (!message)
			return;
		type = message->descriptor;
	}
	if (is_free_form(type))
		return;
	const struct type_rules *rules = rules_of(validator, type);
	for (size_t i = 0; i < rules->count && validator->faults < VALIDATE_MAX_FAULTS; i++)
		check_rule(validator, message, &rules->rules[i], path);
	for (unsigned i = 0; i < type->n_fields && validator->faults < VALIDATE_MAX_FAULTS; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_ENUM)
			check_values(validator, message, field, path);
	}
}

enum status message_validate(const ProtobufCMessage *message, const char *path,
			     const struct validate_options *options, struct diag *diag)
{
	struct field_path outer = FIELD_PATH_OF_FIELD(NULL, path);
	struct validator validator = {.options = options, .diag = diag};

	arena_init(&validator.arena, 16 * 1024);
	check_message(&validator, message, path[0] ? &outer : NULL);
	arena_free(&validator.arena);
	return validator.faults ? STATUS_INVALID : STATUS_OK;
}

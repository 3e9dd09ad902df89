#include "file_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "any.h"
#include "base/map.h"
#include "dubbo_yaml.h"
#include "message_hash.h"
#include "scalar.h"
#include "semantics.h"
#include "message/text_file.h"
#include "validate.h"
#include "yaml_message.h"

#include "envoy/service/discovery/v3/discovery.pb-c.h"
#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"

enum {
	PATH_ROOM = 64,
};

struct loader {
	struct file_resources *resources;
	const ProtobufCMessageDescriptor *type;
	const struct file_source_options *options;
	struct diag *diag;
	struct map names;
};

static void report(void *context, const struct diag *diag, bool is_fault)
{
	const struct loader *loader = context;
	struct diag placed = *diag;

	if (!loader->options || !loader->options->report)
		return;
	if (!placed.file[0])
		document_place(&loader->resources->document, &placed);
	loader->options->report(loader->options->context, &placed, is_fault);
}

PRINTF_LIKE(3, 4)
static enum status fault(struct loader *loader, const char *path, const char *format, ...)
{
	struct diag *diag = loader->diag;
	va_list args;

	snprintf(diag->path, sizeof diag->path, "%s", path);
	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	document_place(&loader->resources->document, diag);
	return STATUS_INVALID;
}

static const struct node *find_child(const struct node *map, const char *name)
{
	for (size_t i = 0; map->kind == NODE_MAP && i < map->count; i++)
		if (document_name_matches(name, node_text(&map->children[2 * i])) ||
		    slice_equal(node_text(&map->children[2 * i]), slice_of(name)))
			return &map->children[2 * i + 1];
	return NULL;
}

/* What a resource is called, by its type: `name`, or `cluster_name` of a ClusterLoadAssignment. */
static struct slice name_of(const ProtobufCMessage *message)
{
	static const char *const fields[] = {"name", "cluster_name"};

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(message->descriptor,
									fields[i]);
		if (field && field->type == PROTOBUF_C_TYPE_STRING)
			return slice_of(*(char *const *)(const void *)((const char *)message +
								       field->offset));
	}
	return SLICE("");
}

static enum status add(struct loader *loader, const ProtobufCMessage *message, size_t index,
		       const char *path)
{
	struct file_resources *resources = loader->resources;
	const struct validate_options checks = {
		.allow_unsupported = loader->options && loader->options->allow_unsupported,
		.report = report,
		.context = loader,
	};
	enum status status = message_validate(message, path, &checks, loader->diag);

	if (!status)
		status = semantics_check(message, path, loader->diag);
	if (status) {
		document_place(&resources->document, loader->diag);
		return status;
	}
	struct slice name = name_of(message);
	bool is_new;
	map_at(&loader->names, name, &is_new);
	if (!is_new)
		return fault(loader, path, "%.*s is there already", SLICE_FMT(name));
	resources->items[resources->count++] =
		(struct file_resource){name, message, message_hash(message), index};
	return STATUS_OK;
}

static bool is_known(const ProtobufCMessageDescriptor *type, const struct node *key)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (slice_equal(node_text(key), slice_of(type->fields[i].name)) ||
		    document_name_matches(type->fields[i].name, node_text(key)))
			return true;
	return slice_equal(node_text(key), SLICE("@type"));
}

/* What stands around the resources may have the fields of its type only. */
static enum status check_keys(struct loader *loader, const struct node *map,
			      const ProtobufCMessageDescriptor *type)
{
	const struct document *document = &loader->resources->document;
	bool refuses = loader->options && loader->options->refuse_unknown;

	for (size_t i = 0; i < map->count; i++) {
		const struct node *key = &map->children[2 * i];
		struct diag diag = {.line = key->line, .column = key->column};
		if (is_known(type, key))
			continue;
		snprintf(diag.file, sizeof diag.file, "%s", document->file);
		snprintf(diag.path, sizeof diag.path, "%s", key->text);
		diag_set(&diag, "no such field in %s%s", type->short_name,
			 refuses ? "" : ": ignored");
		if (refuses) {
			*loader->diag = diag;
			return STATUS_INVALID;
		}
		report(loader, &diag, false);
	}
	return STATUS_OK;
}

/* A resource as the file has it: the message in an Any, perhaps in a Resource that names it. */
static enum status read_resource(struct loader *loader, const struct node *node, size_t index)
{
	struct file_resources *resources = loader->resources;
	const struct yaml_options reading = {
		.allow_unknown = !loader->options || !loader->options->refuse_unknown,
		.report = report,
		.context = loader,
	};
	char path[PATH_ROOM];
	const struct node *inner = node;
	ProtobufCMessage *any;
	struct slice type_url;
	enum status status;

	snprintf(path, sizeof path, "resources[%zu]", index);
	const struct node *type_node = find_child(node, "@type");
	if (type_node && !scalar_to_text(type_node, &type_url) &&
	    any_type_find(any_type_name(type_url)) ==
		    &envoy__service__discovery__v3__resource__descriptor) {
		inner = find_child(node, "resource");
		snprintf(path, sizeof path, "resources[%zu].resource", index);
		if (!inner)
			return fault(loader, path, "must be set");
		status = check_keys(loader, node,
				    &envoy__service__discovery__v3__resource__descriptor);
		if (status)
			return status;
	}
	status = yaml_message_read_node(&resources->document, inner, path,
					&google__protobuf__any__descriptor, &reading,
					&resources->arena, &any, loader->diag);
	if (status)
		return status;
	const Google__Protobuf__Any *packed = (const void *)any;
	const ProtobufCMessage *message = any_message(packed);
	if (!message || message->descriptor != loader->type)
		return fault(loader, path, "must be a %s, not a %s", loader->type->name,
			     packed->type_url[0] ? packed->type_url : "message of no type");
	return add(loader, message, index, path);
}

static enum status read_response(struct loader *loader)
{
	struct file_resources *resources = loader->resources;
	const struct node *root = &resources->document.root;
	const struct node *list = find_child(root, "resources"),
			  *version = find_child(root, "version_info");
	const char *wrong;
	enum status status;

	if (root->kind != NODE_MAP)
		return fault(loader, "", "must be a map (DiscoveryResponse)");
	status = check_keys(loader, root,
			    &envoy__service__discovery__v3__discovery_response__descriptor);
	if (status)
		return status;
	if (version && version->kind != NODE_NULL) {
		wrong = scalar_to_text(version, &resources->version_info);
		if (wrong)
			return fault(loader, "version_info", "%s", wrong);
	}
	if (!list || list->kind == NODE_NULL)
		return STATUS_OK;
	bool is_list = list->kind == NODE_LIST;
	size_t count = is_list ? list->count : 1;
	resources->items = ARENA_NEW_ARRAY(&resources->arena, struct file_resource, count);
	for (size_t i = 0; i < count; i++) {
		status = read_resource(loader, is_list ? &list->children[i] : list, i);
		if (status)
			return status;
	}
	return STATUS_OK;
}

/* A file that has Dubbo's rules as they are, without a response around them: one resource without a
 * name. */
static enum status read_dubbo_rules(struct loader *loader, struct slice text, const char *file)
{
	struct file_resources *resources = loader->resources;
	struct arena *arena = &resources->arena;
	const ProtobufCMessage *const *messages;
	size_t count;
	enum status status = dubbo_yaml_read(text, file, arena, &messages, &count, loader->diag);

	if (status)
		return status;
	Outrigger__Config__Route__V1__DubboRules *rules =
		ARENA_NEW(arena, Outrigger__Config__Route__V1__DubboRules);
	outrigger__config__route__v1__dubbo_rules__init(rules);
	rules->n_rules = count;
	rules->rules = ARENA_NEW_ARRAY(arena, Google__Protobuf__Any *, count);
	for (size_t i = 0; i < count; i++) {
		rules->rules[i] = ARENA_NEW(arena, Google__Protobuf__Any);
		google__protobuf__any__init(rules->rules[i]);
		any_set(rules->rules[i],
			arena_printf(arena, "type.googleapis.com/%s",
				     messages[i]->descriptor->name),
			messages[i]);
	}
	resources->items = ARENA_NEW(arena, struct file_resource);
	resources->items[resources->count++] =
		(struct file_resource){SLICE(""), &rules->base, message_hash(&rules->base), 0};
	return STATUS_OK;
}

static bool is_response(const struct node *root)
{
	return root->kind != NODE_MAP || find_child(root, "resources") ||
	       find_child(root, "version_info");
}

enum status file_source_parse(struct file_resources *resources, struct slice text, const char *file,
			      const ProtobufCMessageDescriptor *type,
			      const struct file_source_options *options, struct diag *diag)
{
	struct loader loader = {
		.resources = resources, .type = type, .options = options, .diag = diag};
	enum status status;

	*resources = (struct file_resources){.version_info = SLICE("")};
	arena_init(&resources->arena, 64 * 1024);
	file = arena_string(&resources->arena, slice_of(file));
	status = document_parse(&resources->document, text, document_format_of(file), file, NULL,
				diag);
	if (status) {
		arena_free(&resources->arena);
		return status;
	}
	map_init(&loader.names, NULL);
	if (type == &outrigger__config__route__v1__dubbo_rules__descriptor &&
	    !is_response(&resources->document.root))
		status = read_dubbo_rules(&loader, text, file);
	else
		status = read_response(&loader);
	map_free(&loader.names);
	if (status)
		file_resources_free(resources);
	return status;
}

enum status file_source_load(struct file_resources *resources, const char *path,
			     const ProtobufCMessageDescriptor *type,
			     const struct file_source_options *options, struct diag *diag)
{
	struct slice text;
	enum status status = text_file_read(path, DOCUMENT_LIMITS_DEFAULT.bytes, &text, diag);

	if (status)
		return status;
	status = file_source_parse(resources, text, path, type, options, diag);
	free((char *)(uintptr_t)text.data);
	return status;
}

void file_resources_free(struct file_resources *resources)
{
	document_free(&resources->document);
	arena_free(&resources->arena);
	resources->items = NULL;
	resources->count = 0;
}

const struct file_resource *file_resources_find(const struct file_resources *resources,
						struct slice name)
{
	for (size_t i = 0; i < resources->count; i++)
		if (slice_equal(resources->items[i].name, name))
			return &resources->items[i];
	return NULL;
}

void file_resources_place(const struct file_resources *resources,
			  const struct file_resource *resource, struct diag *diag)
{
	diag_prefix(diag, "resources[%zu]", resource->index);
	document_place(&resources->document, diag);
}

#include "yaml_message.h"

#include <stdio.h>

#include "message_reader.h"

static void report_duplicates(const struct document *document, const struct yaml_options *options)
{
	struct diag diag = {.line = document->duplicate_line, .column = document->duplicate_column};

	if (!document->duplicates || !options || !options->report)
		return;
	snprintf(diag.file, sizeof diag.file, "%s", document->file);
	diag_set(&diag, "%zu key(s) given more than once, this is the first; the last value counts",
		 document->duplicates);
	options->report(options->context, &diag, false);
}

enum status yaml_message_read_node(const struct document *document, const struct node *node,
				   const char *path, const ProtobufCMessageDescriptor *type,
				   const struct yaml_options *options, struct arena *arena,
				   ProtobufCMessage **message, struct diag *diag)
{
	struct field_path outer = FIELD_PATH_OF_FIELD(NULL, path);
	struct reader reader = {
		.document = document,
		.options = options,
		.arena = arena,
		.diag = diag,
		.budget = document->limits.nodes,
		.depth = document->limits.depth,
	};

	*message = reader_message(&reader, type, node, path[0] ? &outer : NULL);
	return *message && !reader.faults ? STATUS_OK : STATUS_INVALID;
}

enum status yaml_message_read(const struct document *document,
			      const ProtobufCMessageDescriptor *type,
			      const struct yaml_options *options, struct arena *arena,
			      ProtobufCMessage **message, struct diag *diag)
{
	report_duplicates(document, options);
	return yaml_message_read_node(document, &document->root, "", type, options, arena, message,
				      diag);
}

enum status yaml_message_parse(struct slice text, const char *file,
			       const ProtobufCMessageDescriptor *type,
			       const struct yaml_options *options, struct arena *arena,
			       ProtobufCMessage **message, struct diag *diag)
{
	struct document document;
	enum status status = document_parse(
		&document, text, file ? document_format_of(file) : DOCUMENT_YAML, file, NULL, diag);

	if (status)
		return status;
	status = yaml_message_read(&document, type, options, arena, message, diag);
	document_free(&document);
	return status;
}

#include "bootstrap.h"

#include <stdlib.h>

#include "message_merge.h"
#include "semantics.h"
#include "message/text_file.h"
#include "validate.h"
#include "yaml_message.h"

#define BOOTSTRAP (&envoy__config__bootstrap__v3__bootstrap__descriptor)

static enum status parse_file(struct bootstrap *bootstrap, const char *path, struct diag *diag)
{
	struct slice text;
	enum status status = text_file_read(path, DOCUMENT_LIMITS_DEFAULT.bytes, &text, diag);

	if (status)
		return status;
	status = document_parse(&bootstrap->file, text, document_format_of(path), path, NULL, diag);
	free((char *)(uintptr_t)text.data);
	bootstrap->has_file = !status;
	return status;
}

static enum status parse(struct bootstrap *bootstrap, const struct bootstrap_options *options,
			 struct diag *diag)
{
	enum status status = STATUS_OK;

	if (options->path)
		status = parse_file(bootstrap, options->path, diag);
	if (status || !options->yaml)
		return status;
	status = document_parse(&bootstrap->text, slice_of(options->yaml), DOCUMENT_YAML,
				"--config-yaml", NULL, diag);
	bootstrap->has_text = !status;
	return status;
}

static enum status read_messages(struct bootstrap *bootstrap,
				 const struct bootstrap_options *options,
				 ProtobufCMessage **message, struct diag *diag)
{
	const struct yaml_options reading = {options->allow_unknown, options->report,
					     options->context};
	ProtobufCMessage *more;
	enum status status = STATUS_OK;

	if (bootstrap->has_file)
		status = yaml_message_read(&bootstrap->file, BOOTSTRAP, &reading, &bootstrap->arena,
					   message, diag);
	if (status || !bootstrap->has_text)
		return status;
	status = yaml_message_read(&bootstrap->text, BOOTSTRAP, &reading, &bootstrap->arena, &more,
				   diag);
	if (status)
		return status;
	if (bootstrap->has_file)
		message_merge(*message, more, &bootstrap->arena);
	else
		*message = more;
	return STATUS_OK;
}

/* Adds the place to what validation reports. */
struct placing {
	const struct bootstrap *bootstrap;
	const struct bootstrap_options *options;
};

static void report_with_place(void *context, const struct diag *diag, bool is_fault)
{
	const struct placing *placing = context;
	struct diag placed = *diag;

	if (!placing->options->report)
		return;
	bootstrap_place(placing->bootstrap, &placed);
	placing->options->report(placing->options->context, &placed, is_fault);
}

static enum status check(struct bootstrap *bootstrap, const struct bootstrap_options *options,
			 const ProtobufCMessage *message, struct diag *diag)
{
	struct placing placing = {bootstrap, options};
	const struct validate_options checks = {options->allow_unsupported, report_with_place,
						&placing};
	enum status status = message_validate(message, "", &checks, diag);

	if (!status)
		status = semantics_check(message, "", diag);
	if (status)
		bootstrap_place(bootstrap, diag);
	return status;
}

enum status bootstrap_load(struct bootstrap *bootstrap, const struct bootstrap_options *options,
			   struct diag *diag)
{
	ProtobufCMessage *message = NULL;
	enum status status;

	*bootstrap = (struct bootstrap){0};
	arena_init(&bootstrap->arena, 64 * 1024);
	if (!options->path && !options->yaml)
		status = (enum status)diag_set(
			diag, "no configuration: give -c FILE or --config-yaml TEXT");
	else
		status = parse(bootstrap, options, diag);
	if (!status)
		status = read_messages(bootstrap, options, &message, diag);
	if (!status)
		status = check(bootstrap, options, message, diag);
	if (status)
		bootstrap_free(bootstrap);
	else
		bootstrap->message = (const void *)message;
	return status;
}

void bootstrap_free(struct bootstrap *bootstrap)
{
	if (bootstrap->has_file)
		document_free(&bootstrap->file);
	if (bootstrap->has_text)
		document_free(&bootstrap->text);
	arena_free(&bootstrap->arena);
	*bootstrap = (struct bootstrap){0};
}

void bootstrap_place(const struct bootstrap *bootstrap, struct diag *diag)
{
	bool in_text = bootstrap->has_text;

	if (in_text && bootstrap->has_file)
		in_text = document_locate(&bootstrap->file, diag->path) == &bootstrap->file.root &&
			  document_locate(&bootstrap->text, diag->path) != &bootstrap->text.root;
	if (in_text)
		document_place(&bootstrap->text, diag);
	else if (bootstrap->has_file)
		document_place(&bootstrap->file, diag);
}

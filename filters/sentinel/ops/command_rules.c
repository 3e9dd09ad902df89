/* Commands that show and set rules. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/ops/java_text.h"
#include "filters/sentinel/ops/rule_text.h"

/* False: there is no such type for getRules and setRules. */
static bool find_kind(struct slice type, enum rule_kind *kind)
{
	static const struct {
		struct slice name;
		enum rule_kind kind;
	} types[] = {{SLICE("flow"), RULE_FLOW},
		     {SLICE("degrade"), RULE_DEGRADE},
		     {SLICE("authority"), RULE_AUTHORITY},
		     {SLICE("system"), RULE_SYSTEM}};

	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (slice_equal_nocase(types[i].name, type)) {
			*kind = types[i].kind;
			return true;
		}
	return false;
}

void command_get_rules(const struct command_context *context, const struct command_request *request,
		       struct command_answer *answer)
{
	enum rule_kind kind;

	if (find_kind(command_parameter(request, SLICE("type")), &kind))
		rule_text_put(&answer->body, kind, context->rules);
	else
		command_fail(answer, SLICE("invalid type"));
}

void command_get_param_flow_rules(const struct command_context *context,
				  const struct command_request *request,
				  struct command_answer *answer)
{
	(void)request;
	rule_text_put(&answer->body, RULE_PARAM_FLOW, context->rules);
}

/* --- setting them --- */

/* Replaces the file as a whole. */
static enum status write_file(const char *path, struct slice text)
{
	enum status status = STATUS_OK;
	char *temporary;
	FILE *file;

	invariant(asprintf(&temporary, "%s.tmp", path) >= 0);
	file = fopen(temporary, "we");
	if (!file)
		status = status_of_errno(errno);
	if (file && fwrite(text.data, 1, text.len, file) != text.len)
		status = STATUS_EXHAUSTED;
	if (file && fclose(file))
		status = STATUS_EXHAUSTED;
	if (!status && rename(temporary, path))
		status = status_of_errno(errno);
	if (status && file)
		unlink(temporary);
	free(temporary);
	return status;
}

/* False: the file is as it was, which was logged. */
static bool write_back(const struct command_context *context, enum rule_kind kind,
		       struct slice text)
{
	const char *path = context->rule_paths[kind], *refusal = context->rule_refusals[kind];

	if (!path)
		return true;
	if (!refusal) {
		enum status status = write_file(path, text);
		refusal = status ? status_text(status) : NULL;
	}
	if (refusal)
		log_warn(SENTINEL, "rules that were set can't be written to %s: %s", path, refusal);
	return !refusal;
}

/* Rules that aren't valid are found out, and told, when they are put in force. */
static void ignore_dropped(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	(void)arg;
	(void)kind;
	(void)index;
	(void)reason;
}

static bool is_rule_list(const struct command_context *context, enum rule_kind kind,
			 struct slice text)
{
	struct rule_list list = {0};
	struct arena arena;

	arena_init(&arena, 4096);
	struct rule_json_reader reader = {.arena = &arena,
					  .seed = context->sentinel->options.seed,
					  .dropped = ignore_dropped};
	enum status status = rule_json_parse(&reader, kind, text, &list);
	arena_free(&arena);
	return !status;
}

/* The dashboard encodes rules twice. No data: no rules. */
static void set_rules(const struct command_context *context, enum rule_kind kind, struct slice data,
		      struct command_answer *answer)
{
	struct text *text = &answer->rules_text;

	text_add(text, data.len ? data : SLICE("[]"));
	ssize_t len = java_url_decode(text->data, text->len);
	text->len = len < 0 ? 0 : (size_t)len;
	if (len < 0) {
		command_fail(answer, SLICE("decode rule data error"));
		return;
	}
	if (!is_rule_list(context, kind, text_slice(text))) {
		answer->status = 500;
		text_add(&answer->body, COMMAND_SERVER_ERROR);
		return;
	}
	answer->sets_rules = true;
	answer->kind = kind;
	text_add(&answer->body, write_back(context, kind, text_slice(text))
					? SLICE("success")
					: SLICE("partial success (write data source failed)"));
}

void command_set_rules(const struct command_context *context, const struct command_request *request,
		       struct command_answer *answer)
{
	enum rule_kind kind;

	if (find_kind(command_parameter(request, SLICE("type")), &kind))
		set_rules(context, kind, command_parameter(request, SLICE("data")), answer);
	else
		command_fail(answer, SLICE("invalid type"));
}

void command_set_param_flow_rules(const struct command_context *context,
				  const struct command_request *request,
				  struct command_answer *answer)
{
	struct slice data = command_parameter(request, SLICE("data"));

	if (slice_trim(data).len)
		set_rules(context, RULE_PARAM_FLOW, data, answer);
	else
		command_fail(answer, SLICE("Bad data"));
}

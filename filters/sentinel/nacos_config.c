/* What a configuration says of Nacos. */
#include <envoy/config/core/v3/base.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <outrigger/filters/sentinel/v1/sentinel.pb-c.h>

#include <stdlib.h>

#include "filters/sentinel/application.h"
#include "filters/sentinel/nacos_sources.h"
#include "filters/sentinel/ops/log_folder.h"
#include "message/data_source_config.h"

typedef Outrigger__Filters__Sentinel__V1__Nacos Message;

enum {
	PASSWORD_MAX = 4096,
	LONG_POLL_MIN_MS = 1000,
	LONG_POLL_MAX_MS = 600000,
};

#define DEFAULT_FOLDER "~/nacos/outrigger"

static struct slice text_or(const char *text, const char *otherwise, struct arena *arena)
{
	return arena_slice(arena, slice_of(text[0] ? text : otherwise));
}

/* "a,b": as they are listed. */
static enum status load_servers(struct nacos_options *options, const Message *message,
				struct arena *arena, struct diag *diag)
{
	struct nacos_server servers[NACOS_SERVERS_MAX];
	struct slice wrong;

	options->servers = SLICE("");
	for (size_t i = 0; i < message->n_servers; i++)
		options->servers =
			slice_of(arena_printf(arena, "%.*s%s%s", SLICE_FMT(options->servers),
					      i ? "," : "", message->servers[i]));
	if (!message->n_servers)
		return diag_at(diag, "servers", "at least one is required");
	if (!nacos_servers(options->servers, servers, &wrong))
		return diag_at(diag, "servers", "'%.*s' is none: host:port, %d of them at most",
			       SLICE_FMT(wrong), NACOS_SERVERS_MAX);
	return STATUS_OK;
}

static enum status load_account(struct nacos_options *options, const Message *message,
				struct arena *arena, struct diag *diag)
{
	enum status status = STATUS_OK;

	options->username = arena_slice(arena, slice_of(message->username));
	options->password = SLICE("");
	if (message->password)
		status = data_source_load(&options->password, message->password, PASSWORD_MAX,
					  arena, diag);
	if (status)
		diag_prefix(diag, "password");
	while (options->password.len && /* as an editor ends a file */
	       (options->password.data[options->password.len - 1] == '\n' ||
		options->password.data[options->password.len - 1] == '\r'))
		options->password.len--;
	return status;
}

static void load_snapshot(struct nacos_options *options, const Message *message,
			  struct arena *arena)
{
	char *folder = log_folder_of(
		slice_of(message->snapshot_folder[0] ? message->snapshot_folder : DEFAULT_FOLDER));

	options->snapshot_folder =
		message->disable_snapshot ? SLICE("") : arena_slice(arena, slice_of(folder));
	free(folder);
}

static enum status load_options(struct nacos_options *options, const Message *message,
				struct arena *arena, struct diag *diag)
{
	uint32_t long_poll_ms = message->long_poll_timeout_ms;
	enum status status = load_servers(options, message, arena, diag);

	if (status || (status = load_account(options, message, arena, diag)))
		return status;
	if (long_poll_ms && (long_poll_ms < LONG_POLL_MIN_MS || long_poll_ms > LONG_POLL_MAX_MS))
		return diag_at(diag, "long_poll_timeout_ms", "must be from %d to %d",
			       LONG_POLL_MIN_MS, LONG_POLL_MAX_MS);
	if (message->context_path[0] && message->context_path[0] != '/')
		return diag_at(diag, "context_path", "must begin with a '/'");
	options->long_poll_ms = long_poll_ms ? long_poll_ms : NACOS_LONG_POLL_MS;
	options->context_path = text_or(message->context_path, "/nacos", arena);
	/* By that name a server gives its texts, but all change without end: it has none. */
	options->name_space = slice_equal(slice_of(message->namespace_), SLICE("public"))
				      ? SLICE("")
				      : arena_slice(arena, slice_of(message->namespace_));
	load_snapshot(options, message, arena);
	return STATUS_OK;
}

/* What Nacos takes for a name. */
static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';
		if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.' &&
		    c != ':')
			return false;
	}
	return name.len > 0;
}

enum status sentinel_nacos_load(struct sentinel_part *part, const Message *message,
				struct slice application, struct arena *arena, struct diag *diag)
{
	const struct {
		const char *field, *suffix; /* as Sentinel's own examples name them */
		const Google__Protobuf__StringValue *given;
	} kinds[NACOS_SOURCES] = {
		[RULE_FLOW] = {"flow", "-flow-rules", message->flow},
		[RULE_DEGRADE] = {"degrade", "-degrade-rules", message->degrade},
		[RULE_SYSTEM] = {"system", "-system-rules", message->system},
		[RULE_AUTHORITY] = {"authority", "-authority-rules", message->authority},
		[RULE_PARAM_FLOW] = {"param_flow", "-param-rules", message->param_flow},
	};
	struct nacos_options *options = ARENA_NEW(arena, struct nacos_options);
	struct slice group = text_or(message->group, "SENTINEL_GROUP", arena);
	enum status status = load_options(options, message, arena, diag);

	if (status)
		return status;
	if (!is_name(group))
		return diag_at(diag, "group", "has a character that Nacos doesn't take");
	for (unsigned kind = 0; kind < NACOS_SOURCES; kind++) {
		struct sentinel_nacos_ask *ask;
		if (kinds[kind].given && !kinds[kind].given->value[0])
			continue;
		ask = ARENA_NEW(arena, struct sentinel_nacos_ask);
		ask->options = options;
		ask->group = group;
		ask->data_id =
			kinds[kind].given
				? arena_slice(arena, slice_of(kinds[kind].given->value))
				: slice_of(arena_printf(arena, "%.*s%s", SLICE_FMT(application),
							kinds[kind].suffix));
		if (!is_name(ask->data_id))
			return diag_at(diag, kinds[kind].field,
				       "'%.*s' has a character that Nacos doesn't take",
				       SLICE_FMT(ask->data_id));
		part->sources[part->count++] = (struct sentinel_source){
			.kind = (enum rule_kind)kind,
			.dialect = sentinel_dialect_of((int)message->dialect, (enum rule_kind)kind),
			.nacos = ask};
	}
	return STATUS_OK;
}

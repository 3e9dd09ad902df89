#include "envoy/config/accesslog/v3/accesslog.pb-c.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb-c.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb-c.h"
#include "message/format_config.h"
#include "telemetry/access_log.h"
#include "telemetry/access_log_private.h"
#include "telemetry/log_files.h"
#include "xds/proto/any_message.h"

typedef Envoy__Config__Accesslog__V3__AccessLog log_message;
typedef Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog file_message;
typedef Envoy__Extensions__AccessLoggers__Stream__V3__StdoutAccessLog stdout_message;
typedef Envoy__Extensions__AccessLoggers__Stream__V3__StderrAccessLog stderr_message;

struct loading {
	struct access_log_files *files;
	struct arena *arena;
	const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime;
	struct diag *diag;
};

/* Envoy's own line for NULL. */
static enum status load_format(const Envoy__Config__Core__V3__SubstitutionFormatString *message,
			       const struct loading *l, struct logger *logger)
{
	if (!message)
		return format_compile(slice_of(format_default_text), l->arena, &logger->format,
				      l->diag);
	enum status status = format_load(message, l->arena, &logger->format, l->diag);
	if (status)
		diag_prefix(l->diag, "log_format");
	return status;
}

static enum status load_file_format(const file_message *message, const struct loading *l,
				    struct logger *logger)
{
#define CASE(name)                                                                                 \
	ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_##name
	switch (message->access_log_format_case) {
	case CASE(FORMAT):
		if (!message->format[0])
			break;
		return format_compile(slice_of(message->format), l->arena, &logger->format,
				      l->diag);
	case CASE(JSON_FORMAT):
		return format_load_json(message->json_format, 0, l->arena, &logger->format,
					l->diag);
	case CASE(TYPED_JSON_FORMAT):
		return format_load_json(message->typed_json_format, 0, l->arena, &logger->format,
					l->diag);
	case CASE(LOG_FORMAT):
		return load_format(message->log_format, l, logger);
	case CASE(_NOT_SET):
	case _ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT__CASE_IS_INT_SIZE:
		break;
	}
#undef CASE
	return load_format(NULL, l, logger);
}

static enum status open_file(const char *path, const struct loading *l, struct logger *logger)
{
	if (!path[0])
		return diag_at(l->diag, "path", "value length must be at least 1 characters");
	enum status status = log_file_open(l->files, path, &logger->file);
	if (status)
		return diag_at(l->diag, "path", "unable to open file '%s': %s", path,
			       status_text(status));
	return STATUS_OK;
}

static enum status load_logger(const Google__Protobuf__Any *any, const struct loading *l,
			       struct logger *logger)
{
	const file_message *file = any_message_of(
		any, &envoy__extensions__access_loggers__file__v3__file_access_log__descriptor);
	const stdout_message *out = any_message_of(
		any, &envoy__extensions__access_loggers__stream__v3__stdout_access_log__descriptor);
	const stderr_message *err = any_message_of(
		any, &envoy__extensions__access_loggers__stream__v3__stderr_access_log__descriptor);
	const char *path = file ? file->path : out ? "/dev/stdout" : "/dev/stderr";
	enum status status;
	if (file)
		status = load_file_format(file, l, logger);
	else if (out)
		status = load_format(out->log_format, l, logger);
	else if (err)
		status = load_format(err->log_format, l, logger);
	else
		return diag_set(l->diag, "no access logger of type \"%s\"",
				any ? any->type_url : "");
	if (!status)
		status = open_file(path, l, logger);
	if (status)
		diag_prefix(l->diag, "typed_config");
	return status;
}

static enum status load_one(const log_message *message, const struct loading *l,
			    struct logger *logger)
{
	enum status status = access_log_filter_load(message->filter, l->runtime, l->arena,
						    &logger->filter, l->diag);
	if (status) {
		diag_prefix(l->diag, "filter");
		return status;
	}
	bool has_config = message->config_type_case ==
			  ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
	return load_logger(has_config ? message->typed_config : NULL, l, logger);
}

enum status access_log_load(log_message *const *messages, size_t count,
			    const struct access_log_place *place, const struct access_log **log,
			    struct diag *diag)
{
	struct loading l = {place->files, place->arena, place->runtime, diag};
	*log = NULL;
	if (!count)
		return STATUS_OK;
	struct access_log *made =
		arena_zalloc(l.arena, sizeof *made + count * sizeof made->loggers[0]);
	made->count = (unsigned)count;
	for (size_t i = 0; i < count; i++) {
		enum status status = load_one(messages[i], &l, &made->loggers[i]);
		if (status) {
			diag_prefix(diag, "access_log[%zu]", i);
			return status;
		}
	}
	*log = made;
	return STATUS_OK;
}

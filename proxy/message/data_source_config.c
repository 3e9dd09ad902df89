#include "message/data_source_config.h"

#include <stdlib.h>

#include "envoy/config/core/v3/base.pb-c.h"
#include "message/text_file.h"

#define SOURCE(kind) ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_##kind

static enum status keep(struct slice *text, struct slice found, size_t limit, struct arena *arena,
			struct diag *diag)
{
	if (found.len > limit)
		return diag_set(diag, "has %zu bytes; at most %zu are allowed", found.len, limit);
	*text = slice_make(arena_string(arena, found), found.len);
	return STATUS_OK;
}

static enum status read_file(struct slice *text, const char *path, size_t limit,
			     struct arena *arena, struct diag *diag)
{
	struct diag why = {0};
	struct slice found;
	enum status status = text_file_read(path, limit, &found, &why);

	if (status == STATUS_TOO_LARGE)
		return diag_at(diag, "filename", "'%s' has more than the %zu bytes allowed", path,
			       limit);
	if (status)
		return diag_at(diag, "filename", "'%s' can't be read: %s", path,
			       status_text(status));
	status = keep(text, found, limit, arena, diag);
	free((char *)(uintptr_t)found.data);
	return status;
}

enum status data_source_load(struct slice *text,
			     const struct Envoy__Config__Core__V3__DataSource *source, size_t limit,
			     struct arena *arena, struct diag *diag)
{
	const char *value;

	switch (source->specifier_case) {
	case SOURCE(FILENAME):
		return read_file(text, source->filename, limit, arena, diag);
	case SOURCE(INLINE_BYTES):
		return keep(text, slice_make(source->inline_bytes.data, source->inline_bytes.len),
			    limit, arena, diag);
	case SOURCE(INLINE_STRING):
		return keep(text, slice_of(source->inline_string), limit, arena, diag);
	case SOURCE(ENVIRONMENT_VARIABLE):
		value = getenv(source->environment_variable);
		if (!value)
			return diag_at(diag, "environment_variable", "'%s' is not set",
				       source->environment_variable);
		return keep(text, slice_of(value), limit, arena, diag);
	case SOURCE(_NOT_SET):
	case _ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(diag, "one of filename, inline_bytes, inline_string and "
			      "environment_variable is required");
}

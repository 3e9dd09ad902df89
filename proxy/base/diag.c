#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

enum status diag_set(struct diag *diag, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	return STATUS_INVALID;
}

enum status diag_at(struct diag *diag, const char *path, const char *format, ...)
{
	va_list args;

	snprintf(diag->path, sizeof diag->path, "%s", path);
	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	return STATUS_INVALID;
}

void diag_prefix(struct diag *diag, const char *format, ...)
{
	char inner[sizeof diag->path];
	size_t outer;
	va_list args;

	memcpy(inner, diag->path, sizeof inner);
	va_start(args, format);
	vsnprintf(diag->path, sizeof diag->path, format, args);
	va_end(args);
	outer = strlen(diag->path);
	snprintf(diag->path + outer, sizeof diag->path - outer, "%s%s",
		 outer && inner[0] && inner[0] != '[' ? "." : "", inner);
}

char *diag_format(const struct diag *diag, char *out, size_t size)
{
	char place[sizeof diag->file + 32] = "";

	if (diag->file[0] && diag->line)
		snprintf(place, sizeof place, "%s:%u:%u: ", diag->file, diag->line, diag->column);
	else if (diag->file[0])
		snprintf(place, sizeof place, "%s: ", diag->file);
	snprintf(out, size, "%s%s%s%s", place, diag->path, diag->path[0] ? ": " : "", diag->text);
	return out;
}

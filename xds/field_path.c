#include "field_path.h"

#include <stdio.h>

char *field_path_print(const struct field_path *path, char *out, size_t size)
{
	size_t used;

	if (!path) {
		out[0] = 0;
		return out;
	}
	field_path_print(path->outer, out, size);
	used = strlen(out);
	switch (path->kind) {
	case FIELD_PATH_FIELD:
		snprintf(out + used, size - used, "%s%s", used ? "." : "", path->field);
		break;
	case FIELD_PATH_INDEX:
		snprintf(out + used, size - used, "[%zu]", path->index);
		break;
	case FIELD_PATH_KEY:
		snprintf(out + used, size - used, "[\"%.*s\"]", SLICE_FMT(path->key));
		break;
	}
	return out;
}

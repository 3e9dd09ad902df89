#include "message/reserved_names.h"

bool reserved_name_is(struct slice name, enum header_id id)
{
	static const struct slice prefixes[] = {SLICE(":"), SLICE("tri-"), SLICE("grpc-"),
						SLICE("x-envoy-"), SLICE("x-forwarded-")};

	if (id != HEADER_OTHER)
		return reserved_name_has_id(id);
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (name.len && *name.data == *prefixes[i].data &&
		    slice_starts_with(name, prefixes[i]))
			return true;
	return false;
}

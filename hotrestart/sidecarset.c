#include "hotrestart/sidecarset.h"

#include <stdint.h>

#include "base/slice.h"

enum sidecarset_role sidecarset_role_of(const char *version, const char *other)
{
	uint64_t own, others = 0;

	if (!version || !slice_to_uint64(slice_of(version), &own))
		return SIDECARSET_NONE;
	if (!own)
		return SIDECARSET_EMPTY;
	if (!other || !slice_to_uint64(slice_of(other), &others) || !others || own == others)
		return SIDECARSET_ALONE;
	return own > others ? SIDECARSET_NEWER : SIDECARSET_OLDER;
}

const char *sidecarset_role_name(enum sidecarset_role role)
{
	switch (role) {
	case SIDECARSET_NONE:
		return "none";
	case SIDECARSET_ALONE:
		return "alone";
	case SIDECARSET_NEWER:
		return "the newer";
	case SIDECARSET_OLDER:
		return "the older";
	case SIDECARSET_EMPTY:
		return "empty";
	}
	return "?";
}

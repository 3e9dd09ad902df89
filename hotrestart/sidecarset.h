/* Which of the two containers that OpenKruise's SidecarSet puts into a pod this is, by the
 * environment that it gives them: SIDECARSET_VERSION, and SIDECARSET_VERSION_ALT of the other one.
 *
 *            mesh-1        mesh-2
 *            1, alt 0      0, alt 1     serves, idles
 *   upgrade  1, alt 0      2, alt 1     is replaced by the newer, then idles
 *            0, alt 2      2, alt 0     (alt of a container that runs stays what it was)
 *
 * Pure. Versions are whole numbers that only rise. */
#ifndef HOTRESTART_SIDECARSET_H
#define HOTRESTART_SIDECARSET_H

#include <stdbool.h>

#define SIDECARSET_VERSION "SIDECARSET_VERSION"
#define SIDECARSET_VERSION_ALT "SIDECARSET_VERSION_ALT"

enum sidecarset_role {
	SIDECARSET_NONE,  /* no such pod */
	SIDECARSET_ALONE, /* no upgrade goes on: serves */
	SIDECARSET_NEWER, /* takes over from the other one */
	SIDECARSET_OLDER, /* was started again beside a newer one: idles while that serves */
	SIDECARSET_EMPTY, /* idles */
};

/* Of the two variables' values; NULL: not set. Values that are no numbers count as not set. */
enum sidecarset_role sidecarset_role_of(const char *version, const char *other);
const char *sidecarset_role_name(enum sidecarset_role role);

/* Starts without a process of its own. */
static inline bool sidecarset_begins_idle(enum sidecarset_role role)
{
	return role == SIDECARSET_OLDER || role == SIDECARSET_EMPTY;
}

#endif

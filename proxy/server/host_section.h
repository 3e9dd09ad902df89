/* What is known of clusters' hosts, for the successor: the section "hosts". Before it loads its
 * configuration it learns which hosts have passed their active checks, which haven't, and which are
 * ejected; see upstream/host_memory.h.
 *
 * Owner: struct cluster_manager. Thread: main. */
#ifndef SERVER_HOST_SECTION_H
#define SERVER_HOST_SECTION_H

#include "base/section.h"

extern const struct section_type host_section;

#endif

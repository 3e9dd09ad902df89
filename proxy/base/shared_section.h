/* Shared states for the successor: the section "shared" has the words of every state whose type
 * saves them (token buckets of rate limits, …), by type, name and configuration. The successor
 * gives them to its states, those that come later too, until the old process has gone.
 *
 * Owner: none (NULL): there is one registry a process. Thread: main; states may be in use. */
#ifndef BASE_SHARED_SECTION_H
#define BASE_SHARED_SECTION_H

#include "base/section.h"

extern const struct section_type shared_section;

#endif

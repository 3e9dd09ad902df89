/* Named sections on the wire of an upgrade. The contract that owners of state write against, and
 * the reader and writer of their bytes, is base/section.h (owners stand below hotrestart/).
 *
 *   struct section[] of server/sections.c ─ sections_export ─> one SECTION message each
 *   SECTION message ─ sections_import ─> the owner of that name; none: skipped, logged
 *
 * Thread: main. Owner: the array is server/sections.c's. */
#ifndef HOTRESTART_SECTION_H
#define HOTRESTART_SECTION_H

#include "base/section.h"

struct diag;

/* Calls put for each section that has something to say of this part. bytes: borrowed for the call.
 * One over SECTION_SIZE_MAX is left out and logged. */
void sections_export(const struct section *sections, size_t count, enum section_part part,
		     void (*put)(void *to, const char *name, uint32_t version, struct slice bytes),
		     void *to);

/* Hands the bytes to the section of that name. STATUS_OK also when there is none of this name and
 * version; the owner's refusal with "section NAME" before its reason. */
enum status MUST_CHECK sections_import(const struct section *sections, size_t count,
				       enum section_part part, struct slice name, uint32_t version,
				       struct slice bytes, struct diag *diag);

/* Calls every left, every taken_back, or every predecessor_gone. */
void sections_left(const struct section *sections, size_t count);
void sections_taken_back(const struct section *sections, size_t count);
void sections_predecessor_gone(const struct section *sections, size_t count);

#endif

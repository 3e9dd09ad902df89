#include "hotrestart/section.h"

#include "base/diag.h"
#include "base/log.h"

void sections_export(const struct section *sections, size_t count, enum section_part part,
		     void (*put)(void *to, const char *name, uint32_t version, struct slice bytes),
		     void *to)
{
	struct section_writer out = {0};

	for (size_t i = 0; i < count; i++) {
		const struct section_type *type = sections[i].type;
		if (!type->export[part])
			continue;
		out.len = 0;
		out.is_broken = false;
		type->export[part](sections[i].owner, &out);
		if (out.is_broken || out.len > SECTION_SIZE_MAX)
			log_error(HOTRESTART,
				  "section %s has %zu bytes, which is too much: left out",
				  type->name, out.len);
		else if (out.len)
			put(to, type->name, type->version, slice_make(out.data, out.len));
	}
	section_writer_free(&out);
}

enum status sections_import(const struct section *sections, size_t count, enum section_part part,
			    struct slice name, uint32_t version, struct slice bytes,
			    struct diag *diag)
{
	for (size_t i = 0; i < count; i++) {
		const struct section_type *type = sections[i].type;
		if (!slice_equal(slice_of(type->name), name))
			continue;
		if (version < type->oldest || version > type->version)
			break;
		enum status status = type->import(sections[i].owner, part, version, bytes, diag);
		if (status)
			diag_prefix(diag, "section %s", type->name);
		return status;
	}
	log_info(HOTRESTART, "section %.*s, version %u, is unknown here: skipped", SLICE_FMT(name),
		 version);
	return STATUS_OK;
}

void sections_left(const struct section *sections, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sections[i].type->left)
			sections[i].type->left(sections[i].owner);
}

void sections_taken_back(const struct section *sections, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sections[i].type->taken_back)
			sections[i].type->taken_back(sections[i].owner);
}

void sections_predecessor_gone(const struct section *sections, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sections[i].type->predecessor_gone)
			sections[i].type->predecessor_gone(sections[i].owner);
}

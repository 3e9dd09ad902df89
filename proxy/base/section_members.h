/* Numbers of structs as fields (section_fields.h) or in lists, by tables: what is written of a
 * struct is what is read of it.
 *
 *   static const struct section_member rule_members[] = {
 *           MEMBER(COUNT, DOUBLE, struct rule, count), ...       in the order of the bytes
 *   };
 *   fields_put_members(out, MEMBERS(rule_members), rule);
 *
 * Owner: the caller. Thread: one at a time. */
#ifndef BASE_SECTION_MEMBERS_H
#define BASE_SECTION_MEMBERS_H

#include <stddef.h>

#include "base/attributes.h"
#include "base/section_fields.h"

enum section_member_type { MEMBER_BOOL, MEMBER_UINT8, MEMBER_INT32, MEMBER_INT64, MEMBER_DOUBLE };

struct section_member {
	uint32_t field;
	enum section_member_type type;
	size_t at;
};

/* Of what stands in lists: those have no fields. */
enum { LISTED = 0 };

/* clang-format off */
#define MEMBER(field, type, of, name) {field, MEMBER_##type, offsetof(of, name)}
/* clang-format on */

/* The members of a table, and how many they are. */
#define MEMBERS(table) (table), COUNT_OF(table)

void fields_put_members(struct section_writer *out, const struct section_member *members,
			size_t count, const void *from);

/* If the field is one of them. A number that its member can't be is 0, or the largest one of 8
 * bits. */
bool field_get_member(const struct field *field, const struct section_member *members, size_t count,
		      void *into);

/* No doubles. */
void list_put_members(struct section_writer *out, const struct section_member *members,
		      size_t count, const void *from);

/* Where a number can't be its member the reader is bad. */
void list_get_members(struct section_reader *in, const struct section_member *members, size_t count,
		      void *into);

#endif

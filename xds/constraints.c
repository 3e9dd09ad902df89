#include "constraints.h"

#include <stddef.h>
#include <string.h>

#include "base/attributes.h"

/* The row behind the last. */
static size_t count_rows(const struct constraint *rows)
{
	size_t count = 0;

	while (rows[count].kind != CONSTRAINT_TYPE || strcmp(rows[count].field, "~") != 0)
		count++;
	return count;
}

/* Halves the rows: each lies in the section of the type before it. */
static const struct constraint *find_in(const struct constraint *rows, size_t count,
					const char *type)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2, section = middle;
		while (rows[section].kind != CONSTRAINT_TYPE)
			section--;
		int order = strcmp(type, rows[section].field);
		if (!order)
			return &rows[section + 1];
		if (order < 0) {
			high = section;
		} else {
			low = middle + 1;
			while (low < high && rows[low].kind != CONSTRAINT_TYPE)
				low++;
		}
	}
	return NULL;
}

const struct constraint *constraints_find(const char *type)
{
	static const struct constraint *const tables[] = {
		constraints_of_config,
		constraints_of_routes,
		constraints_of_types,
		constraints_of_extensions,
	};
	const struct constraint *found = NULL;

	for (unsigned i = 0; i < COUNT_OF(tables) && !found; i++)
		found = find_in(tables[i], count_rows(tables[i]), type);
	return found;
}

#include "unsupported.h"

#include <stddef.h>
#include <string.h>

#define UNSUPPORTED_OF(type)                                                                       \
	{                                                                                          \
		NULL, (type)                                                                       \
	}

/* Types in the order of their names. A feature that lands takes its rows out. */
static const struct unsupported rows[] = {
	UNSUPPORTED_OF("envoy.config.bootstrap.v3.Bootstrap"),
	{"hds_config", ""},
	{NULL, NULL},
};

const struct unsupported *unsupported_rows(void)
{
	return rows;
}

const struct unsupported *unsupported_find(const char *type)
{
	for (const struct unsupported *row = rows; row->field || row->reason; row++)
		if (!row->field && !strcmp(row->reason, type))
			return row + 1;
	return NULL;
}

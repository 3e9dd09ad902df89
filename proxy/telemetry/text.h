/* A growing text on the heap: what the admin pages are written into.
 *
 * Owner: who embeds it. Thread: one at a time; main, not a worker. Allocation aborts when it fails.
 */
#ifndef TELEMETRY_TEXT_H
#define TELEMETRY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

/* Start with {0}. */
struct text {
	char *data;
	size_t len, capacity;
};

void text_free(struct text *text);

void text_add(struct text *text, struct slice s);
void text_add_number(struct text *text, uint64_t number);
/* The fewest digits that read back as the same number; "nan" for NaN. */
void text_add_double(struct text *text, double number);
PRINTF_LIKE(2, 3) void text_printf(struct text *text, const char *format, ...);
/* As a quoted JSON string. */
void text_add_json(struct text *text, struct slice s);

static inline struct slice text_slice(const struct text *text)
{
	return (struct slice){text->data, text->len};
}

#endif

/* The admin page /sentinel: applications, their rules, and what their resources counted, as JSON
 * or as tables.
 *
 * Thread: main. */
#ifndef FILTERS_SENTINEL_PAGE_H
#define FILTERS_SENTINEL_PAGE_H

#include "base/slice.h"
#include "telemetry/text.h"

struct regex;
struct resource;
struct sentinel;
struct sentinel_applications;

struct sentinel_page_options {
	struct slice application;  /* .data NULL: all */
	const struct regex *names; /* resources whose name has a match; NULL: all */
};

/* Resources stand in the order in which they came. */
void sentinel_page_write(struct text *out, const struct sentinel_applications *all,
			 const struct sentinel_page_options *options);

void sentinel_page_write_html(struct text *out, const struct sentinel_applications *all,
			      const struct sentinel_page_options *options);

/* What is shown of an application, in this order. items: heap, the caller's. */
struct sentinel_page_resources {
	const struct resource **items;
	size_t count;
};

/* names NULL: all. */
void sentinel_page_find(struct sentinel_page_resources *found, const struct sentinel *core,
			const struct regex *names);

#endif

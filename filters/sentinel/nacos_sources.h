/* Rules from Nacos: what parts ask for, over one connection for each setting in the process.
 *
 *   source ─ take ─> text ─ one of a name ─┐
 *   source ─ take ─────┘                   ├─> connection: nacos/nacos_client.h
 *   source ─ take ─> text ─────────────────┘
 *
 * A text is at first what its snapshot says; where there is none, nothing is published before the
 * server has said how it stands, or can't be asked, or NACOS_AWAIT_MS are over.
 *
 * Owner: struct sentinel_applications; counted by the sources of parts in force. Thread: main. */
#ifndef FILTERS_SENTINEL_NACOS_SOURCES_H
#define FILTERS_SENTINEL_NACOS_SOURCES_H

#include "base/diag.h"
#include "filters/sentinel/nacos/nacos_client.h"
#include "filters/sentinel/rule_sources.h"

struct arena;
struct sentinel_applications;
struct sentinel_nacos;
struct sentinel_part;
struct Outrigger__Filters__Sentinel__V1__Nacos;

enum { NACOS_AWAIT_MS = 3000 };

/* What a source says. Lives in its configuration's arena. */
struct sentinel_nacos_ask {
	const struct nacos_options *options;
	struct slice data_id, group;
};

struct sentinel_nacos_text {
	struct list_node link;
	struct sentinel_nacos *nacos;
	unsigned references;
	struct sentinel_text text;
	char *name;         /* heap: the text's */
	struct slice names; /* heap: group, data id */
	size_t group_len;
	struct nacos_watch *watch; /* NULL: nothing is served, or no more */
	bool is_awaited;
	uint64_t await_end_ns; /* of main's wall clock */
};

/* The text of that name with one reference more. */
struct sentinel_nacos_text *sentinel_nacos_take(struct sentinel_applications *all,
						const struct sentinel_nacos_ask *ask);
void sentinel_nacos_drop(struct sentinel_nacos_text *text);
bool sentinel_nacos_is_connected(const struct sentinel_nacos_text *text);

/* Once a second. True: something is to be sent. */
bool sentinel_nacos_tick(struct sentinel_applications *all);
/* The process ends: nothing comes any more. */
void sentinel_nacos_close(struct sentinel_applications *all);

/* nacos_config.c: how many sources a message may make. */
enum { NACOS_SOURCES = RULE_KINDS };
/* Appends its sources to the part's. Diag's path begins inside the message. */
enum status MUST_CHECK sentinel_nacos_load(
	struct sentinel_part *part, const struct Outrigger__Filters__Sentinel__V1__Nacos *message,
	struct slice application, struct arena *arena, struct diag *diag);

#endif

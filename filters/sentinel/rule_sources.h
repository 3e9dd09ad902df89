/* Where rules come from: texts in line, and texts that change while they are in force, of files or
 * from Nacos.
 *
 * Owner: a source its configuration's arena; a file is counted by the sources of parts in force.
 * Thread: main. */
#ifndef FILTERS_SENTINEL_RULE_SOURCES_H
#define FILTERS_SENTINEL_RULE_SOURCES_H

#include "base/list.h"
#include "base/slice.h"
#include "filters/sentinel/core/rule.h"

struct sentinel_applications;
struct sentinel_nacos_ask;
struct sentinel_nacos_text;

/* Rules that change while they are in force. */
struct sentinel_text {
	const char *name;   /* for the log */
	struct slice now;   /* heap: as it came last; .data NULL: none */
	struct slice taken; /* heap: the last that was a list; .data NULL: none */
};

/* A file of rules that some part has. */
struct sentinel_file {
	struct list_node link;
	struct sentinel_applications *all;
	unsigned references;
	char *path; /* heap */
	struct sentinel_text text;
	void *watch;
};

/* In line, of a file, or from Nacos. */
struct sentinel_source {
	enum rule_kind kind;
	enum rule_dialect dialect;
	struct slice text;                      /* in line */
	const char *path;                       /* NULL: no file */
	const struct sentinel_nacos_ask *nacos; /* NULL: not from there */
	/* While its part is in force: */
	struct sentinel_file *file;
	struct sentinel_nacos_text *pushed;
	struct sentinel_text *live; /* of one of these; NULL: in line */
};

/* What a message's number of a dialect means for rules of that kind. */
static inline enum rule_dialect sentinel_dialect_of(int number, enum rule_kind kind)
{
	return number == RULE_DIALECT_GOLANG && kind != RULE_AUTHORITY ? RULE_DIALECT_GOLANG
								       : RULE_DIALECT_JAVA;
}

/* On the heap; .data isn't NULL. */
struct slice sentinel_text_copy(struct slice text);

/* Takes the heap text for what came last; .data NULL: there is none (any more), and what was
 * accepted of it is forgotten. */
void sentinel_text_set(struct sentinel_text *text, struct slice heap);
/* What came last was a list of rules. */
void sentinel_text_accept(struct sentinel_text *text);
void sentinel_text_free(struct sentinel_text *text);

/* The file with one reference more, read if it is new. What can't be read later leaves the text as
 * it was. */
struct sentinel_file *sentinel_file_take(struct sentinel_applications *all, const char *path);
void sentinel_file_drop(struct sentinel_file *file);

#endif

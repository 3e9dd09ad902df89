/* URI templates ("/u/{id}/{rest=**}") as regular expressions: a star is a path segment, two stars
 * are any rest, a named part can be used in the rewrite ("/{rest}/of/{id}").
 *
 *   "/u/{id}"  ->  "/u/([chars]+)"        "/x/{id}"  ->  "/x/\1"
 *
 * Pure; used while a table is built. */
#ifndef ROUTING_PATH_TEMPLATE_H
#define ROUTING_PATH_TEMPLATE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	PATH_TEMPLATE_VARIABLES_MAX = 5,
	PATH_TEMPLATE_NAME_MAX = 16,
	PATH_TEMPLATE_LEN_MAX = 255,
};

struct path_template {
	struct slice regex; /* of the whole path */
	struct slice names[PATH_TEMPLATE_VARIABLES_MAX];
	unsigned name_count;
};

/* STATUS_INVALID and a diag text that says what is wrong with it. */
enum status MUST_CHECK path_template_parse(struct slice text, struct arena *arena,
					   struct path_template *result, struct diag *diag);

/* The rewrite as a regex substitution (\1 …) for `match`'s names. STATUS_INVALID for an unknown
 * name. */
enum status MUST_CHECK path_template_rewrite(struct slice text, const struct path_template *match,
					     struct arena *arena, struct slice *substitution,
					     struct diag *diag);

#endif

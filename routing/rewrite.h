/* The path and host that an upstream sees in place of the client's.
 *
 *   path:  PREFIX replaces what the match matched (a regex, template or exact match: all of it),
 *          REGEX replaces every hit of a pattern; the query is kept as it is
 *   host:  a literal, another header's value, made from the path, or (AUTO) the picked host's name
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_REWRITE_H
#define ROUTING_REWRITE_H

#include "message/headers.h"
#include "routing/matcher.h"
#include "routing/path_template.h"

struct Envoy__Type__Matcher__V3__RegexMatchAndSubstitute;
struct Envoy__Config__Core__V3__TypedExtensionConfig;

enum path_rewrite_kind {
	PATH_REWRITE_NONE,
	PATH_REWRITE_PREFIX,
	PATH_REWRITE_REGEX,
};

struct path_rewrite {
	uint8_t kind;      /* enum path_rewrite_kind */
	struct slice text; /* the new prefix, or the substitution */
	const struct regex *regex;
};

enum host_rewrite_kind {
	HOST_REWRITE_NONE,
	HOST_REWRITE_LITERAL,
	HOST_REWRITE_HEADER,
	HOST_REWRITE_PATH_REGEX,
	HOST_REWRITE_AUTO,
};

struct host_rewrite {
	uint8_t kind;      /* enum host_rewrite_kind */
	struct slice text; /* the host, the header's name, or the substitution */
	const struct regex *regex;
};

/* Pattern and substitution. One that asks for what isn't there is taken, as Envoy does, and changes
 * nothing. Diag's path begins with "pattern". */
enum status MUST_CHECK
regex_rewrite_load(const struct regex **regex, struct slice *substitution,
		   const struct Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *message,
		   struct arena *arena, struct diag *diag);

/* The three ways to rewrite a path, at most one of which may be there (NULL, "" and NULL: none).
 * matched: the template of the route's match. Diag's path begins with the field's name. */
enum status MUST_CHECK
path_rewrite_load(struct path_rewrite *rewrite, const char *prefix,
		  const struct Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *regex,
		  const struct Envoy__Config__Core__V3__TypedExtensionConfig *policy,
		  const struct path_template *matched, struct arena *arena, struct diag *diag);

/* The new path with the query of `path`, which holds one too; `path` itself when nothing is to be
 * done. A result that is made anew lives in the arena. */
struct slice path_rewrite_apply(const struct path_rewrite *rewrite,
				const struct route_matcher *matcher, struct slice path,
				struct arena *arena);

/* The new host, or .data NULL: stays, or (AUTO) is known only when a host is picked. */
struct slice host_rewrite_value(const struct host_rewrite *rewrite, const struct headers *headers,
				struct arena *arena);

/* Replaces :path. keeps_original: the old one goes to x-envoy-original-path. */
void path_rewrite_set(struct headers *headers, struct slice path, bool keeps_original);

/* Replaces :authority; the old one goes to x-envoy-original-host, and to the end of
 * x-forwarded-host when append_forwarded is set. Also for the name of a picked host (AUTO). */
void host_rewrite_set(struct headers *headers, struct slice host, bool append_forwarded,
		      bool keeps_original);

#endif

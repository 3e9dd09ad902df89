/* Hop-by-hop fields of a parsed HTTP/1 head: what Connection says and names, TE, Upgrade.
 *
 * Marks what must not be passed on as HEADER_REMOVED. Pure. Limits: HTTP1_REQUEST_OPTIONS,
 * HTTP1_RESPONSE_OPTIONS, as each option is looked for among all fields. */
#ifndef CODEC_HTTP1_CONNECTION_H
#define CODEC_HTTP1_CONNECTION_H

#include "codec/http1_parser.h"

/* From so many Connection options on a message is refused. */
enum { HTTP1_REQUEST_OPTIONS = 10, HTTP1_RESPONSE_OPTIONS = 100 };

/* Reads all Connection fields into head->connection; removes the fields that they name. A request
 * may not name its Host or who forwarded it: that would hide them from what follows. */
enum http1_error http1_read_connection(struct http1_head *head, enum http1_kind kind);

/* Sets is_upgrade, or removes the Upgrade fields. After http1_read_connection. */
void http1_read_upgrade(struct http1_head *head, enum http1_kind kind);

/* Cuts a TE field to its `trailers`, or removes it. */
void http1_keep_te_trailers(struct header *field);

/* Marks all fields of that id as removed. */
void http1_remove_fields(struct http1_head *head, enum header_id id);

/* The next of the comma-separated, trimmed, non-empty parts of *list, which is advanced behind it.
 * .len 0: there is none. */
struct slice http1_next_option(struct slice *list);

/* Whether a comma-separated list has the option, in any case. */
bool http1_has_option(struct slice list, struct slice option);

#endif

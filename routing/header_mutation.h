/* What a table, virtual host, route or weighted cluster does to the headers of a request or a
 * response: names to remove, then values to overwrite, then values to add.
 *
 * Values are rendered before anything is changed, so that `%REQ(x-a)%` sees what the client sent.
 * Names and constant values are borrowed from the table: who keeps headers keeps the table's pin.
 *
 * Owner: the arena given to load; immutable. Thread: any. */
#ifndef ROUTING_HEADER_MUTATION_H
#define ROUTING_HEADER_MUTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "message/headers.h"

struct format;
struct stream_info;
struct Envoy__Config__Core__V3__HeaderValueOption;

enum header_append {
	HEADER_APPEND,             /* one more value */
	HEADER_ADD_IF_ABSENT,      /* only if there is none */
	HEADER_OVERWRITE_OR_ADD,   /* the only value */
	HEADER_OVERWRITE_IF_THERE, /* the only value, if there is one */
};

struct header_add {
	struct slice name;           /* lower case */
	struct slice value;          /* when format is NULL */
	const struct format *format; /* renders the value */
	uint8_t append;              /* enum header_append */
	uint8_t id;                  /* enum header_id of the name */
	bool keep_empty;
};

struct header_mutations {
	const struct slice *removes; /* lower case */
	const struct header_add *adds;
	uint32_t remove_count, add_count;
};

/* Sets *mutations to NULL when there is nothing to do. prefix: "request" or "response", for the
 * diag's path ("request_headers_to_add[0].header.key"). Pseudo headers and host are refused. */
enum status MUST_CHECK header_mutations_load(
	const struct header_mutations **mutations, const char *prefix,
	struct Envoy__Config__Core__V3__HeaderValueOption *const *adds, size_t add_count,
	char *const *removes, size_t remove_count, struct arena *arena, struct diag *diag);

/* Those of a message with WAY_headers_to_add and WAY_headers_to_remove; WAY: request or response.
 */
#define HEADER_MUTATIONS_LOAD(mutations, way, message, arena, diag)                                \
	header_mutations_load((mutations), #way, (message)->way##_headers_to_add,                  \
			      (message)->n_##way##_headers_to_add,                                 \
			      (message)->way##_headers_to_remove,                                  \
			      (message)->n_##way##_headers_to_remove, (arena), (diag))

/* One addition, for filters that have such lists of their own; the diag's path begins inside the
 * option. */
enum status MUST_CHECK header_add_load(
	struct header_add *add, const struct Envoy__Config__Core__V3__HeaderValueOption *message,
	struct arena *arena, struct diag *diag);

/* mutations may be NULL. Rendered values are copied to headers->arena. */
void header_mutations_apply(const struct header_mutations *mutations, struct headers *headers,
			    const struct stream_info *info);

/* A non-empty name of printable characters without spaces and ':' after the first. */
bool header_name_is_valid(struct slice name);

#endif

/* What /config_dump shows, as it was when the page was asked for: references, no copies of
 * messages.
 *
 *   main: dump_take ─> builder: admin_config_dump.c makes the page ─> main: dump_give_back
 *
 * Owner: the page's request. Thread: main takes and gives back; in between immutable, whose it is.
 */
#ifndef SERVER_ADMIN_DUMP_TAKEN_H
#define SERVER_ADMIN_DUMP_TAKEN_H

#include "base/arena.h"
#include "server/dynamic_origin.h"

struct cluster;
struct host_set;
struct server;

/* A resource, or one that was refused. */
struct dump_item {
	struct slice name;
	struct origin origin; /* a reference to its file; version_info in the arena */
	bool is_static, is_warming;
	const char *details; /* of a refused one: why. NULL: it is in force */
	uint64_t refused_wall_ns;
	struct cluster *cluster; /* of a cluster: a reference */
	struct host_set *hosts;  /* likewise; NULL: none yet */
};

struct dump_items {
	struct dump_item *items;
	size_t count;
};

struct dump_taken {
	struct arena arena; /* holds it all */
	const ProtobufCMessage *bootstrap;
	uint64_t start_wall_ns;
	const char *clusters_version, *listeners_version; /* of CDS and LDS; "": none */
	struct dump_items clusters;                       /* in no order */
	struct dump_items listeners;                      /* as configured */
	struct dump_items refusals; /* what the last LDS answer had that was refused */
	/* By their names; those whose last answer was refused have details, and no message if none
	 * is in force. */
	struct dump_items routes, rules, extensions;
};

/* Returns owned. */
struct dump_taken *dump_take(const struct server *server);
void dump_give_back(struct dump_taken *taken);

/* Sorts clusters by name. */
void dump_sort(struct dump_items *items);

/* NULL: there is none of that name. */
const struct dump_item *dump_find(const struct dump_items *items, struct slice name);

#endif

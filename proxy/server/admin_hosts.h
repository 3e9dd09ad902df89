/* What the workers have counted of hosts, asked for by /clusters.
 *
 *   main: host_query_start ─ one message a worker ─> each copies its counts ─> main gathers them
 *                                                    the last one ─> done(query) ─ host_query_merge
 *
 * Owner: the admin page's list, then who was told. Thread: main, but for the copying, and the
 * adding up (host_query_merge), which are any one's. */
#ifndef SERVER_ADMIN_HOSTS_H
#define SERVER_ADMIN_HOSTS_H

#include "base/list.h"
#include "upstream/upstream_worker.h"

struct server;

struct host_query_item {
	const struct host *host; /* a reference while the query lives */
	struct host_counts counts;
};

struct host_query {
	struct list_node link; /* in the admin page's list */
	unsigned waiting;      /* workers that haven't answered */
	uint32_t count, size;
	struct host_query_item *items;          /* sorted by host once they are merged */
	void (*done)(struct host_query *query); /* owns the query from here */
	void *owner;                            /* done's; NULL: nobody wants to know any more */
};

/* Asks all workers. done is called later, unless the process ends before. */
struct host_query *host_query_start(struct server *server, void (*done)(struct host_query *query),
				    void *owner);
/* It is done, or the process ends: workers are gone, their messages drained. */
void host_query_free(struct host_query *query);

/* What several workers have told of a host becomes one item; before the first find. */
void host_query_merge(struct host_query *query);

/* The sum over the workers; zeros for a host that none has used. */
struct host_counts host_query_find(const struct host_query *query, const struct host *host);

#endif

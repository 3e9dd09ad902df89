/* The files in which a token server's rules stand: read again when they change.
 *
 *   file ─ changed ─> read, parsed ─┬─> rules, for the token server
 *                                   └─ can't be read, or is no list: told, and nothing changes
 *
 * Owner: a cluster server. Thread: main, which waits for the disk. Limit: CLUSTER_RULES_BYTES_MAX.
 */
#ifndef FILTERS_SENTINEL_CLUSTER_FILES_H
#define FILTERS_SENTINEL_CLUSTER_FILES_H

#include "base/list.h"
#include "filters/sentinel/cluster/token_rules.h"

struct sentinel_services;

enum { CLUSTER_RULES_BYTES_MAX = 16 << 20 };

struct cluster_files {
	struct list_node list; /* struct cluster_file */
	const struct sentinel_services *services;
	void *services_owner;
	uint64_t seed; /* the arbiter's */
	/* Takes the rules that a file says now. */
	void (*changed)(void *arg, struct slice name, struct token_rules *rules);
	void *arg;
};

/* What rules a file says, and of which name space. */
struct cluster_file_ask {
	const char *path;
	struct slice name;
	enum token_kind kind;
};

/* All but the list are set. */
void cluster_files_init(struct cluster_files *files);

/* Watches it from now on. Returns what it says, owned; NULL: it can't be read or is no list, which
 * was logged. */
struct token_rules *cluster_files_add(struct cluster_files *files,
				      const struct cluster_file_ask *ask);

/* None is watched any more. */
void cluster_files_clear(struct cluster_files *files);

#endif

/* Who wants which file of resources, when it is read again, and what came of it.
 *
 *   subscription_open ─ watched ─ subscription_load ─> builder: read, check, prepare ─> main: apply
 *                          └──────── changed ──┘                         refused: the old one stays
 *
 * A file is read when its subscription starts and each time it changes; a change while it is being
 * read has it read once more. What comes is applied or refused on main, counted under Envoy's names
 * and logged.
 *
 * Owner: struct subscriptions is the server's; a subscription is who opened it. Thread: main, but
 * for `prepare`. */
#ifndef SERVER_SUBSCRIPTIONS_H
#define SERVER_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/list.h"
#include "net/loop.h"
#include "server/builder.h"
#include "telemetry/stats.h"
#include "xds/file_source.h"
#include "xds/file_watch.h"

struct subscription;
struct subscriptions;
struct Envoy__Config__Core__V3__ConfigSource;

/* A file's content, held by each resource in force that came from it. Main counts, the builder
 * frees it. */
struct resource_file {
	unsigned references;
	struct builder *builder;
	struct file_resources resources;
};

struct resource_file *resource_file_take(struct resource_file *file);
/* NULL: nothing. */
void resource_file_drop(struct resource_file *file);

/* What is loaded, on its way: main -> builder -> main. */
struct subscription_load {
	struct builder_job job;
	struct subscription *subscription; /* NULL: closed meanwhile. Main only */
	const struct subscription_type *type;
	struct subscriptions *owner;
	char *path;
	void *work;                 /* the type's own */
	struct resource_file *file; /* NULL: it could not be read. `apply` may take references */
	enum status status;
	struct diag diag;
	uint64_t start_ns;
	bool has_more;             /* set by `apply`: it goes on in main's next turn */
	bool is_changed, is_empty; /* what `apply` has said so far */
	bool is_held;              /* between two turns of `apply`: counts as due */
};

/* What differs between the kinds of resources. */
struct subscription_type {
	const char *what; /* "clusters": in the log */
	const ProtobufCMessageDescriptor *message;
	/* Main, before it is loaded: what `prepare` needs. NULL: nothing. */
	void *(*begin)(struct subscription *subscription);
	/* Builder: makes of the file's content what apply wants. NULL: nothing is to be done. */
	enum status (*prepare)(struct subscription_load *load);
	/* Main: puts it in force. *is_changed: something was added or replaced; *is_empty: nothing
	 * was in it. STATUS_AGAIN: what was prepared is out of date, it is loaded anew. Else, on
	 * failure, diag says why it is refused. With load->has_more set and STATUS_OK it is called
	 * again next turn, and nothing is sent to the workers until it is through. */
	enum status (*apply)(struct subscription *subscription, struct subscription_load *load,
			     bool *is_changed, bool *is_empty, struct diag *diag);
	/* Main: after the first answer of any kind. Nothing was applied if !is_good. NULL: nothing.
	 */
	void (*known)(struct subscription *subscription, bool is_good);
	/* Main: frees what begin made. */
	void (*end)(void *work);
	/* Stats: attempt, success, failure, version are counted in `scope`, the rest in `more`. */
	unsigned attempt, success, failure, version;
	unsigned rejected, time, version_text, duration;
	bool counts_reloads, counts_empty, counts_fails;
	unsigned reload, reload_time, empty; /* reload_time 0: it isn't shown */
	unsigned fail;                       /* one that was not to be had, or was refused */
};

struct subscription {
	struct list_node link;
	const struct subscription_type *type;
	struct subscriptions *owner;
	void *subject; /* the type's */
	struct slice name;
	char *path, *watched_directory; /* watched_directory NULL: none */
	struct file_watch_entry watch;
	struct stat_scope *scope, *more;
	struct subscription_load *load; /* NULL: not being loaded */
	char *version_info;             /* of what is in force; "" before */
	char *refusal;                  /* why the last answer was refused; NULL: it wasn't */
	uint64_t refused_wall_ns;
	bool is_started, is_known, is_stale;
	bool is_unawaited; /* its first answer never counts as due */
};

struct subscriptions {
	struct loop *loop;
	struct stats *stats;
	struct builder builder;
	struct file_watch watch;
	struct io watch_io;
	struct list_node list;
	unsigned due; /* first answers that are out, answers that are applied in part */
	bool is_watching, is_stopped;
	bool refuses_unknown, hides_unknown;
	void (*settled)(struct subscriptions *subscriptions); /* something was applied or refused */
	void *owner;
};

void subscriptions_init(struct subscriptions *subscriptions, struct loop *loop,
			struct mailbox *mailbox, struct stats *stats);
/* Ends the builder. What it was at comes back with the mailbox's next drain. */
void subscriptions_stop(struct subscriptions *subscriptions);
/* All must be closed. */
void subscriptions_fini(struct subscriptions *subscriptions);
/* Once a second: directories that went away are looked for. */
void subscriptions_tick(struct subscriptions *subscriptions);

/* Watches a file for somebody else: file_watch_add, file_watch_remove. */
enum status MUST_CHECK subscriptions_watch(struct subscriptions *subscriptions,
					   struct file_watch_entry *entry, const char *path,
					   void (*changed)(struct file_watch_entry *entry),
					   struct diag *diag);

/* Where a source's file is. STATUS_INVALID with path and reason when it names no file, or one that
 * doesn't exist. Borrows from source; *watched_directory NULL: none. */
enum status MUST_CHECK
subscription_source(const struct Envoy__Config__Core__V3__ConfigSource *source, const char **path,
		    const char **watched_directory, struct diag *diag);

struct subscription_config {
	const struct subscription_type *type;
	const struct Envoy__Config__Core__V3__ConfigSource *source;
	struct slice name; /* of the resource that is wanted; "": all of the file */
	void *subject;
	struct stat_scope *scope, *more; /* more NULL: scope */
	bool is_unawaited;               /* nothing waits for the first answer */
};

/* Watches the source's file; copies the name. Takes the scopes. STATUS_INVALID with path and
 * reason; the scopes are dropped. */
enum status MUST_CHECK subscription_open(struct subscriptions *subscriptions,
					 const struct subscription_config *config,
					 struct subscription **subscription, struct diag *diag);
/* Reads the file now, or once more if it is being read. */
void subscription_load(struct subscription *subscription);
/* NULL: nothing. */
void subscription_close(struct subscription *subscription);

/* True if the source names the file that this one watches. */
bool subscription_is_of(const struct subscription *subscription,
			const struct Envoy__Config__Core__V3__ConfigSource *source);

#endif

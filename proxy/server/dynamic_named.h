/* A resource that configurations ask for by its name: a route table, Dubbo's rules, a message
 * filter. It is read when the first asks, and goes with the last that does.
 *
 *   configuration ─ dynamic_named_subscribe ─> dynamic_named ─ subscription ─> build ─> publisher
 *        its arena's end ─────── drops one ──────┘
 *
 * What differs between kinds is a const row. Owner: struct dynamic's list; counted by those who
 * asked. Thread: main. */
#ifndef SERVER_DYNAMIC_NAMED_H
#define SERVER_DYNAMIC_NAMED_H

#include "base/published.h"
#include "server/dynamic.h"
#include "telemetry/stats_server.h"

struct dynamic_named;

struct dynamic_named_kind {
	enum published_kind published;
	const char *message; /* the resource's type, for texts */
	const char *field;   /* that names it where it is asked for */
	const char *stats;   /* its scope: "rds" of "rds.NAME" */
	const struct stat_type *stat_type;
	bool is_asker_s;      /* the scope is under the asker's stat_prefix */
	bool must_be_alone;   /* an answer with others, or another one, is wrong */
	bool may_be_nameless; /* the only resource of a file is it without a name, too */
	struct subscription_type subscription;
	/* Builds what is published. The name is the resource's, or the one that was asked for. */
	enum status (*build)(const struct dynamic_named *named, const ProtobufCMessage *message,
			     struct published **built, struct diag *diag);
};

struct dynamic_named {
	struct list_node link;
	const struct dynamic_named_kind *kind;
	struct dynamic *dynamic;
	unsigned references; /* of configurations, through their arenas */
	struct subscription *subscription;
	struct slice stat_prefix;        /* heap: of who asked first */
	struct stat_scope *router_stats; /* likewise, a reference; NULL: none */
	bool is_outbound;                /* likewise */
	struct list_node askers;         /* struct extension_asker (dynamic_extensions.c) */
	uint32_t slot;
	uint64_t hash; /* of what is in force */
	bool is_in_force;
	struct origin origin;
};

/* Counted as Envoy counts what comes by RDS. */
#define DYNAMIC_NAMED_SUBSCRIPTION(text, descriptor)                                               \
	{                                                                                          \
		.what = text, .message = descriptor, .apply = dynamic_named_apply,                 \
		.attempt = RDS_STAT_UPDATE_ATTEMPT, .success = RDS_STAT_UPDATE_SUCCESS,            \
		.failure = RDS_STAT_UPDATE_FAILURE, .version = RDS_STAT_VERSION,                   \
		.rejected = RDS_STAT_UPDATE_REJECTED, .time = RDS_STAT_UPDATE_TIME,                \
		.version_text = RDS_STAT_VERSION_TEXT, .duration = RDS_STAT_UPDATE_DURATION,       \
		.counts_reloads = true, .reload = RDS_STAT_CONFIG_RELOAD,                          \
		.reload_time = RDS_STAT_CONFIG_RELOAD_TIME_MS, .counts_empty = true,               \
		.empty = RDS_STAT_UPDATE_EMPTY,                                                    \
	}

/* subscription_type.apply of every kind. */
enum status MUST_CHECK dynamic_named_apply(struct subscription *sub, struct subscription_load *load,
					   bool *is_changed, bool *is_empty, struct diag *diag);

/* What a configuration asks for. */
struct dynamic_ask {
	const struct Envoy__Config__Core__V3__ConfigSource *source;
	struct slice name;
	struct slice key;  /* of the slot: who asks with the same one shares what is published */
	bool is_unawaited; /* nothing waits for the first answer */
};

/* Asks for it, until context->arena ends. *named: NULL where nothing is served. Diag's path begins
 * with "config_source", or kind->field where another source has it already. */
enum status MUST_CHECK dynamic_named_ask(const struct dynamic_named_kind *kind,
					 const struct config_context *context,
					 const struct dynamic_ask *ask,
					 struct dynamic_named **named, struct diag *diag);
/* The same with the name for the key. */
enum status MUST_CHECK
dynamic_named_subscribe(const struct dynamic_named_kind *kind, const struct config_context *context,
			const struct Envoy__Config__Core__V3__ConfigSource *source,
			struct slice name, struct diag *diag);

extern const struct dynamic_named_kind dynamic_routes_kind;     /* dynamic_routes.c */
extern const struct dynamic_named_kind dynamic_rules_kind;      /* dynamic_rules.c */
extern const struct dynamic_named_kind dynamic_extensions_kind; /* dynamic_extensions.c */

#endif

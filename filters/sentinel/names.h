/* What a request is called: its resources and the context that it enters by, as Sentinel's Java
 * adapters name them.
 *
 *                 resources                               context (inbound)
 *   Dubbo   com.x.Foo, com.x.Foo:bar(int,[Ljava.lang.String;)   the method's name
 *   Bolt    com.x.Foo, com.x.Foo#bar(int)                       the method's name
 *   HTTP    GET:/users, or the route's name                     sentinel_spring_web_context
 *   gRPC    a.b.Service/Method                                  the default context
 *   outbound: the default context
 *
 * Each worker remembers what it found for the calls it has seen, so that their names aren't put
 * together again.
 *
 * Owner: a memo is its application's, for one worker. Thread: the worker's. Limit: MEMO_CALLS_MAX;
 * further calls are named anew each time. */
#ifndef FILTERS_SENTINEL_NAMES_H
#define FILTERS_SENTINEL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "filters/sentinel/core/sentinel.h"

struct sentinel_memo;

/* How an application's calls are named by one listener. */
struct sentinel_naming {
	bool is_outbound;
	bool has_version_and_group, has_prefix; /* of Dubbo */
};

/* The call, as its codec tells it. */
struct sentinel_call {
	struct slice service, version, group, method;
	struct slice types;  /* descriptors, "Ljava/lang/String;I", or names,
				"java.lang.String,int" */
	bool has_type_names; /* types are names */
	bool is_bolt;
};

struct sentinel_names {
	struct resource *resources[2]; /* outer first; NULL: too many */
	uint32_t count;                /* of entries: 1 or 2 */
	const struct context *context; /* NULL: too many */
};

/* One a worker. Returns owned. */
struct sentinel_memo *sentinel_memos_new(unsigned workers);
void sentinel_memos_free(struct sentinel_memo *memos, unsigned workers);

struct sentinel_memo *sentinel_memo_of(struct sentinel_memo *memos, unsigned worker);

/* What names are made with. On the caller's stack. */
struct sentinel_namer {
	struct sentinel *core;
	struct sentinel_memo *memo;
	const struct sentinel_naming *naming;
	struct arena *scratch; /* for what is put together on the way */
	int64_t now_ms;
};

void sentinel_name_call(struct sentinel_names *names, const struct sentinel_namer *namer,
			const struct sentinel_call *call);

/* A request of one resource. type: RESOURCE_WEB of HTTP, RESOURCE_COMMON of gRPC. */
void sentinel_name_request(struct sentinel_names *names, const struct sentinel_namer *namer,
			   struct slice name, enum resource_type type);

/* A request of these resources, 1 or 2, the outer one first. */
void sentinel_name_resources(struct sentinel_names *names, const struct sentinel_namer *namer,
			     const struct slice *texts, uint32_t count, enum resource_type type);

/* Where the descriptor of a type ends that begins at `from`; `from` if there is none. */
size_t sentinel_descriptor_end(struct slice descriptors, size_t from);

/* Class.getName() of the parameters, with commas between: of "I[Ljava/lang/String;" it is
 * "int,[Ljava.lang.String;". What is no descriptor ends it. In the arena. */
struct slice sentinel_type_names(struct slice descriptors, struct arena *arena);

#endif

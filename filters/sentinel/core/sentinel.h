/* Sentinel: the node tree of the process, and what all entries share.
 *
 *   sentinel ── entrance node (all inbound entries)
 *      ├─ resources: cluster, default and origin nodes
 *      └─ contexts: names of the ways in
 *
 * Rules aren't in here: an entry is given the version of the rules that holds for it.
 *
 * Limits: resources and contexts; one too many is not checked and not counted, as in Java, but
 * told. So is one whose name has more than SENTINEL_NAME_MAX bytes: names come from callers.
 *
 * Owner: who made it; its resources and contexts are good until its end. Thread: any; a worker's
 * number is used by one thread at a time. */
#ifndef SENTINEL_CORE_SENTINEL_H
#define SENTINEL_CORE_SENTINEL_H

#include "filters/sentinel/core/circuit_breaker.h"
#include "filters/sentinel/core/resource.h"
#include "filters/sentinel/core/system_rule.h"

struct inheritance;
struct token_service;

struct sentinel_options {
	unsigned workers;       /* 0: 1 */
	uint32_t resources_max; /* 0: SENTINEL_RESOURCES_MAX */
	uint32_t contexts_max;  /* 0: SENTINEL_CONTEXTS_MAX */
	int32_t cold_factor;    /* <= 1: SENTINEL_COLD_FACTOR */
	uint64_t seed; /* of fingerprints of hot parameters: unknown to those who send them */
	struct breaker_observer observer;
	const struct token_service *tokens; /* NULL: none, rules in cluster mode fall back */
};

struct sentinel {
	struct sentinel_options options;
	struct name_table resources, contexts;
	_Atomic uint32_t next_resource, next_context;
	struct node *entrance;
	_Atomic uint64_t load, cpu;    /* bits of doubles: the machine's status */
	_Atomic bool off;              /* nothing is checked or counted */
	_Atomic uint64_t overflows;    /* names that found no room */
	struct inheritance *inherited; /* core_running.h; NULL: nothing */
};

/* Returns owned. now_ms: when the entrance node's windows begin. */
struct sentinel *sentinel_new(const struct sentinel_options *options, int64_t now_ms);
/* No entry is in it and no rule_set refers to it any more. NULL is fine. */
void sentinel_free(struct sentinel *sentinel);

/* The resource of that name, made with the first call. NULL: too many, or too long a name. */
struct resource *sentinel_resource(struct sentinel *sentinel, struct slice name,
				   enum resource_type type, int64_t now_ms);
/* The one there is, or NULL. */
struct resource *sentinel_find_resource(const struct sentinel *sentinel, struct slice name);

/* The context of that name, made with the first call. NULL: too many, or too long a name. */
const struct context *sentinel_context(struct sentinel *sentinel, struct slice name);

/* What the system rules compare; once a second from whoever samples it. */
void sentinel_set_status(struct sentinel *sentinel, struct system_status status);
struct system_status sentinel_status(const struct sentinel *sentinel);

/* The switch of the command centre; it is on at first. */
static inline void sentinel_set_switch(struct sentinel *sentinel, bool on)
{
	atomic_store_explicit(&sentinel->off, !on, memory_order_relaxed);
}

static inline bool sentinel_is_on(const struct sentinel *sentinel)
{
	return !atomic_load_explicit(&sentinel->off, memory_order_relaxed);
}

#endif

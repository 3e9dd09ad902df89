/* The admin page /sentinel: applications, their rules, what their resources counted, and whom they
 * grant tokens, as JSON or as tables.
 *
 * Thread: main. */
#ifndef FILTERS_SENTINEL_PAGE_H
#define FILTERS_SENTINEL_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "filters/sentinel/core/rule.h"
#include "telemetry/text.h"

struct arena;
struct regex;
struct resource;
struct sentinel;
struct sentinel_application;
struct sentinel_applications;

struct sentinel_page_options {
	struct slice application;  /* .data NULL: all */
	const struct regex *names; /* resources whose name has a match; NULL: all */
};

/* Resources stand in the order in which they came. */
void sentinel_page_write(struct text *out, const struct sentinel_applications *all,
			 const struct sentinel_page_options *options);

void sentinel_page_write_html(struct text *out, const struct sentinel_applications *all,
			      const struct sentinel_page_options *options);

/* What is shown of an application, in this order. items: heap, the caller's. */
struct sentinel_page_resources {
	const struct resource **items;
	size_t count;
};

/* names NULL: all. */
void sentinel_page_find(struct sentinel_page_resources *found, const struct sentinel *core,
			const struct regex *names);

/* A rule in force, and where it counts. */
struct sentinel_page_rule {
	enum rule_kind kind;
	struct slice resource, limit_app;
	struct slice text; /* what it says, as JSON */
	bool is_counted;
	uint64_t blocked;
};

/* page_rules.c: tells those for resources whose name (or pattern) has a match, kind by kind in the
 * order in which they were read; of the system rules each limit that they set. */
void sentinel_page_each_rule(const struct sentinel_application *application,
			     const struct regex *names,
			     void (*fn)(void *arg, const struct sentinel_page_rule *rule),
			     void *arg);
/* names NULL: all match. */
bool sentinel_page_shows(const struct regex *names, struct slice name);

/* A token server at one moment. */
struct sentinel_page_name_space {
	struct slice name;
	bool is_served;
	uint32_t clients, rules, rejected;
	struct slice fault; /* of the first rule that was rejected; "": none */
	double qps;
};

struct sentinel_page_flow {
	enum rule_kind kind;
	int64_t id;
	struct slice resource, name_space;
	double count;
	bool is_for_each;              /* client; else for all together */
	uint64_t pass, block, waiting; /* tokens */
	double pass_qps, block_qps;    /* of a flow rule */
};

struct sentinel_page_server {
	const char *state;
	struct slice address;
	uint32_t connections;
	const struct sentinel_page_name_space *name_spaces;
	const struct sentinel_page_flow *flows; /* of resources whose name has a match */
	size_t name_space_count, flow_count;
};

/* page_server.c: what is in the arena. False: no configuration speaks of a token server. Takes its
 * lock. */
bool sentinel_page_find_server(struct sentinel_page_server *server,
			       const struct sentinel_application *application,
			       const struct regex *names, struct arena *arena);

#endif

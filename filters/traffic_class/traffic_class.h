/* outrigger.filters.traffic_class: each request has a class; under pressure the least important
 * class goes first, refused or kept for later.
 *
 *   request ─ rules ─> class ─ shared_guard ─┬─ let in ──> …  counted until it is over
 *                                            └─ shed ─┬─ deferral ─> spool ─> 202, later: replay
 *                                                     └─ refused: 503
 *
 * Owner: configurations the published object's arena, but for the spool, which is the process's;
 * the rest the stream's. Thread: the stream's worker. Limits: max_request_bytes of what is kept. */
#ifndef FILTERS_TRAFFIC_CLASS_H
#define FILTERS_TRAFFIC_CLASS_H

#include "base/buf.h"
#include "filters/traffic_class/shared_guard.h"
#include "routing/header_match.h"
#include "spool/spool.h"
#include "stream/filter.h"
#include "telemetry/stats_table.h"

struct spools;
struct stat_scope;

/* "traffic_class.<name>"; shed_classes: how many are shed now. */
/* clang-format off */
#define TRAFFIC_CLASS_STATS(X, S) \
	X(S, IN_FLIGHT, "in_flight", GAUGE) \
	X(S, SHED_CLASSES, "shed_classes", GAUGE) \
	X(S, UNKNOWN_CLASS, "unknown_class", COUNTER)

/* "traffic_class.<name>.<class>" */
#define CLASS_STATS(X, S) \
	X(S, ADMITTED, "admitted", COUNTER) \
	X(S, SHED, "shed", COUNTER) \
	X(S, DEFERRED, "deferred", COUNTER) \
	X(S, DEFER_FAILED, "defer_failed", COUNTER) \
	X(S, DEFER_TOO_LARGE, "defer_too_large", COUNTER) \
	X(S, DEFERRING, "deferring", GAUGE)
/* clang-format on */
STAT_ENUM(traffic_class_stat, TRAFFIC_CLASS_STAT, TRAFFIC_CLASS_STATS);
STAT_ENUM(class_stat, CLASS_STAT, CLASS_STATS);
extern const struct stat_type traffic_class_stats; /* config.c */
extern const struct stat_type class_stats;         /* config.c */

struct deferral {
	bool has_match; /* by `match`, and not by what is usual */
	struct header_matches match;
	uint16_t status;
	struct slice body, content_type;
};

struct traffic_class {
	struct slice name;
	const struct deferral *deferral; /* NULL: what is shed is refused */
	uint16_t shed_status;
	struct stat_scope *stats;
};

struct class_rule {
	struct header_matches headers;
	uint32_t class;
};

/* What a configuration says of its spool, and the spool while the configuration is published. */
struct spool_use {
	const char *path;
	struct slice stat_name, key_header;
	struct spool_options options;
	uint32_t max_request_bytes;
	uint32_t timeout_ms;
	uint32_t below; /* this pressure replays begin */
	struct spools *spools;
	struct spool *spool; /* NULL: the configuration is only checked */
};

/* What a route may say; the filter's own is the beginning of its configuration. */
struct traffic_class_route {
	bool is_disabled;
	struct slice class; /* "": by the rules */
};

struct traffic_class_config {
	struct traffic_class_route route;
	struct slice name;
	const struct traffic_class *classes;
	uint32_t class_count; /* 0: it does nothing */
	const struct class_rule *rules;
	uint32_t rule_count;
	uint32_t default_class;
	struct guard_limits limits;
	struct shared_guard *guard;
	struct spool_use *spool; /* NULL: nothing is kept */
	struct stat_scope *stats;
};

struct traffic_class_state {
	uint32_t class;
	bool is_under_way;
	bool is_deferring; /* its body is gathered, or it waits for the disk */
	bool is_deferred;
	uint64_t entered_ns;
	struct slice key;            /* of a request that is kept */
	struct buf body;             /* owned bytes, while is_deferring */
	struct spool_append *append; /* while the disk has it; NULL: no */
};

extern const struct filter_type traffic_class_filter; /* config.c */

void traffic_class_open(struct filter *f);
enum filter_status traffic_class_request_headers(struct filter *f, struct headers *headers,
						 bool end);
enum filter_status traffic_class_request_data(struct filter *f, struct buf *data, bool end);
enum filter_status traffic_class_request_trailers(struct filter *f, struct headers *trailers);
enum filter_status traffic_class_response_headers(struct filter *f, struct headers *headers,
						  bool end);
void traffic_class_close(struct filter *f);

/* Refuses it. */
void traffic_class_shed(struct filter *f);

#endif

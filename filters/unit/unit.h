/* outrigger.filters.unit: a request goes to the unit that owns the shard of its key, and a write is
 * accepted by one unit only, also while shards move.
 *
 *   request ─ key? ──no──> the global unit (or the local one first, or refused)
 *               └ shard ─> a write of a fenced shard, or decided by a newer rule: held or refused
 *                     ├─ read ──> local copy, else its unit
 *                     ├─ ours ──> here, counted as a write under way until it is over
 *                     └─ theirs > that unit: by cluster, or by hosts with its label
 *
 *   HELD ─ every UNIT_POLL_MS ─> decided anew by the rule in force ─> goes on
 *                                                         └ after hold_ms: refused
 *
 * A unit that wasn't the right one sends a request on once (hop header), and again by a newer rule
 * only: it never circles.
 *
 * Owner: the published object's arena; the words of the rule are the process's. Thread: the
 * stream's worker. Timers: one while it is held. Limits: max_held requests of a rule. */
#ifndef FILTERS_UNIT_H
#define FILTERS_UNIT_H

#include "base/shared_count.h"
#include "filters/unit/rule.h"
#include "routing/request_value.h"
#include "routing/string_matcher.h"
#include "stream/filter.h"
#include "telemetry/stats_table.h"

struct stat_scope;

enum {
	UNIT_POLL_MS = 10,
	UNIT_HOLD_MAX_MS = 60000,
	UNIT_HELD_DEFAULT = 1024,
};

/* "unit.<name of the rule>" */
/* clang-format off */
#define UNIT_STATS(X, S) \
	X(S, KEYED, "keyed", COUNTER) \
	X(S, KEY_MISSING, "key_missing", COUNTER) \
	X(S, KEY_INVALID, "key_invalid", COUNTER) \
	X(S, READ_LOCAL, "read_local", COUNTER) \
	X(S, WRITE_ACCEPTED, "write_accepted", COUNTER) \
	X(S, FORWARDED, "forwarded", COUNTER) \
	X(S, WRONG_UNIT, "wrong_unit", COUNTER) \
	X(S, FENCED, "fenced", COUNTER) \
	X(S, BEHIND, "behind", COUNTER) \
	X(S, HELD, "held", COUNTER) \
	X(S, HOLD_OVER, "hold_over", COUNTER) \
	X(S, RULE_REFUSED, "rule_refused", COUNTER) \
	X(S, WRITES_ACTIVE, "writes_active", GAUGE) \
	X(S, HELD_ACTIVE, "held_active", GAUGE) \
	X(S, RULE_VERSION, "rule_version", GAUGE) \
	X(S, DRAINED_VERSION, "drained_version", GAUGE)
/* clang-format on */
STAT_ENUM(unit_stat, UNIT_STAT, UNIT_STATS);
extern const struct stat_type unit_stats; /* config.c */

enum unit_missing_key { UNIT_MISSING_GLOBAL, UNIT_MISSING_LOCAL_FIRST, UNIT_MISSING_REFUSE };

struct unit_config {
	const struct unit_rule *rule; /* NULL: does nothing */
	const struct unit *local;     /* NULL: in none */
	struct request_values keys;
	struct unit_extractor extractor;
	uint8_t missing_key;                    /* enum unit_missing_key */
	const struct string_matcher *read_only; /* methods */
	uint32_t read_only_count;
	uint32_t hold_ms; /* 0: refused at once */
	uint32_t max_held;
	struct shared_count *held;
	struct slice hop_header, rule_header;
	bool is_outbound; /* requests are on their way to their unit: none was wrong yet */
	struct stats *stats_owner;
	struct stat_scope *stats;
};

struct unit_state {
	struct filter_timer timer;
	uint64_t held_until_ms;
	uint32_t shard;
	unsigned slot; /* of the write under way */
	bool has_shard, is_read, has_hop;
	bool is_under_way, is_held;
	uint64_t asked_version; /* the rule by which somebody before us decided; 0: nobody */
	const struct unit *to;  /* where it goes; NULL: as its route says */
	bool is_local_first;    /* the local unit, where it has hosts */
	struct policy_wish wishes[2];
};

extern const struct filter_type unit_filter; /* config.c */
extern const struct route_policy unit_policy;

enum filter_status unit_request_headers(struct filter *f, struct headers *headers, bool end);
void unit_close(struct filter *f);

#endif

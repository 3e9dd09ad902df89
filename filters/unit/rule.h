/* The rule of units: whose each shard is, and where the units are.
 *
 *   key "2088…4713" ─ extractor ─> shard 71 ─ words (base/shared_shards.h) ─> owner ─> unit, its
 *                                                                              cluster or label
 *
 * The words are the process's and may be of a newer version than this configuration: the newest one
 * holds for all. Pure but for them. Owner: the published object's arena; immutable. Thread: any. */
#ifndef FILTERS_UNIT_RULE_H
#define FILTERS_UNIT_RULE_H

#include "base/shared_shards.h"
#include "routing/policy.h"

enum { UNIT_UNITS_MAX = 256 };

struct unit_extractor {
	bool has_substring, is_hash;
	int32_t from;    /* < 0: from the end */
	uint32_t length; /* 0: all that follows */
};

/* The shard of a key; false when it can't be had: the part isn't there, or it isn't a number. */
bool unit_shard(const struct unit_extractor *extractor, uint32_t shard_count, struct slice key,
		uint32_t *shard);

struct unit {
	struct slice name;
	uint64_t owner;       /* shared_shard_owner of its name */
	struct slice cluster; /* "" : hosts by label */
	uint32_t cluster_slot;
	struct label label;
	struct policy_wish wish;
};

struct unit_rule {
	struct slice name;
	uint64_t version;
	uint32_t shard_count;
	const uint64_t *words; /* of this version: adopted when it is published */
	const struct unit *units;
	uint32_t unit_count;
	const struct unit *global; /* NULL: none */
	struct shared_shards *shards;
};

/* NULL: this configuration doesn't know it. */
const struct unit *unit_find(const struct unit_rule *rule, uint64_t owner);

#endif

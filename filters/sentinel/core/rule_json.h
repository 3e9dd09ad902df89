/* Sentinel's rules from its own JSON: a list of objects a kind, as files, Nacos and setRules have
 * it.
 *
 * A rule that isn't valid is left out, with its place and the reason told; the others are read.
 * What has the wrong JSON type makes its rule invalid; numbers may be written as strings; null is
 * as good as absent; members that aren't known are skipped.
 *
 * Thread: any, off the workers. */
#ifndef SENTINEL_CORE_RULE_JSON_H
#define SENTINEL_CORE_RULE_JSON_H

#include <jansson.h>

#include "base/arena.h"
#include "base/status.h"
#include "filters/sentinel/core/rule_list.h"

struct rule_json_reader {
	struct arena *arena;
	uint64_t seed; /* the sentinel's: of fingerprints */
	void (*dropped)(void *arg, enum rule_kind kind, uint32_t index, const char *reason);
	void *arg;
	enum rule_dialect dialect;
};

/* Reads a list of that kind, in place of what `list` has of it. STATUS_INVALID: `json` is no array
 * (null counts as an empty one); `list` is as it was. */
enum status MUST_CHECK rule_json_read(const struct rule_json_reader *reader, enum rule_kind kind,
				      const json_t *json, struct rule_list *list);

/* The same from text. STATUS_MALFORMED: no JSON. */
enum status MUST_CHECK rule_json_parse(const struct rule_json_reader *reader, enum rule_kind kind,
				       struct slice text, struct rule_list *list);

#endif

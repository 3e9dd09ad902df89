/* Rules as JSON, as fastjson writes Sentinel's beans: members by name, absent ones left out.
 *
 * Pure. */
#ifndef SENTINEL_OPS_RULE_TEXT_H
#define SENTINEL_OPS_RULE_TEXT_H

#include "filters/sentinel/core/rule_list.h"
#include "telemetry/text.h"

/* All of that kind, an array. System rules: what they are together, a limit each. NULL: none. */
void rule_text_put(struct text *out, enum rule_kind kind, const struct rule_list *rules);

/* One of them, with a comma before it if it follows another. Not of RULE_SYSTEM. */
void rule_text_put_rule(struct text *out, enum rule_kind kind, const struct rule *rule);
/* A system rule of one limit, the others not set. */
void rule_text_put_limit(struct text *out, enum system_limit limit, double value);

#endif

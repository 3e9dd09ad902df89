/* Rules as sentinel-golang writes them, in the words of our own rules. What decides otherwise there
 * than any of ours would is refused, not bent: statistics over another interval than a second,
 * several probes, memory, attachments by key, load without BBR.
 *
 * Where Go says >= and Java >, the threshold is the next number below it. */
#ifndef SENTINEL_CORE_RULE_JSON_GOLANG_H
#define SENTINEL_CORE_RULE_JSON_GOLANG_H

#include "filters/sentinel/core/json_members.h"
#include "filters/sentinel/core/rule_list.h"

/* Each fills a rule of zeros but for its index, and returns NULL, or why it can't be kept. Members
 * of a wrong type are the members' fault, as ever. */

/* Of flow, or of isolation: that has a metricType, and limits threads. */
const char *golang_read_flow(struct json_members *members, struct flow_rule *rule);
const char *golang_read_breaker(struct json_members *members, struct degrade_rule *rule);
const char *golang_read_system(struct json_members *members, struct system_rule *rule);
/* But for the items. */
const char *golang_read_hotspot(struct json_members *members, struct param_flow_rule *rule);
/* One of specificItems: its text, count, and the Java type of its kind. */
void golang_read_item(struct json_members *members, struct param_flow_item *item);

#endif

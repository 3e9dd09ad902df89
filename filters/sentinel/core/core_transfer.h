/* All that a core knows, for the process that comes after this one: its calls are decided as if
 * nothing had happened. Calls on connections that stay with the old process until they end are
 * decided there, and the two don't hear of each other's passes: as long as the old process drains,
 * a limit holds for each of them.
 *
 *   old                  new
 *   sentinel_export ──>  sentinel_import   it goes on deciding
 *   … calls it began end there: core_running.h
 *
 * What travels: contexts and resources in their order, the windows of all nodes, the switch, the
 * machine's status, and the states of rules (rule_transfer.h), which go to equal rules here. Calls
 * that run in the old process count as running here, and a breaker that is half open waits for its
 * probe, until the import ends (or sentinel_import_probes): then those calls are over, and such a
 * breaker lets another one probe.
 *
 * The number of workers may differ. So may the seed, though it should not: what hot-parameter rules
 * that have values of their own know is left behind then.
 *
 * Both processes read the same clocks, as they share the machine. */
#ifndef SENTINEL_CORE_CORE_TRANSFER_H
#define SENTINEL_CORE_CORE_TRANSFER_H

#include "base/section.h"
#include "filters/sentinel/core/instant.h"

struct rule_set;
struct sentinel;

/* Appends all, but for what hot-parameter rules know of values where out might get longer by it
 * than values_end. rules: the version that holds. No call is begun or ends meanwhile. */
void sentinel_export(const struct sentinel *sentinel, const struct rule_set *rules,
		     struct instant now, size_t values_end, struct section_writer *out);

/* Takes it in, all of it or nothing; no call has been begun here yet. rules: the version that
 * holds. NULL, or why not. */
const char *sentinel_import(struct sentinel *sentinel, struct rule_set *rules, struct instant now,
			    struct slice bytes);

#endif

/* All that a core knows, for the process that comes after this one: its calls are decided as if
 * nothing had happened.
 *
 *   old                          new
 *   sentinel_export ──────────>  sentinel_import           it goes on deciding
 *   … calls it began end there
 *   sentinel_export_running ──>  sentinel_import_running   again and again
 *   ends                         sentinel_import_end
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

struct inheritance;
struct rule_set;
struct sentinel;

/* Appends all. rules: the version that holds. No call is begun or ends meanwhile. */
void sentinel_export(const struct sentinel *sentinel, const struct rule_set *rules,
		     struct instant now, struct section_writer *out);

/* Takes it in, all of it or nothing; no call has been begun here yet. rules: the version that
 * holds. NULL, or why not. */
const char *sentinel_import(struct sentinel *sentinel, struct rule_set *rules, struct instant now,
			    struct slice bytes);

/* Breakers that are half open for a call of the old process let another one probe at once: nobody
 * may tell what that call comes to. */
void sentinel_import_probes(const struct rule_set *rules);

/* Appends how many calls run, by node. Whoever counts meanwhile. */
void sentinel_export_running(const struct sentinel *sentinel, struct section_writer *out);

/* Of the calls that ran in the old process only those do still. On the thread of worker 0. NULL, or
 * why not. */
const char *sentinel_import_running(struct sentinel *sentinel, struct slice bytes);

/* The old process has gone. On the thread of worker 0. rules: the version that holds. */
void sentinel_import_end(struct sentinel *sentinel, const struct rule_set *rules);

/* NULL is fine. */
void inheritance_free(struct inheritance *inherited);

#endif

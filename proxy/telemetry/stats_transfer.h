/* What a process has counted, told to its successor: the section "stats".
 *
 *   old  stats_export_all ──────> GO ──> stats_export_more: what is new ─> … ──> ends
 *   new  stats_import <───────────────── stats_import                            stats_import_end
 *
 * Counters, response codes and histograms are added to those of the new process, by the names of
 * scope, type and row: one series, without a step back and without counting twice. Gauges of what a
 * process has in hand itself (connections, requests: what its workers counted, under a name that
 * says so) are shown together with the new ones until the old process has gone; what main says of
 * the state of things, the new main says itself. Texts stay behind.
 *
 * Scopes that the new process doesn't have yet are held until the end, so that a cluster that comes
 * a moment later finds its counts; then what nobody wants is forgotten, as it is when a cluster is
 * removed. A type of which there is no scope at all here is not known, and passed over.
 *
 *   bytes:  TYPE {name, row names} …  SCOPE {type's number, prefix, lists of what isn't 0} …
 *
 * Thread: main, all of it. Workers may count meanwhile: what isn't in one export is in the next. */
#ifndef TELEMETRY_STATS_TRANSFER_H
#define TELEMETRY_STATS_TRANSFER_H

#include "base/section.h"
#include "telemetry/stats.h"

/* Owner: a struct stats. */
extern const struct section_type stats_section;

/* Appends all that was counted, and notes it as told. */
void stats_export_all(struct stats *stats, struct section_writer *out);
/* Appends what has changed since; nothing if nothing was ever told. */
void stats_export_more(struct stats *stats, struct section_writer *out);

/* Takes in what an old process wrote, all of it or nothing. Fails with STATUS_INVALID. */
enum status MUST_CHECK stats_import(struct stats *stats, struct slice bytes, struct diag *diag);

/* The old process has gone, and its gauges with it. */
void stats_import_end(struct stats *stats);

#endif

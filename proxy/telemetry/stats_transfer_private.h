/* What stats_export.c and stats_import.c share: the bytes, and what of a type is told. */
#ifndef TELEMETRY_STATS_TRANSFER_PRIVATE_H
#define TELEMETRY_STATS_TRANSFER_PRIVATE_H

#include "telemetry/stats_private.h"
#include "telemetry/stats_transfer.h"

/* Fields of the section. */
enum {
	STATS_TYPE = 1,
	STATS_SCOPE = 2,
};

/* Of a type; types have numbers from 0 in the order in which they stand. */
enum {
	STATS_TYPE_NAME = 1,
	STATS_TYPE_ROW = 2, /* its name, one for each word */
};

/* Of a scope. Lists are of numbers. */
enum {
	STATS_SCOPE_TYPE = 1,
	STATS_SCOPE_PREFIX = 2,
	STATS_SCOPE_COUNTERS = 3,   /* row, count */
	STATS_SCOPE_GAUGES = 4,     /* row, signed value as it is now */
	STATS_SCOPE_CODES = 5,      /* row, how many, then code and count of each */
	STATS_SCOPE_HISTOGRAMS = 6, /* row, sum, how many, then bin and count of each */
	STATS_SCOPE_FIELDS,
};

/* What a row is to the successor. */
enum stats_share {
	STATS_SHARE_NONE,
	STATS_SHARE_COUNTER,
	STATS_SHARE_GAUGE,
	STATS_SHARE_CODES,
	STATS_SHARE_HISTOGRAM,
	STATS_SHARES,
};

enum stats_share stats_share_of(const struct stat_row *row);

/* Adds the bytes to what stats->told holds, which is made if need be. They are our own. */
void stats_note_told(struct stats *stats, struct slice bytes);

/* Frees all that export and import have made. */
void stats_forget_told(struct stats *stats);

#endif

/* How a table of stats is written, and what it becomes.
 *
 *   #define PUMP_STATS(X, S)                     X(S, id, "name as shown", kind)
 *           X(S, STROKE_TOTAL, "stroke_total", COUNTER)
 *           X(S, PRESSURE, "pressure", GAUGE)
 *           X(S, STROKE_TIME, "stroke_time", HISTOGRAM_MS)
 *   STAT_ENUM(pump_stat, PUMP_STAT, PUMP_STATS);        .h: enum { PUMP_STAT_STROKE_TOTAL, ... }
 *   extern const struct stat_type pump_stats;          .h
 *   STAT_TYPE(pump_stats, "pump", PUMP_STAT, PUMP_STATS);   .c
 *
 * The order is the order of words in memory: put together what is counted together. Thread:
 * constant data. */
#ifndef TELEMETRY_STATS_TABLE_H
#define TELEMETRY_STATS_TABLE_H

#include <stdint.h>

#include "base/slice.h"

enum stat_kind {
	STAT_NONE, /* the second word of a gauge */
	STAT_COUNTER,
	STAT_LAZY_COUNTER, /* not shown before it is used */
	STAT_CODES,        /* one lazy counter for each response code that occurred */
	STAT_GAUGE,
	STAT_LAZY_GAUGE,
	STAT_HISTOGRAM,
	STAT_LAZY_HISTOGRAM,
	STAT_TEXT,
};

enum stat_unit {
	STAT_UNIT_NONE,
	STAT_UNIT_MS,
	STAT_UNIT_BYTES,
	STAT_UNIT_PERCENT, /* whole percents */
};

struct stat_row {
	const char *name;
	uint8_t name_len;
	uint8_t kind; /* enum stat_kind */
	uint8_t unit; /* enum stat_unit */
};

struct stat_type {
	const char *name;
	const struct stat_row *rows; /* one a word */
	uint32_t count;
};

#define STAT_ID_COUNTER(S, id) S##_##id,
#define STAT_ID_LAZY_COUNTER(S, id) S##_##id,
#define STAT_ID_CODES(S, id) S##_##id,
#define STAT_ID_GAUGE(S, id) S##_##id, S##_##id##_DOWN,
#define STAT_ID_LAZY_GAUGE(S, id) S##_##id, S##_##id##_DOWN,
#define STAT_ID_HISTOGRAM(S, id) S##_##id,
#define STAT_ID_HISTOGRAM_MS(S, id) S##_##id,
#define STAT_ID_HISTOGRAM_BYTES(S, id) S##_##id,
#define STAT_ID_HISTOGRAM_PERCENT(S, id) S##_##id,
#define STAT_ID_LAZY_HISTOGRAM_MS(S, id) S##_##id,
#define STAT_ID_TEXT(S, id) S##_##id,
#define STAT_ID(S, id, text, kind) STAT_ID_##kind(S, id)
#define STAT_ENUM(enum_name, S, TABLE) enum enum_name { TABLE(STAT_ID, S) S##_COUNT }

#define STAT_KIND_COUNTER STAT_COUNTER, STAT_UNIT_NONE
#define STAT_KIND_LAZY_COUNTER STAT_LAZY_COUNTER, STAT_UNIT_NONE
#define STAT_KIND_CODES STAT_CODES, STAT_UNIT_NONE
#define STAT_KIND_GAUGE STAT_GAUGE, STAT_UNIT_NONE
#define STAT_KIND_LAZY_GAUGE STAT_LAZY_GAUGE, STAT_UNIT_NONE
#define STAT_KIND_HISTOGRAM STAT_HISTOGRAM, STAT_UNIT_NONE
#define STAT_KIND_HISTOGRAM_MS STAT_HISTOGRAM, STAT_UNIT_MS
#define STAT_KIND_HISTOGRAM_BYTES STAT_HISTOGRAM, STAT_UNIT_BYTES
#define STAT_KIND_HISTOGRAM_PERCENT STAT_HISTOGRAM, STAT_UNIT_PERCENT
#define STAT_KIND_LAZY_HISTOGRAM_MS STAT_LAZY_HISTOGRAM, STAT_UNIT_MS
#define STAT_KIND_TEXT STAT_TEXT, STAT_UNIT_NONE
#define STAT_ROW(S, id, text, kind) [S##_##id] = {text, sizeof text - 1, STAT_KIND_##kind},
#define STAT_TYPE(type, text, S, TABLE)                                                            \
	static const struct stat_row type##_rows[S##_COUNT] = {TABLE(STAT_ROW, S)};                \
	const struct stat_type type = {text, type##_rows, S##_COUNT}

#endif

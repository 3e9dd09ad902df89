/* A distribution of whole numbers, exact to two significant digits.
 *
 *   0..99: a bin a value     from 100 on: 90 bins a power of ten (100-109, 110-119, .., 1000-1099)
 *
 * The bins are those of Envoy's log-linear histograms, so quantiles agree. A decade's bins are
 * allocated when a value first falls there. Owner: the shard it counts in. Thread: one writes
 * (relaxed); main reads meanwhile. */
#ifndef TELEMETRY_HISTOGRAM_H
#define TELEMETRY_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum {
	HISTOGRAM_SMALL = 100,  /* values with a bin of their own */
	HISTOGRAM_DECADES = 18, /* 100.. up to 2^64 */
	HISTOGRAM_DECADE_BINS = 90,
	HISTOGRAM_QUANTILES = 10, /* P0 P25 P50 P75 P90 P95 P99 P99.5 P99.9 P100 */
	HISTOGRAM_BINS = HISTOGRAM_SMALL + HISTOGRAM_DECADES * HISTOGRAM_DECADE_BINS,
};

struct histogram {
	uint64_t small[HISTOGRAM_SMALL];
	uint64_t *decades[HISTOGRAM_DECADES]; /* HISTOGRAM_DECADE_BINS each, or NULL */
	uint64_t sum;
};

/* What several histograms hold together. */
struct histogram_sum {
	uint64_t count, sum;
	uint64_t bins[HISTOGRAM_BINS];
};

/* Returns owned. */
struct histogram *histogram_new(void);
void histogram_free(struct histogram *h);

void histogram_record_big(struct histogram *h, uint64_t value);

static inline void histogram_record(struct histogram *h, uint64_t value)
{
	__atomic_store_n(&h->sum, h->sum + value, __ATOMIC_RELAXED);
	if (LIKELY(value < HISTOGRAM_SMALL))
		__atomic_store_n(&h->small[value], h->small[value] + 1, __ATOMIC_RELAXED);
	else
		histogram_record_big(h, value);
}

/* Adds n records to a bin, and to the sum of values: what another histogram held. */
void histogram_add_bin(struct histogram *h, unsigned bin, uint64_t n);
static inline void histogram_add_values(struct histogram *h, uint64_t sum)
{
	__atomic_store_n(&h->sum, h->sum + sum, __ATOMIC_RELAXED);
}
/* What a bin holds. Any thread. */
static inline uint64_t histogram_bin_count(const struct histogram *h, unsigned bin)
{
	const uint64_t *at = &h->small[0];
	if (bin >= HISTOGRAM_SMALL) {
		at = __atomic_load_n(&h->decades[(bin - HISTOGRAM_SMALL) / HISTOGRAM_DECADE_BINS],
				     __ATOMIC_ACQUIRE);
		bin = (bin - HISTOGRAM_SMALL) % HISTOGRAM_DECADE_BINS;
	}
	return at ? __atomic_load_n(&at[bin], __ATOMIC_RELAXED) : 0;
}

/* The bin of a value. */
unsigned histogram_bin(uint64_t value);
/* A bin's lower bound, and its width as shown: 0 is exact, 1 to 9 are taken as d.0 to d.1. */
double histogram_bin_low(unsigned bin);
double histogram_bin_width(unsigned bin);

/* Adds h's bins to sum. Any thread. */
void histogram_add_to(const struct histogram *h, struct histogram_sum *sum);

/* The shares of the quantiles that are shown: 0, 0.25, ... 1. */
extern const double histogram_quantiles[HISTOGRAM_QUANTILES];

/* The value below which the share q (0..1) of the records lies, interpolated within its bin. NaN if
 * empty. */
double histogram_quantile(const struct histogram_sum *sum, double q);

/* How many records lie in bins that begin at or below the bound: a Prometheus bucket. */
uint64_t histogram_count_upto(const struct histogram_sum *sum, double bound);

#endif

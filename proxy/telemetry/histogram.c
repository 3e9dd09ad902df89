#include "telemetry/histogram.h"

#include <math.h>
#include <stdlib.h>

#include "base/attributes.h"

static const uint64_t powers[] = {
	1,
	10,
	100,
	1000,
	10000,
	100000,
	1000000,
	10000000,
	100000000,
	1000000000,
	10000000000,
	100000000000,
	1000000000000,
	10000000000000,
	100000000000000,
	1000000000000000,
	10000000000000000,
	100000000000000000,
	1000000000000000000,
	10000000000000000000u,
};

/* The power of ten of a value >= 10: 1 for 10..99, 2 for 100..999, ... */
static unsigned exponent(uint64_t value)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(value);
	unsigned guess = bits * 1233 >> 12; /* floor(bits * log10(2)), at most one too much */
	return guess - (value < powers[guess]);
}

struct histogram *histogram_new(void)
{
	struct histogram *h = calloc(1, sizeof *h);
	invariant(h);
	return h;
}

void histogram_free(struct histogram *h)
{
	if (!h)
		return;
	for (unsigned d = 0; d < HISTOGRAM_DECADES; d++)
		free(h->decades[d]);
	free(h);
}

static COLD uint64_t *add_decade(uint64_t **decade)
{
	uint64_t *bins = calloc(HISTOGRAM_DECADE_BINS, sizeof *bins);
	invariant(bins);
	__atomic_store_n(decade, bins, __ATOMIC_RELEASE);
	return bins;
}

void histogram_record_big(struct histogram *h, uint64_t value)
{
	unsigned e = exponent(value);
	uint64_t **decade = &h->decades[e - 2];
	uint64_t *bins = LIKELY(*decade) ? *decade : add_decade(decade);
	uint64_t *bin = &bins[value / powers[e - 1] - 10];
	__atomic_store_n(bin, *bin + 1, __ATOMIC_RELAXED);
}

void histogram_add_bin(struct histogram *h, unsigned bin, uint64_t n)
{
	uint64_t *at = &h->small[0];
	if (bin >= HISTOGRAM_SMALL) {
		uint64_t **decade = &h->decades[(bin - HISTOGRAM_SMALL) / HISTOGRAM_DECADE_BINS];
		at = *decade ? *decade : add_decade(decade);
		bin = (bin - HISTOGRAM_SMALL) % HISTOGRAM_DECADE_BINS;
	}
	__atomic_store_n(&at[bin], at[bin] + n, __ATOMIC_RELAXED);
}

unsigned histogram_bin(uint64_t value)
{
	if (value < HISTOGRAM_SMALL)
		return (unsigned)value;
	unsigned e = exponent(value);
	return HISTOGRAM_SMALL + (e - 2) * HISTOGRAM_DECADE_BINS +
	       (unsigned)(value / powers[e - 1]) - 10;
}

double histogram_bin_low(unsigned bin)
{
	if (bin < HISTOGRAM_SMALL)
		return bin;
	unsigned decade = (bin - HISTOGRAM_SMALL) / HISTOGRAM_DECADE_BINS;
	unsigned digits = (bin - HISTOGRAM_SMALL) % HISTOGRAM_DECADE_BINS + 10;
	return digits * (double)powers[decade + 1];
}

double histogram_bin_width(unsigned bin)
{
	if (bin < HISTOGRAM_SMALL)
		return !bin ? 0 : bin < 10 ? 0.1 : 1;
	return (double)powers[(bin - HISTOGRAM_SMALL) / HISTOGRAM_DECADE_BINS + 1];
}

void histogram_add_to(const struct histogram *h, struct histogram_sum *sum)
{
	for (unsigned i = 0; i < HISTOGRAM_SMALL; i++) {
		uint64_t n = __atomic_load_n(&h->small[i], __ATOMIC_RELAXED);
		sum->bins[i] += n;
		sum->count += n;
	}
	for (unsigned d = 0; d < HISTOGRAM_DECADES; d++) {
		uint64_t *bins = __atomic_load_n(&h->decades[d], __ATOMIC_ACQUIRE);
		uint64_t *to = sum->bins + HISTOGRAM_SMALL + d * HISTOGRAM_DECADE_BINS;
		for (unsigned i = 0; bins && i < HISTOGRAM_DECADE_BINS; i++) {
			uint64_t n = __atomic_load_n(&bins[i], __ATOMIC_RELAXED);
			to[i] += n;
			sum->count += n;
		}
	}
	sum->sum += __atomic_load_n(&h->sum, __ATOMIC_RELAXED);
}

const double histogram_quantiles[HISTOGRAM_QUANTILES] = {0,    0.25, 0.5,   0.75,  0.9,
							 0.95, 0.99, 0.995, 0.999, 1};

double histogram_quantile(const struct histogram_sum *sum, double q)
{
	if (!sum->count)
		return NAN;
	uint64_t rank = (uint64_t)ceil(q * (double)sum->count), below = 0;
	unsigned bin = 0;
	if (!rank)
		rank = 1;
	while (bin < HISTOGRAM_BINS - 1 && below + sum->bins[bin] < rank)
		below += sum->bins[bin++];
	/* The n records of a bin are taken to split it into n + 1 equal parts. */
	return histogram_bin_low(bin) +
	       histogram_bin_width(bin) * (double)(rank - below) / (double)(sum->bins[bin] + 1);
}

uint64_t histogram_count_upto(const struct histogram_sum *sum, double bound)
{
	uint64_t count = 0;
	for (unsigned bin = 0; bin < HISTOGRAM_BINS && histogram_bin_low(bin) <= bound; bin++)
		count += sum->bins[bin];
	return count;
}

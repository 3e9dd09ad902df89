#include "filters/traffic_class/learned.h"

enum {
	FORGOTTEN_PART = 512,
	GROWTH_PART = 20,
	THOUSAND = 1000,
	DECREASE = 900, /* thousandths */
};

static uint32_t bounded(uint64_t limit, const struct learned_options *options)
{
	if (limit < options->min)
		return options->min;
	return limit > options->max ? options->max : (uint32_t)limit;
}

static void note_base(struct learned *learned, uint64_t average_us)
{
	if (!learned->base_us || average_us < learned->base_us)
		learned->base_us = average_us ? average_us : 1;
	else
		learned->base_us += (average_us - learned->base_us) / FORGOTTEN_PART;
}

void learned_window(struct learned *learned, const struct learned_options *options, uint64_t sum_us,
		    uint32_t answers, uint32_t most_in_flight)
{
	uint64_t limit = bounded(learned->limit, options);

	if (answers >= LEARNED_ANSWERS_MIN) {
		uint64_t average_us = sum_us / answers;
		note_base(learned, average_us);
		if (average_us * THOUSAND > learned->base_us * options->tolerance)
			limit = limit * DECREASE / THOUSAND;
		else if (most_in_flight * UINT64_C(2) >= limit)
			limit += limit / GROWTH_PART + 1;
	}
	learned->limit = bounded(limit, options);
}

uint64_t learned_delay_us(const struct learned *learned, uint64_t sum_us, uint32_t answers)
{
	uint64_t average_us = answers ? sum_us / answers : 0;

	return learned->base_us && average_us > learned->base_us ? average_us - learned->base_us
								 : 0;
}

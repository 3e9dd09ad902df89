#include "filters/sentinel/core/occupy.h"

#include <stdlib.h>

#include "base/attributes.h"

static uint64_t pack(uint32_t number, uint32_t count)
{
	return (uint64_t)number << 32 | count;
}

static uint32_t number_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static struct occupy *allocate(void)
{
	struct occupy *occupy = malloc(sizeof(*occupy));

	invariant(occupy);
	return occupy;
}

struct occupy *occupy_new(uint32_t window)
{
	struct occupy *occupy = allocate();

	for (uint32_t i = 0; i < 2; i++) {
		atomic_init(&occupy->head[(window - i) & 1], pack(window - i, 0));
		atomic_init(&occupy->borrow[(window - i) & 1], pack(window - i, 0));
	}
	for (uint32_t i = 0; i < SENTINEL_MINUTE_WINDOWS; i++)
		atomic_init(&occupy->occupied[(window / 2 - i) % SENTINEL_MINUTE_WINDOWS],
			    pack(window / 2 - i, 0));
	return occupy;
}

struct occupy *occupy_copy(const struct occupy *from)
{
	struct occupy *occupy = allocate();

	for (int i = 0; i < 2; i++) {
		atomic_init(&occupy->head[i], load(&from->head[i]));
		atomic_init(&occupy->borrow[i], load(&from->borrow[i]));
	}
	for (int i = 0; i < SENTINEL_MINUTE_WINDOWS; i++)
		atomic_init(&occupy->occupied[i], load(&from->occupied[i]));
	return occupy;
}

void occupy_begin(struct occupy *occupy, uint32_t window)
{
	_Atomic uint64_t *head = &occupy->head[window & 1];
	uint64_t seen = load(head);

	while ((int32_t)(window - number_of(seen)) > 0) {
		uint64_t borrow = load(&occupy->borrow[window & 1]);
		uint32_t count = number_of(borrow) == window ? (uint32_t)borrow : 0;
		if (atomic_compare_exchange_weak_explicit(head, &seen, pack(window, count),
							  memory_order_relaxed,
							  memory_order_relaxed))
			return;
	}
}

/* Adds to the word if it is of that number or of an older one; to one of a newer number nothing. */
static void add(_Atomic uint64_t *word, uint32_t number, uint32_t n)
{
	uint64_t seen = load(word), next;

	do {
		int32_t age = (int32_t)(number - number_of(seen));
		if (age < 0)
			return;
		uint64_t count = (age ? 0 : (uint32_t)seen) + (uint64_t)n;
		next = pack(number, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
	} while (!atomic_compare_exchange_weak_explicit(word, &seen, next, memory_order_relaxed,
							memory_order_relaxed));
}

void occupy_borrow(struct occupy *occupy, uint32_t window, uint32_t n)
{
	add(&occupy->borrow[window & 1], window, n);
}

void occupy_count(struct occupy *occupy, uint32_t second, uint32_t n)
{
	add(&occupy->occupied[second % SENTINEL_MINUTE_WINDOWS], second, n);
}

uint32_t occupy_at(const struct occupy *occupy, uint32_t window)
{
	uint64_t head = load(&occupy->head[window & 1]);
	return number_of(head) == window ? (uint32_t)head : 0;
}

uint64_t occupy_waiting(const struct occupy *occupy, uint32_t window)
{
	uint64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t borrow = load(&occupy->borrow[i]);
		if ((int32_t)(number_of(borrow) - window) > 0)
			sum += (uint32_t)borrow;
	}
	return sum;
}

uint32_t occupy_counted(const struct occupy *occupy, uint32_t second)
{
	uint64_t word = load(&occupy->occupied[second % SENTINEL_MINUTE_WINDOWS]);
	return number_of(word) == second ? (uint32_t)word : 0;
}

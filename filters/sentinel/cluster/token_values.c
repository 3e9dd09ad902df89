#include "filters/sentinel/cluster/token_values.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

enum {
	NONE = -1,
	FIRST_ROOM = 16,
};

struct value_count {
	int64_t number; /* of the window */
	int64_t count;
};

/* Lists are by index, as entries move when there must be room for more. */
struct value_entry {
	uint64_t fingerprint;
	int32_t chain;        /* the next one of its bucket */
	int32_t newer, older; /* in the order of use */
	char text[TOKEN_VALUE_TEXT_MAX];
};

struct token_values {
	int32_t samples, window_ms, interval_ms;
	int32_t count, room, capacity;
	int32_t newest, oldest;
	int32_t *buckets; /* as many as there is room; a power of 2 */
	struct value_entry *entries;
	struct value_count *counts; /* `samples` for each entry, by window */
};

static void *resized(void *memory, size_t count, size_t size)
{
	void *bigger = realloc(memory, count * size);

	invariant(bigger);
	return bigger;
}

static void put_in_bucket(struct token_values *values, int32_t index)
{
	struct value_entry *entry = &values->entries[index];
	int32_t *bucket = &values->buckets[entry->fingerprint & (uint64_t)(values->room - 1)];

	entry->chain = *bucket;
	*bucket = index;
}

static void grow(struct token_values *values)
{
	size_t room = values->room ? (size_t)values->room * 2 : FIRST_ROOM;

	values->entries = resized(values->entries, room, sizeof(*values->entries));
	values->counts =
		resized(values->counts, room * (size_t)values->samples, sizeof(*values->counts));
	values->buckets = resized(values->buckets, room, sizeof(*values->buckets));
	values->room = (int32_t)room;
	for (int32_t i = 0; i < values->room; i++)
		values->buckets[i] = NONE;
	for (int32_t i = 0; i < values->count; i++)
		put_in_bucket(values, i);
}

/* Windows are at most TOKEN_SAMPLES_MAX: there is room for TOKEN_VALUES_A_WINDOW at least. */
static int32_t capacity_of(int32_t samples)
{
	int32_t capacity = samples * TOKEN_VALUES_A_WINDOW;

	if (capacity > TOKEN_VALUES_KNOWN_MAX)
		capacity = TOKEN_VALUES_KNOWN_MAX;
	if (capacity > TOKEN_VALUE_COUNTS_MAX / samples)
		capacity = TOKEN_VALUE_COUNTS_MAX / samples;
	return capacity;
}

struct token_values *token_values_new(int32_t samples, int32_t interval_ms)
{
	struct token_values *values = calloc(1, sizeof(*values));

	invariant(values);
	values->samples = samples;
	values->interval_ms = interval_ms;
	values->window_ms = interval_ms / samples;
	values->capacity = capacity_of(samples);
	values->newest = values->oldest = NONE;
	grow(values);
	return values;
}

void token_values_free(struct token_values *values)
{
	if (!values)
		return;
	free(values->entries);
	free(values->counts);
	free(values->buckets);
	free(values);
}

/* --- the order of use --- */

static void unlink_entry(struct token_values *values, int32_t index)
{
	const struct value_entry *entry = &values->entries[index];

	if (entry->newer == NONE)
		values->newest = entry->older;
	else
		values->entries[entry->newer].older = entry->older;
	if (entry->older == NONE)
		values->oldest = entry->newer;
	else
		values->entries[entry->older].newer = entry->newer;
}

static void link_as_newest(struct token_values *values, int32_t index)
{
	struct value_entry *entry = &values->entries[index];

	entry->newer = NONE;
	entry->older = values->newest;
	if (values->newest == NONE)
		values->oldest = index;
	else
		values->entries[values->newest].newer = index;
	values->newest = index;
}

static int32_t find(const struct token_values *values, uint64_t fingerprint)
{
	int32_t index = values->buckets[fingerprint & (uint64_t)(values->room - 1)];

	while (index != NONE && values->entries[index].fingerprint != fingerprint)
		index = values->entries[index].chain;
	return index;
}

static void take_from_bucket(struct token_values *values, int32_t index)
{
	uint64_t fingerprint = values->entries[index].fingerprint;
	int32_t *at = &values->buckets[fingerprint & (uint64_t)(values->room - 1)];

	while (*at != index)
		at = &values->entries[*at].chain;
	*at = values->entries[index].chain;
}

/* An entry of its own: a new one, or that of the value that goes. */
static int32_t new_entry(struct token_values *values, uint64_t fingerprint)
{
	int32_t index = values->count;

	if (values->count == values->capacity) {
		index = values->oldest;
		unlink_entry(values, index);
		take_from_bucket(values, index);
	} else {
		if (values->count == values->room)
			grow(values);
		values->count++;
	}
	struct value_count *counts = &values->counts[(size_t)index * (size_t)values->samples];
	for (int32_t i = 0; i < values->samples; i++)
		counts[i] = (struct value_count){.number = NONE};
	values->entries[index].fingerprint = fingerprint;
	put_in_bucket(values, index);
	link_as_newest(values, index);
	return index;
}

/* --- counting --- */

static double average(const struct token_values *values, int32_t index, int64_t now_ms)
{
	const struct value_count *counts = &values->counts[(size_t)index * (size_t)values->samples];
	int64_t sum = 0, now = now_ms / values->window_ms;

	for (int32_t i = 0; i < values->samples; i++)
		if (counts[i].number != NONE && counts[i].number > now - values->samples)
			sum += counts[i].count;
	return (double)sum / (values->interval_ms / 1000.0);
}

double token_values_average(struct token_values *values, uint64_t fingerprint, int64_t now_ms)
{
	int32_t index = find(values, fingerprint);

	if (index == NONE)
		return 0;
	unlink_entry(values, index);
	link_as_newest(values, index);
	return average(values, index, now_ms);
}

void token_values_add(struct token_values *values, const struct argument *value,
		      uint64_t fingerprint, int64_t n, int64_t now_ms)
{
	int32_t index = find(values, fingerprint);
	int64_t number = now_ms / values->window_ms;

	if (index == NONE) {
		index = new_entry(values, fingerprint);
		argument_format(value, values->entries[index].text, TOKEN_VALUE_TEXT_MAX);
	}
	struct value_count *count = &values->counts[(size_t)index * (size_t)values->samples +
						    (size_t)(number % values->samples)];
	if (count->number > number)
		return; /* the clock went back */
	if (count->number < number)
		*count = (struct value_count){.number = number};
	count->count += n;
}

/* --- showing --- */

size_t token_values_top(const struct token_values *values, int64_t now_ms,
			struct token_top_value *top, size_t room)
{
	size_t count = 0;

	for (int32_t i = 0; i < values->count; i++) {
		double here = average(values, i, now_ms);
		size_t at = count;
		if (here <= 0)
			continue;
		while (at > 0 && top[at - 1].average < here)
			at--;
		if (at == room)
			continue;
		if (count < room)
			count++;
		memmove(&top[at + 1], &top[at], (count - at - 1) * sizeof(*top));
		top[at].average = here;
		memcpy(top[at].text, values->entries[i].text, TOKEN_VALUE_TEXT_MAX);
	}
	return count;
}
